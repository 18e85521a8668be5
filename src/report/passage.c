/* passage.c - reads the tokens of a passage with their experts and weights. */
#define _GNU_SOURCE
#include "report/passage.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"

enum { ROOM_FIRST = 64 };

static bool grow(passage *p, const model_shape *shape)
{
    /* The room is ROOM_FIRST times a power of two. One row is left beyond PASSAGE_TOKENS. */
    if (p->tokens < p->room) return true;
    size_t old = (size_t)p->room, room = old ? 2 * old : ROOM_FIRST, picks = (size_t)shape->picks;
    int *begin = mem_resize(p->begin, old, room, sizeof *begin);
    if (begin) p->begin = begin;
    bool *prompt = begin ? mem_resize(p->prompt, old, room, sizeof *prompt) : NULL;
    if (prompt) p->prompt = prompt;
    int16_t *expert =
        prompt ? mem_resize(p->expert, old * picks, room * picks, sizeof *expert) : NULL;
    if (expert) p->expert = expert;
    float *weight =
        expert ? mem_resize(p->weight, old * picks, room * picks, sizeof *weight) : NULL;
    if (weight) p->weight = weight;
    if (weight) p->room = (int)room;
    return weight != NULL;
}

/* Reads the picks of one layer: experts[picks], and weights[picks] where they are given. */
static cadre_status read_picks(const json_node *experts, const json_node *weights,
    const shape_layer *layer, int16_t *expert, float *weight)
{
    size_t count = json_count(experts);
    CADRE_TRY(json_as_array(experts));
    if (count > (size_t)layer->picks)
        return json_refuse(experts, "at most %d experts", layer->picks);
    if (weights->value && json_count(weights) != count)
        return json_refuse(weights, "%zu weights", count);
    for (size_t k = 0; k < (size_t)layer->picks; k++) {
        int64_t id = -1;
        double w = 0;
        json_node item = k < count ? json_item(experts, k) : (json_node){ 0 };
        if (k < count) CADRE_TRY(json_as_int(&item, -1, layer->experts - 1, &id));
        if (k < count && weights->value) {
            item = json_item(weights, k);
            CADRE_TRY(json_as_real(&item, -1e6, 1e6, &w));
        }
        expert[k] = (int16_t)id;
        weight[k] = (float)w;
    }
    return CADRE_OK;
}

/* Sorts the picks of one layer by their weights, the heaviest first; equals keep their order. */
static void sort_picks(int16_t *expert, float *weight, int picks)
{
    for (int k = 1; k < picks; k++) {
        int16_t id = expert[k];
        float w = weight[k];
        int at = k;
        for (; id >= 0 && at > 0 && (expert[at - 1] < 0 || weight[at - 1] < w); at--) {
            expert[at] = expert[at - 1];
            weight[at] = weight[at - 1];
        }
        expert[at] = id;
        weight[at] = w;
    }
}

static cadre_status read_routes(
    const json_node *token, const model_shape *shape, int16_t *expert, float *weight)
{
    json_node experts, weights;
    CADRE_TRY(json_get_array(token, "experts", &experts));
    CADRE_TRY(json_opt_array(token, "weights", &weights));
    size_t layers = (size_t)shape->layers;
    if (json_count(&experts) != layers)
        return json_refuse(&experts, "%zu lists, one a sparse layer", layers);
    if (weights.value && json_count(&weights) != layers)
        return json_refuse(&weights, "%zu lists, one a sparse layer", layers);
    for (size_t s = 0; s < layers; s++) {
        const shape_layer *layer = &shape->layer[s];
        json_node e = json_item(&experts, s),
                  w = weights.value ? json_item(&weights, s) : (json_node){ 0 };
        if (w.value) CADRE_TRY(json_as_array(&w));
        CADRE_TRY(
            read_picks(&e, &w, layer, expert + layer->first_pick, weight + layer->first_pick));
        sort_picks(expert + layer->first_pick, weight + layer->first_pick, layer->picks);
    }
    return CADRE_OK;
}

/* How many bytes of `text` are kept: whole UTF-8 characters only. */
static size_t kept_bytes(const char *text)
{
    size_t size = strnlen(text, PASSAGE_TOKEN_BYTES + 1);
    if (size <= PASSAGE_TOKEN_BYTES) return size;
    for (size = PASSAGE_TOKEN_BYTES; size && utf8_continues(text[size]);) size--;
    return size;
}

cadre_status passage_add(passage *p, const json_node *token, const model_shape *shape)
{
    CADRE_TRY(json_as_object(token));
    json_node text_node = json_member(token, "text");
    const char *text;
    size_t size;
    bool prompt = false;
    /* A NUL in the text is accepted; the text is shown up to it. */
    CADRE_TRY(json_as_string(&text_node, &text, &size));
    CADRE_TRY(json_opt_bool(token, "prompt", &prompt));
    if (!grow(p, shape)) return CADRE_ENOMEM;
    /* A token that is only counted is checked in the row after the last. */
    p->latest = p->tokens;
    size_t row = (size_t)p->latest * (size_t)shape->picks;
    CADRE_TRY(read_routes(token, shape, p->expert + row, p->weight + row));
    p->whole++;
    if (p->tokens >= PASSAGE_TOKENS) return CADRE_OK;
    p->begin[p->tokens] = (int)p->text.size;
    p->prompt[p->tokens] = prompt;
    byte_buffer_put(&p->text, text, kept_bytes(text));
    byte_buffer_put(&p->text, "", 1);
    p->tokens++;
    return p->text.status;
}

void passage_free(passage *p)
{
    byte_buffer_free(&p->text);
    mem_free(p->begin);
    mem_free(p->prompt);
    mem_free(p->expert);
    mem_free(p->weight);
    *p = (passage){ 0 };
}
