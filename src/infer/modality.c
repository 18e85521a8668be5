/* modality.c - counts by type of token, and samples from one type to the other. */
#include "infer/modality.h"

#include <math.h>

#include "cadre/session.h"
#include "arch/token_types.h"
#include "base/base64.h"
#include "base/interrupt.h"
#include "infer/images.h"

enum {
    SAMPLES = 6, /* of a text's images, and of its captions */
    CAPTION_TOKENS = 32
};

typedef struct modality {
    cadre_model *model;
    const tokenizer *tokenizer;
    int32_t end;
    const modality_text *texts;
    int count;
    json_writer *w;
} modality;

/* ---- counts ---- */

static void put_types(const modality *m)
{
    const model_config *c = &m->model->config;
    json_put_array(m->w, "types");
    for (int32_t k = 0; k < c->types.count; k++) {
        type_losses sum = { 0 };
        for (int i = 0; i < m->count; i++) {
            sum.tokens += m->texts[i].by_type[k].tokens;
            sum.nats += m->texts[i].by_type[k].nats;
        }
        json_put_object(m->w, NULL);
        json_put_string(m->w, "name", c->types.name[k]);
        json_put_int(m->w, "tokens", sum.tokens);
        if (sum.tokens)
            json_put_real(m->w, "bits_per_token", sum.nats / log(2) / (double)sum.tokens);
        if (c->route.banks) json_put_int(m->w, "experts", c->route.bank_experts[k]);
        json_put_close(m->w, '}');
    }
    json_put_close(m->w, ']');
}

/* [S][types][E] picks */
static void put_type_expert(const modality *m)
{
    const model_config *c = &m->model->config;
    json_put_array(m->w, "type_expert");
    for (int64_t l = 0, s = 0; l < c->layers; l++) {
        if (!c->layer[l].sparse) continue;
        json_put_array(m->w, NULL);
        for (int32_t k = 0; k < c->types.count; k++) {
            json_put_array(m->w, NULL);
            for (int64_t e = 0; e < c->layer[l].moe.experts; e++) {
                int64_t picks = 0;
                for (int i = 0; i < m->count; i++)
                    picks += route_census_by_type(m->texts[i].census, k, s)[e];
                json_put_int(m->w, NULL, picks);
            }
            json_put_close(m->w, ']');
        }
        json_put_close(m->w, ']');
        s++;
    }
    json_put_close(m->w, ']');
}

/* ---- samples ---- */

static bool append_id(void *arg, int32_t id, const char *text, size_t size)
{
    token_list *ids = arg;
    (void)text;
    (void)size;
    return id < 0 || token_list_put(ids, id) == CADRE_OK;
}

/* What the model holds most likely. */
static cadre_status continue_tokens(
    const modality *m, const int32_t *prompt, int64_t count, int64_t limit, token_list *ids)
{
    const cadre_sampling greedy = { .size = sizeof greedy, .temperature = 0 };
    CADRE_TRY(interrupt_check(NULL));
    return cadre_generate(m->model, prompt, count,
        &(cadre_generation){ .size = sizeof(cadre_generation),
            .limit = limit,
            .sampling = &greedy,
            .listener = append_id,
            .arg = ids });
}

static cadre_status put_png(const modality *m, const char *key, const int32_t *ids, int64_t count)
{
    byte_buffer png = { 0 }, text = { 0 };
    cadre_status status = image_png_of_ids(m->model, ids, count, &png);
    if (status == CADRE_OK) status = base64_put(&text, png.data, png.size);
    if (status == CADRE_OK) json_put_bytes(m->w, key, text.data, text.size);
    byte_buffer_free(&png);
    byte_buffer_free(&text);
    return status;
}

static cadre_status put_text(const modality *m, const char *key, const int32_t *ids, int64_t count)
{
    byte_buffer text = { 0 };
    cadre_status status =
        tokenizer_decode(m->tokenizer, ids, (size_t)count, CADRE_SKIP_SPECIAL, &text);
    if (status == CADRE_OK) json_put_bytes(m->w, key, text.data ? text.data : "", text.size);
    byte_buffer_free(&text);
    return status;
}

