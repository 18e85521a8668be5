/* head_order_test.c - orders of heads in files: where each row, element or column of a parameter is
 * stored, and back; what several parameters in one tensor have of it. */
#include "arch/architecture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/config_json.h"

enum { KEYS = 2, EACH = 3, KEY = 4, VALUE = 5, ROWS = 2 * KEYS * KEY + KEYS * EACH * VALUE };

static const char text[] =
    "{\"model_type\": \"%s\", \"vocab_size\": 20, \"hidden_size\": 16, \"num_hidden_layers\": 4, "
    "\"num_attention_heads\": 2, \"head_dim\": 8, \"num_experts\": 4, \"num_experts_per_tok\": 2, "
    "\"moe_intermediate_size\": 8, \"shared_expert_intermediate_size\": 8, "
    "\"linear_num_key_heads\": 2, \"linear_num_value_heads\": 6, \"linear_key_head_dim\": 4, "
    "\"linear_value_head_dim\": 5}";

static model_config config_of(const char *type)
{
    char json[1024];
    model_config c;
    snprintf(json, sizeof json, text, type);
    assert_int_equal(model_config_parse("test", json, strlen(json), &c), CADRE_OK);
    return c;
}

/* The place of a role of layer 0 in files of a kind */
static tensor_place place_of(
    const model_config *c, tensor_naming naming, param_role role, int64_t rows, int64_t cols)
{
    tensor_name name;
    param p = { .role = role, .layer = 0, .expert = -1, .rows = rows, .cols = cols };
    assert_true(tensor_name_of(c->arch, naming, role, 0, &name));
    return tensor_name_place(&name, c, &p);
}

/* What is stored at each row is what goes there. */
static void check_inverse(const tensor_place *place, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++)
        assert_int_equal(tensor_place_row_at(place, tensor_place_row(place, r)), r);
}

static void rows_of_each_key_head_are_together(void **state)
{
    (void)state;
    model_config c = config_of("qwen3_next");
    int64_t together = 2 * KEY + 2 * EACH * VALUE, values = EACH * VALUE;
    tensor_place in = place_of(&c, NAMES_OF_FOLDER, ROLE_DELTA_IN, ROWS, 16),
                 gate = place_of(&c, NAMES_OF_FOLDER, ROLE_DELTA_GATE, KEYS * values, 16);
    for (int64_t g = 0; g < KEYS; g++) {
        for (int64_t i = 0; i < KEY; i++) {
            assert_int_equal(tensor_place_row(&in, g * KEY + i), g * together + i);
            assert_int_equal(tensor_place_row(&in, (KEYS + g) * KEY + i), g * together + KEY + i);
        }
        for (int64_t i = 0; i < values; i++) {
            assert_int_equal(
                tensor_place_row(&in, 2 * KEYS * KEY + g * values + i), g * together + 2 * KEY + i);
            assert_int_equal(
                tensor_place_row(&gate, g * values + i), g * together + 2 * KEY + values + i);
        }
    }
    check_inverse(&in, ROWS);
    check_inverse(&gate, KEYS * values);
    for (int64_t r = 0; r < KEYS * values; r++)
        assert_int_equal(tensor_place_row_at(&in, tensor_place_row(&gate, r)), -1);
    model_config_free(&c);
}

/* [beta | decay] of each key head, in folders and in GGUF */
static void betas_and_decays_are_together(void **state)
{
    (void)state;
    model_config c = config_of("qwen3_next");
    for (tensor_naming n = NAMES_OF_FOLDER; n <= NAMES_OF_GGUF; n++) {
        tensor_place beta = place_of(&c, n, ROLE_DELTA_BETA, KEYS * EACH, 16),
                     decay = place_of(&c, n, ROLE_DELTA_DECAY, KEYS * EACH, 16);
        static const int64_t betas[] = { 0, 1, 2, 6, 7, 8 };
        for (int64_t i = 0; i < KEYS * EACH; i++) {
            assert_int_equal(tensor_place_row(&beta, i), betas[i]);
            assert_int_equal(tensor_place_row(&decay, i), betas[i] + EACH);
        }
        check_inverse(&beta, KEYS * EACH);
        check_inverse(&decay, KEYS * EACH);
    }
    model_config_free(&c);
}

