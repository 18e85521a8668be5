/* format_choice_test.c - which tensors of a mixture have more bits: in models whose layers differ,
 * those with values are counted, as llama-quantize counts them; and what takes rows that the blocks
 * of a format do not divide. */
#include "weights/format_choice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/succeeds.h"

enum { LAYERS = 16 };

static layer_config layer[LAYERS];
static model_config config;

/* A letter a layer: attention, attention whose values are the keys, latent, latent with split
 * matrices, gated delta, Kimi delta, Mamba-2, short convolution */
static void set_layers(const char *letters)
{
    static const char known[] = "avlsdkmc";
    static const mixer *const rows[] = { &mixer_grouped, &mixer_grouped, &mixer_latent,
        &mixer_latent, &mixer_gated_delta, &mixer_kda, &mixer_mamba2, &mixer_short_conv };
    memset(layer, 0, sizeof layer);
    config = (model_config){ .layers = (int64_t)strlen(letters), .experts = 64, .layer = layer };
    for (int64_t l = 0; l < config.layers; l++) {
        mixer_config *m = &config.layer[l].mixer;
        m->row = rows[strchr(known, letters[l]) - known];
        m->values = letters[l] == 'v' ? VALUES_OF_KEYS : VALUES_PLAIN;
        m->split_kv_b = letters[l] == 's';
    }
}

/* '+' for the layers in which this role has more bits than the base */
static void has_more(const char *mixture, param_role role, const char *layers, const char *expected)
{
    format_choice choice;
    char found[LAYERS + 1] = "";
    set_layers(layers);
    succeeds(format_choice_parse("dtype", mixture, true, &choice));
    for (int64_t l = 0; l < config.layers; l++) {
        const param p = { .role = role, .layer = (int32_t)l };
        bool none = role == ROLE_V && strchr("vsmc", layers[l]);
        strcat(found, none || format_choice_of(&choice, &config, &p) == choice.base ? "." : "+");
    }
    assert_string_equal(found, expected);
}

static void layers_with_values_are_counted(void **state)
{
    (void)state;
    has_more("q4_k_m", ROLE_V, "aaaaaaaa", "+..+..++"); /* wherever all have them: by layer */
    has_more("q4_k_m", ROLE_V, "mamamamama", ".....+...+");
    has_more("q4_k_m", ROLE_V, "ccaccacccaca", ".........+.+");
    has_more("q4_k_m", ROLE_V, "aavaavaava", "...+...+.+");
    has_more("q4_k_m", ROLE_DELTA_IN, "dddddddddddddddd", "++..+..+..+..+++");
    has_more("q4_k_m", ROLE_V, "kkkskkks", "..+...+.");
    has_more("q4_k_s", ROLE_V, "mmammamama", "..+..+.+.+");
    has_more("q4_k_m", ROLE_KV_B, "llllllll", "+..+..++");
}

static void downs_are_counted_by_layer(void **state)
{
    (void)state;
    has_more("q4_k_m", ROLE_EXPERT_DOWN, "mamamama", "+..+..++");
    has_more("q4_k_s", ROLE_EXPERT_DOWN, "mamamama", "+.......");
    has_more("q4_k_m", ROLE_STATE_IN, "mmmmmmmm", "........");
    has_more("q4_k_m", ROLE_STATE_OUT, "dddddddd", "........");
    has_more("q4_k_m", ROLE_CONV_OUT, "cccccccc", "........");
}

static void ragged_rows_have_small_blocks(void **state)
{
    (void)state;
    const struct {
        const number_format *wanted, *of_32, *of_8;
    } cases[] = { { &number_q4_k, &number_q5_0, &number_f16 },
        { &number_q5_k, &number_q5_1, &number_f16 }, { &number_q6_k, &number_q8_0, &number_f16 },
        { &number_q4_0, &number_q4_0, &number_f16 }, { &number_mxfp4, &number_mxfp4, &number_f16 },
        { &number_bf16, &number_bf16, &number_bf16 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ptr_equal(format_choice_fitting(cases[i].wanted, 512), cases[i].wanted);
        assert_ptr_equal(format_choice_fitting(cases[i].wanted, 1856), cases[i].of_32);
        assert_ptr_equal(format_choice_fitting(cases[i].wanted, 40), cases[i].of_8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_with_values_are_counted),
        cmocka_unit_test(downs_are_counted_by_layer),
        cmocka_unit_test(ragged_rows_have_small_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
