/* gguf_layers.c - a key has one value for all layers, or a list with one for each. */
#include "arch/gguf_layers.h"

#include <stdio.h>

#include "arch/architecture.h"
#include "arch/config_keys_gguf.h"

enum { KEY = 96 };
static const char head_key[] = "attention.head_count", kv_key[] = "attention.head_count_kv",
                  period_key[] = "full_attention_interval";

static void name_of(const model_config *c, const char *key, char name[KEY])
{
    snprintf(name, KEY, "%s.%s", c->arch->gguf.name, key);
}

/* ---- heads ---- */

/* A list of one number of heads, or key-value heads, for each layer; .count 0: the file has one
 * number, or the family only one. */
static cadre_status list_of(
    const gguf *f, const model_config *c, const char *key, bool differ, gguf_array *list)
{
    char name[KEY];
    name_of(c, key, name);
    *list = (gguf_array){ 0 };
    if (!differ || gguf_type_of(f, name) != GGUF_ARRAY) return CADRE_OK;
    CADRE_TRY(gguf_get_array(f, name, list));
    bool fits = gguf_array_is_int(list) && (int64_t)list->count == c->layers;
    for (size_t i = 0; fits && i < list->count; i++)
        fits = gguf_array_int(list, i) >= 0 && gguf_array_int(list, i) <= 1024;
    return fits ? CADRE_OK
                : cadre_fail(CADRE_EFORMAT, gguf_path(f),
                      "%s: expected 0 to 1024 for each of %lld layers, found others", name,
                      (long long)c->layers);
}

/* The first that is not 0 */
static int64_t first_of(const gguf_array *list)
{
    int64_t first = 0;
    for (size_t i = 0; i < list->count && !first; i++) first = gguf_array_int(list, i);
    return first;
}

static bool lists_heads(const architecture *arch) { return arch->gguf.heads_differ; }
static bool lists_kv_heads(const architecture *arch)
{
    return arch->gguf.heads_differ || arch->gguf.recurrent;
}

/* Where only recurrent layers differ, all others have one number of key-value heads, at most that
 * of heads. */
static cadre_status check_kv(const gguf *f, const model_config *c, const gguf_array *list)
{
    char name[KEY];
    bool same = true;
    for (size_t i = 0; i < list->count && !c->arch->gguf.heads_differ; i++)
        same &= gguf_array_int(list, i) == 0 ||
                (gguf_array_int(list, i) == first_of(list) && first_of(list) <= c->heads);
    if (same) return CADRE_OK;
    name_of(c, kv_key, name);
    return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
        "%s: expected 0 or one and the same number for each of %lld layers, found others", name,
        (long long)c->layers);
}

cadre_status gguf_layers_read(const gguf *f, model_config *c)
{
    const config_key heads[] = { KEY_INT_OF(head_key, heads, KEY_REQUIRED, 0), { 0 } },
                     kv[] = { KEY_INT_OF(kv_key, kv_heads, 0, 0), { 0 } },
                     period[] = { KEY_INT_OF(period_key, attention_period, 0, 4), { 0 } };
    gguf_array head_list, kv_list;
    if (c->arch->gguf.period) CADRE_TRY(config_keys_read_gguf(f, period, c));
    CADRE_TRY(list_of(f, c, head_key, lists_heads(c->arch), &head_list));
    CADRE_TRY(list_of(f, c, kv_key, lists_kv_heads(c->arch), &kv_list));
    c->heads = first_of(&head_list);
    c->kv_heads = first_of(&kv_list);
    if (!head_list.count) CADRE_TRY(config_keys_read_gguf(f, heads, c));
    CADRE_TRY(check_kv(f, c, &kv_list));
    return kv_list.count ? CADRE_OK : config_keys_read_gguf(f, kv, c);
}

static cadre_status set_heads(const gguf *f, model_config *c)
{
    gguf_array heads, kv;
    CADRE_TRY(list_of(f, c, head_key, lists_heads(c->arch), &heads));
    CADRE_TRY(list_of(f, c, kv_key, lists_kv_heads(c->arch), &kv));
    if (!kv.count && c->attention_period && c->arch->gguf.recurrent)
        CADRE_TRY(model_config_attend_by_period(c, c->arch->gguf.recurrent, gguf_path(f)));
    for (int64_t l = 0; l < c->layers; l++) {
        mixer_config *m = &c->layer[l].mixer;
        if (c->arch->gguf.recurrent && kv.count && !gguf_array_int(&kv, (size_t)l))
            CADRE_TRY(model_config_set_mixer(c, l, c->arch->gguf.recurrent, gguf_path(f)));
        else if (kv.count && !c->latent) m->kv_heads = gguf_array_int(&kv, (size_t)l);
        if (heads.count) m->heads = gguf_array_int(&heads, (size_t)l);
    }
    return CADRE_OK;
}

static void put_list(
    gguf_writer *w, const model_config *c, const char *key, bool differ, const int64_t *heads)
{
    char name[KEY];
    name_of(c, key, name);
    bool same = !differ;
    for (int64_t l = 1; l < c->layers && !same; l++)
        if (heads[l] != heads[0]) {
            gguf_writer_ints(w, name, GGUF_I32, heads, (size_t)c->layers);
            return;
        }
    gguf_writer_int(w, name, GGUF_U32, heads[0]);
}