/* Head g EACH + i is stored as head i KEYS + g. */
static void heads_of_values_are_tiled(void **state)
{
    (void)state;
    model_config c = config_of("qwen3_5_moe_text");
    static const int64_t heads[] = { 0, 2, 4, 1, 3, 5 };
    int64_t count = KEYS * EACH, keys = 2 * KEYS * KEY;
    tensor_place in = place_of(&c, NAMES_OF_GGUF, ROLE_DELTA_IN, ROWS, 16),
                 gate = place_of(&c, NAMES_OF_GGUF, ROLE_DELTA_GATE, count * VALUE, 16),
                 logs = place_of(&c, NAMES_OF_GGUF, ROLE_A_LOG, 1, count),
                 taps = place_of(&c, NAMES_OF_GGUF, ROLE_CONV, 1, ROWS * 4),
                 out = place_of(&c, NAMES_OF_GGUF, ROLE_STATE_OUT, 16, count * VALUE);
    for (int64_t r = 0; r < keys; r++) assert_int_equal(tensor_place_row(&in, r), r);
    for (int64_t h = 0; h < count; h++) {
        assert_int_equal(tensor_place_row(&logs, h), heads[h]);
        for (int64_t i = 0; i < VALUE; i++) {
            int64_t from = h * VALUE + i, to = heads[h] * VALUE + i;
            assert_int_equal(tensor_place_row(&in, keys + from), keys + to);
            assert_int_equal(tensor_place_row(&gate, from), to);
            assert_int_equal(tensor_place_column(&out, from), to);
            assert_int_equal(tensor_place_row(&taps, (keys + from) * 4 + 1), (keys + to) * 4 + 1);
        }
    }
    for (int64_t r = 0; r < 16; r++) assert_int_equal(tensor_place_row(&out, r), r);
    check_inverse(&in, ROWS);
    check_inverse(&gate, count * VALUE);
    check_inverse(&taps, ROWS * 4);
    model_config_free(&c);
}

/* Where the model itself has them tiled, and in folders, nothing changes its place. */
static void others_are_as_they_are(void **state)
{
    (void)state;
    model_config c = config_of("qwen3_5_moe_text");
    tensor_place folder = place_of(&c, NAMES_OF_FOLDER, ROLE_DELTA_IN, ROWS, 16);
    c.tiled_heads = true;
    tensor_place open = place_of(&c, NAMES_OF_GGUF, ROLE_DELTA_IN, ROWS, 16);
    assert_int_equal(folder.order.kind, ORDER_SAME);
    assert_int_equal(open.order.kind, ORDER_SAME);
    for (int64_t r = 0; r < ROWS; r++) {
        assert_int_equal(tensor_place_row(&folder, r), r);
        assert_int_equal(tensor_place_row(&open, r), r);
    }
    model_config_free(&c);
}

/* One layer in so many attends, unless a list says otherwise; only then there is a period. */
static void layers_attend_in_a_period(void **state)
{
    (void)state;
    model_config c = config_of("qwen3_next");
    assert_int_equal(model_config_attention_period(&c), 4);
    assert_int_equal(model_config_recurrent_layers(&c), 3);
    assert_ptr_equal(c.layer[3].mixer.row, &mixer_grouped);
    assert_ptr_equal(c.layer[0].mixer.row, &mixer_gated_delta);
    assert_int_equal(c.layer[0].mixer.key_heads, KEYS);
    assert_int_equal(c.layer[0].mixer.value_dim, VALUE);
    c.layer[1].mixer = c.layer[3].mixer;
    assert_int_equal(model_config_attention_period(&c), 2);
    c.layer[0].mixer = c.layer[3].mixer;
    assert_int_equal(model_config_attention_period(&c), 0);
    model_config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_each_key_head_are_together),
        cmocka_unit_test(betas_and_decays_are_together),
        cmocka_unit_test(heads_of_values_are_tiled),
        cmocka_unit_test(others_are_as_they_are),
        cmocka_unit_test(layers_attend_in_a_period),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
