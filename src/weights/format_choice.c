/* format_choice.c - THE LIST of mixtures, which follow llama.cpp's of the same names, and single
 * formats by their own names. */
#include "weights/format_choice.h"

#include "cadre/write.h"

#include <string.h>
#include <strings.h>

/* ---- which layers get more bits ---- */

static bool no_layer(int64_t layer, int64_t layers)
{
    (void)layer, (void)layers;
    return false;
}

static bool first_four(int64_t layer, int64_t layers)
{
    (void)layers;
    return layer < 4;
}

static bool first_eighth(int64_t layer, int64_t layers) { return layer < layers / 8; }

/* Whether a layer gets more bits: the first and the last eighth, and every third one between */
static bool spread(int64_t layer, int64_t layers)
{
    int64_t eighth = layers / 8;
    return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
}

static const format_choice mixtures[] = {
    { "q4_k_s", &number_q4_k, &number_q6_k, &number_q5_k, first_four, first_eighth, &number_q5_k,
        true, 14 },
    { "q4_k_m", &number_q4_k, &number_q6_k, &number_q6_k, spread, spread, &number_q5_k, true, 15 },
    { "q5_k_s", &number_q5_k, &number_q6_k, &number_q5_k, no_layer, no_layer, &number_q5_k, true,
        16 },
    { "q5_k_m", &number_q5_k, &number_q6_k, &number_q6_k, spread, spread, &number_q5_k, true, 17 },
};
enum { MIXTURES = sizeof mixtures / sizeof *mixtures };

/* ---- names ---- */

/* Whether files can be written in this format. */
static bool is_written(const number_format *f) { return f->pack && f->gguf >= 0; }

static format_choice of_format(const number_format *f)
{
    return (format_choice){ f->name, f, f, f, no_layer, no_layer, f, false, f->file_type };
}

const char *cadre_dtype_name(int i)
{
    int count, at = 0;
    const number_format *const *list = number_list(&count);
    for (int k = 0; k < count; k++)
        if (is_written(list[k]) && at++ == i) return list[k]->name;
    return i >= at && i - at < MIXTURES ? mixtures[i - at].name : NULL;
}

static bool find(const char *name, format_choice *out)
{
    const number_format *named = number_by_name(name);
    if (named && is_written(named)) *out = of_format(named);
    for (int i = 0; i < MIXTURES; i++)
        if (!strcasecmp(mixtures[i].name, name)) *out = mixtures[i];
    return out->base;
}

cadre_status format_choice_parse(
    const char *option, const char *name, bool to_gguf, format_choice *out)
{
    format_choice found = { 0 };
    if (!find(name, &found) || (!to_gguf && !found.base->safetensors))
        return cadre_fail(CADRE_EARGUMENT, NULL, "--%s: expected %s, found \"%s\"", option,
            to_gguf ? "a format of `cadre help convert`" : "f32, f16 or bf16 for a folder", name);
    *out = found;
    return CADRE_OK;
}

/* ---- formats ---- */

/* Whether a layer has a tensor that counts as attention's values: v, or q, k and v in one, or keys
 * and values in one */
static bool has_values(const mixer_config *m)
{
    if (m->row == &mixer_latent) return !m->split_kv_b;
    if (m->row == &mixer_grouped) return m->values != VALUES_OF_KEYS;
    return m->row == &mixer_gated_delta || m->row == &mixer_kda || m->row == &mixer_cross;
}

/* Whether a layer's values get more bits; layers are counted among those that have values. */
static bool values_have_more(const format_choice *d, const model_config *config, int64_t layer)
{
    int64_t before = 0, all = 0;
    for (int64_t l = 0; l < config->layers; l++) {
        bool counts = has_values(&config->layer[l].mixer);
        all += counts;
        before += counts && l < layer;
    }
    return d->values_have_more(before, all);
}

const number_format *format_choice_of(
    const format_choice *d, const model_config *config, const param *p)
{
    const bool eight = d->mixed && config->experts == 8;
    switch (p->role) {
    case ROLE_HEAD: return d->head;
    case ROLE_EMBED: return config->tie ? d->head : d->base;
    case ROLE_V:
    case ROLE_KV_B:
    case ROLE_DELTA_IN:
        return eight ? &number_q8_0 : values_have_more(d, config, p->layer) ? d->more : d->base;
    case ROLE_K: return eight ? &number_q8_0 : d->base;
    case ROLE_O: return eight ? d->eight_out : d->base;
    case ROLE_DOWN:
    case ROLE_EXPERT_DOWN:
    case ROLE_SHARED_DOWN: return d->downs_have_more(p->layer, config->layers) ? d->more : d->base;
    default: return d->base;
    }
}

/* The format with as many bits in blocks of 32 */
static const number_format *in_small_blocks(const number_format *f)
{
    return f == &number_q4_k ? &number_q5_0 : f == &number_q5_k ? &number_q5_1 : &number_q8_0;
}

const number_format *format_choice_fitting(const number_format *wanted, int64_t cols)
{
    const number_format *small = in_small_blocks(wanted);
    if (cols % wanted->block == 0) return wanted;
    return cols % small->block == 0 ? small : &number_f16;
}