/* A document that is a text and a whole image, in one order or the other. */
typedef struct pair {
    const int32_t *ids;
    int64_t count, begin; /* begin: of the image */
} pair;

/* The document at *at, which moves behind it; false: there is none. */
static bool next_document(const modality *m, const token_list *ids, int64_t *at, pair *p)
{
    const image_tokens *form = &m->model->config.images;
    int64_t all = (int64_t)ids->count, first = *at, end = first;
    if (first >= all) return false;
    while (end < all && ids->ids[end] != m->end) end++;
    *at = end + 1;
    *p = (pair){ .ids = ids->ids + first, .count = end - first };
    while (p->begin < p->count && p->ids[p->begin] != image_begin(form)) p->begin++;
    return true;
}

/* The image is whole, and there is room for what is to be written. */
static bool fits(const modality *m, const pair *p, bool caption)
{
    int64_t behind = p->begin + image_patches(&m->model->config.images) + 2;
    int64_t more = caption ? CAPTION_TOKENS : 0;
    return behind <= p->count && behind + more <= m->model->config.context;
}

/* Writes what image the model draws after a text that an image follows. */
static cadre_status put_image(const modality *m, const char *name, const pair *p)
{
    token_list ids = { 0 };
    int64_t patches = image_patches(&m->model->config.images);
    cadre_status status = continue_tokens(m, p->ids, p->begin + 1, patches, &ids);
    json_put_object(m->w, NULL);
    json_put_string(m->w, "domain", name);
    if (status == CADRE_OK) status = put_text(m, "prompt", p->ids, p->begin);
    if (status == CADRE_OK) status = put_png(m, "original", p->ids + p->begin + 1, patches);
    if (status == CADRE_OK) status = put_png(m, "drawn", ids.ids, (int64_t)ids.count);
    json_put_close(m->w, '}');
    token_list_free(&ids);
    return status;
}

/* Writes what text the model gives to an image that a text follows. */
static cadre_status put_caption(const modality *m, const char *name, const pair *p)
{
    token_list ids = { 0 };
    int64_t patches = image_patches(&m->model->config.images), end = patches + 2;
    cadre_status status = continue_tokens(m, p->ids, end, CAPTION_TOKENS, &ids);
    json_put_object(m->w, NULL);
    json_put_string(m->w, "domain", name);
    if (status == CADRE_OK) status = put_png(m, "picture", p->ids + 1, patches);
    if (status == CADRE_OK) status = put_text(m, "original", p->ids + end, p->count - end);
    if (status == CADRE_OK) status = put_text(m, "written", ids.ids, (int64_t)ids.count);
    json_put_close(m->w, '}');
    token_list_free(&ids);
    return status;
}

static cadre_status put_samples_of(const modality *m, const modality_text *text, bool captions)
{
    pair p;
    int shown = 0;
    for (int64_t at = 0; shown < SAMPLES && next_document(m, text->ids, &at, &p);) {
        int64_t end = p.begin + image_patches(&m->model->config.images) + 2;
        bool caption = p.begin == 0 && p.count > end;
        if (!fits(m, &p, captions) || (captions ? !caption : p.begin == 0)) continue;
        CADRE_TRY(captions ? put_caption(m, text->name, &p) : put_image(m, text->name, &p));
        shown++;
    }
    return CADRE_OK;
}

static cadre_status put_samples(const modality *m, const char *key, bool captions)
{
    cadre_status status = CADRE_OK;
    json_put_array(m->w, key);
    for (int i = 0; i < m->count && status == CADRE_OK; i++)
        status = put_samples_of(m, &m->texts[i], captions);
    json_put_close(m->w, ']');
    return status;
}

cadre_status modality_write(cadre_model *model, const tokenizer *t, int32_t end,
    const modality_text *texts, int count, json_writer *w)
{
    const modality m = { model, t, end, texts, count, w };
    if (!model->config.types.count) return CADRE_OK;
    put_types(&m);
    put_type_expert(&m);
    if (!model->config.images.side) return CADRE_OK;
    CADRE_TRY(put_samples(&m, "pictures", false));
    return put_samples(&m, "captions", true);
}
