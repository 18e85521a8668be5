/* top_tokens.c - reads the tokens of each expert, within bounds. */
#include "report/top_tokens.h"

#include "base/memory.h"

#define COUNT_MAX 100000000000

static int least(size_t a, int b) { return a < (size_t)b ? (int)a : b; }

static cadre_status read_context(const json_node *parts, const char **context)
{
    if (json_count(parts) != 3) return json_refuse(parts, "three texts: before, the token, after");
    for (size_t i = 0; i < 3; i++) {
        json_node part = json_item(parts, i);
        size_t size;
        CADRE_TRY(json_as_string(&part, &context[i], &size));
    }
    return CADRE_OK;
}

static cadre_status read_token(const json_node *item, top_token *t)
{
    json_node text = json_member(item, "text"), contexts;
    size_t size;
    CADRE_TRY(json_as_object(item));
    CADRE_TRY(json_as_string(&text, &t->text, &size));
    CADRE_TRY(json_get_int(item, "of", 1, COUNT_MAX, &t->of));
    CADRE_TRY(json_get_int(item, "count", 1, t->of, &t->count));
    CADRE_TRY(json_opt_array(item, "contexts", &contexts));
    int count = least(json_count(&contexts), TOP_CONTEXTS);
    for (; t->contexts < count; t->contexts++) {
        json_node parts = json_item(&contexts, (size_t)t->contexts);
        CADRE_TRY(read_context(&parts, t->context[t->contexts]));
    }
    return CADRE_OK;
}

static cadre_status read_layer(const json_node *lists, const shape_layer *layer, top_tokens *t)
{
    if (json_count(lists) != (size_t)layer->experts)
        return json_refuse(lists, "%d lists, one an expert", layer->experts);
    for (int e = 0; e < layer->experts; e++) {
        json_node list = json_item(lists, (size_t)e);
        CADRE_TRY(json_as_array(&list));
        int at = t->first[layer->first_expert + e], count = least(json_count(&list), TOP_TOKENS);
        for (int i = 0; i < count; i++) {
            json_node item = json_item(&list, (size_t)i);
            CADRE_TRY(read_token(&item, &t->token[at + i]));
        }
        t->first[layer->first_expert + e + 1] = at + count;
    }
    return CADRE_OK;
}

static cadre_status read_all(const json_node *array, const model_shape *shape, top_tokens *t)
{
    t->token = MEM_ARRAY(top_token, (size_t)shape->experts * TOP_TOKENS);
    t->first = MEM_ARRAY(int, (size_t)shape->experts + 1);
    if (!t->token || !t->first) return CADRE_ENOMEM;
    for (int s = 0; s < shape->layers; s++) {
        json_node lists = json_item(array, (size_t)s);
        CADRE_TRY(read_layer(&lists, &shape->layer[s], t));
    }
    return CADRE_OK;
}

cadre_status top_tokens_read(const json_node *array, const model_shape *shape, top_tokens *t)
{
    top_tokens read = { 0 };
    if (!array->value) return CADRE_OK;
    if (json_count(array) != (size_t)shape->layers)
        return json_refuse(array, "%d lists, one a sparse layer", shape->layers);
    cadre_status status = read_all(array, shape, &read);
    if (status == CADRE_OK) *t = read;
    else top_tokens_free(&read);
    return status;
}

void top_tokens_free(top_tokens *t)
{
    mem_free(t->token);
    mem_free(t->first);
    *t = (top_tokens){ 0 };
}