void gguf_layers_put_heads(gguf_writer *w, const model_config *c)
{
    int64_t heads[CONFIG_MAX_LAYERS] = { 0 }, kv[CONFIG_MAX_LAYERS] = { 0 };
    int64_t period = c->arch->gguf.period ? model_config_attention_period(c) : 0;
    bool lists = lists_heads(c->arch), kv_lists = lists_kv_heads(c->arch) && !period;
    char name[KEY];
    for (int64_t l = 0; l < c->layers; l++) {
        const mixer_config *m = &c->layer[l].mixer;
        heads[l] = lists ? m->heads : c->heads;
        kv[l] = kv_lists ? m->kv_heads : c->kv_heads;
        if (c->latent && kv[l]) kv[l] = 1; /* one compressed key serves all heads */
    }
    put_list(w, c, head_key, lists, heads);
    name_of(c, period_key, name);
    if (period) gguf_writer_int(w, name, GGUF_U32, period);
    if (c->arch->gguf.recurrent && !period) {
        name_of(c, kv_key, name);
        gguf_writer_ints(w, name, GGUF_I32, kv, (size_t)c->layers);
    } else {
        put_list(w, c, kv_key, kv_lists, kv);
    }
}

/* ---- windows ---- */

/* "rope.freq_base_swa" and "rope.dimension_count_swa" are of layers with a window, which have no
 * scaling. */
static cadre_status read_window_rope(const gguf *f, model_config *c)
{
    const config_key keys[] = { KEY_REAL_OF("rope.freq_base_swa", window_rope.theta, 0, 0),
        KEY_INT_OF("rope.dimension_count_swa", window_rope.width, KEY_ZERO_UNSAID,
            (double)(c->full_head_dim ? c->head_dim : c->window_rope.width)),
        { 0 } };
    CADRE_TRY(config_keys_read_gguf(f, keys, c));
    if (c->window_rope.theta > 0) c->own_window_rope = true;
    c->window_rotary_share = (double)c->window_rope.width / (double)c->head_dim;
    return CADRE_OK;
}

/* "attention.sliding_window_pattern" says which layers have a window. */
static cadre_status set_windows(const gguf *f, model_config *c)
{
    char name[KEY];
    gguf_array list;
    if (!c->arch->gguf.windows || !c->window) return CADRE_OK;
    CADRE_TRY(read_window_rope(f, c));
    name_of(c, "attention.sliding_window_pattern", name);
    if (gguf_type_of(f, name) != GGUF_ARRAY) return CADRE_OK;
    CADRE_TRY(gguf_get_array(f, name, &list));
    if (!gguf_array_is_int(&list) || (int64_t)list.count != c->layers)
        return cadre_fail(CADRE_EFORMAT, gguf_path(f),
            "%s: expected one value for each of %lld layers, found %zu", name, (long long)c->layers,
            list.count);
    for (int64_t l = 0; l < c->layers; l++)
        c->layer[l].mixer.window = gguf_array_int(&list, (size_t)l) ? c->window : 0;
    return CADRE_OK;
}

/* Where layers without a window have other heads, their key-value heads and those of the others are
 * the model's. */
static cadre_status fit_full_layers(const gguf *f, model_config *c)
{
    char name[KEY];
    int64_t kv[2] = { 0, 0 }; /* of layers with a window, and without */
    name_of(c, kv_key, name);
    for (int64_t l = 0; c->full_head_dim && l < c->layers; l++) {
        const mixer_config *m = &c->layer[l].mixer;
        int64_t *own = &kv[!m->window];
        if (*own && *own != m->kv_heads)
            return cadre_fail(CADRE_EUNSUPPORTED, gguf_path(f),
                "%s: expected one number for layers with a window and one for the others, found "
                "%lld and %lld",
                name, (long long)*own, (long long)m->kv_heads);
        *own = m->kv_heads;
    }
    if (kv[0]) c->kv_heads = kv[0];
    c->full_kv_heads = kv[1];
    model_config_fit_full(c);
    return CADRE_OK;
}

cadre_status gguf_layers_set(const gguf *f, model_config *c)
{
    CADRE_TRY(set_windows(f, c));
    CADRE_TRY(set_heads(f, c));
    return fit_full_layers(f, c);
}

void gguf_layers_put_windows(gguf_writer *w, const model_config *c)
{
    char name[KEY];
    int64_t pattern[CONFIG_MAX_LAYERS];
    if (!c->arch->gguf.windows || !c->window) return;
    for (int64_t l = 0; l < c->layers; l++) pattern[l] = c->layer[l].mixer.window > 0;
    name_of(c, "attention.sliding_window_pattern", name);
    gguf_writer_ints(w, name, GGUF_BOOL, pattern, (size_t)c->layers);
    if (!c->own_window_rope) return;
    name_of(c, "rope.freq_base_swa", name);
    gguf_writer_real(w, name, c->window_rope.theta);
    name_of(c, "rope.dimension_count_swa", name);
    if (c->window_rope.width != c->rope.width)
        gguf_writer_int(w, name, GGUF_U32, c->window_rope.width);
}
