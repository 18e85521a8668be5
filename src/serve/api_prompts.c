/* api_prompts.c - reads the prompts of /v1/completions: a text, a list of ids, or a list of
 * either. */
#include "base/memory.h"
#include "serve/api_request.h"

cadre_status api_read_ids(const json_node *list, int64_t vocab, int32_t **out, int64_t *count)
{
    size_t size = json_count(list);
    int32_t *ids = MEM_ARRAY(int32_t, size);
    cadre_status status = ids ? CADRE_OK : CADRE_ENOMEM;
    for (size_t i = 0; i < size && status == CADRE_OK; i++) {
        json_node item = json_item(list, i);
        int64_t id = 0;
        status = json_as_int(&item, 0, vocab - 1, &id);
        ids[i] = (int32_t)id;
    }
    if (status != CADRE_OK) {
        mem_free(ids);
        return status;
    }
    *out = ids;
    *count = (int64_t)size;
    return CADRE_OK;
}

static cadre_status refuse_kind(const json_node *node)
{
    return json_refuse(node, "a text, a list of ids, or a list of texts or lists of ids");
}

static cadre_status add_text(const json_node *node, api_request *r)
{
    const char *text;
    size_t size;
    CADRE_TRY(json_as_string(node, &text, &size));
    r->prompts[r->prompt_count++].text = (string_view){ text, size };
    return CADRE_OK;
}

static cadre_status add_ids(const json_node *node, int64_t vocab, api_request *r)
{
    api_prompt *p = &r->prompts[r->prompt_count];
    if (!json_count(node)) return json_refuse(node, "at least one token");
    CADRE_TRY(api_read_ids(node, vocab, &p->ids, &p->count));
    r->prompt_count++;
    return CADRE_OK;
}

/* Adds all items of a list, which must be of the same kind. */
static cadre_status add_items(const json_node *list, json_kind kind, int64_t vocab, api_request *r)
{
    for (size_t i = 0; i < json_count(list); i++) {
        json_node item = json_item(list, i);
        if (json_kind_of(&item) != kind) return refuse_kind(&item);
        CADRE_TRY(kind == JSON_KIND_STRING ? add_text(&item, r) : add_ids(&item, vocab, r));
    }
    return CADRE_OK;
}

/* Makes room for `count` prompts, each of which has n choices. */
static cadre_status make_room(
    const json_node *node, size_t count, const api_limits *limits, api_request *r)
{
    if ((int64_t)count > limits->total_choices / r->n)
        return json_refuse(node, "at most %lld prompts", (long long)(limits->total_choices / r->n));
    r->prompts = MEM_ARRAY(api_prompt, count);
    return r->prompts ? CADRE_OK : CADRE_ENOMEM;
}

static cadre_status read_list(const json_node *list, const api_limits *limits, api_request *r)
{
    if (!json_count(list)) return json_refuse(list, "at least one prompt");
    json_node first = json_item(list, 0);
    json_kind kind = json_kind_of(&first);
    bool single = kind == JSON_KIND_NUMBER;
    CADRE_TRY(make_room(list, single ? 1 : json_count(list), limits, r));
    if (single) return add_ids(list, limits->vocab, r);
    if (kind != JSON_KIND_STRING && kind != JSON_KIND_ARRAY) return refuse_kind(&first);
    return add_items(list, kind, limits->vocab, r);
}

cadre_status api_read_prompts(const json_node *root, const api_limits *limits, api_request *r)
{
    json_node prompt = json_member(root, "prompt");
    switch (json_kind_of(&prompt)) {
    case JSON_KIND_STRING: CADRE_TRY(make_room(&prompt, 1, limits, r)); return add_text(&prompt, r);
    case JSON_KIND_ARRAY: return read_list(&prompt, limits, r);
    default: return refuse_kind(&prompt);
    }
}
