/* schema_values.c - values that a schema lists, as a trie of their texts. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "format/json_copy.h"
#include "grammar/schema_pieces.h"

enum { COMPARED_MOST = 1 << 24 };

typedef struct value_list {
    string_view *texts; /* [count] */
    size_t count, room;
    byte_buffer bytes; /* of all texts */
    size_t *ends;      /* [count] in bytes */
    size_t end_room;
} value_list;

/* ---- which values ---- */

static unsigned kind_of(const json_node *value)
{
    double number = 0;
    switch (json_kind_of(value)) {
    case JSON_KIND_NULL: return KIND_NULL;
    case JSON_KIND_BOOL: return KIND_BOOL;
    case JSON_KIND_STRING: return KIND_STRING;
    case JSON_KIND_ARRAY: return KIND_ARRAY;
    case JSON_KIND_OBJECT: return KIND_OBJECT;
    case JSON_KIND_NUMBER:
        json_as_real(value, -DBL_MAX, DBL_MAX, &number);
        return floor(number) == number ? KIND_INTEGER : KIND_REAL;
    case JSON_KIND_ABSENT:
    case JSON_KIND_LITERAL: break;
    }
    return 0;
}

/* The values that a member lists: *count of them, one by one from value_at. */
static cadre_status listed(const schema_sets *s, const schema_set *set, size_t member,
    json_node *list, json_node *one, size_t *count)
{
    *list = schema_word(s, set, member, "enum");
    *one = schema_word(s, set, member, "const");
    if (list->value) CADRE_TRY(json_as_array(list));
    *count = one->value ? 1 : json_count(list);
    return CADRE_OK;
}

static json_node value_at(const json_node *list, const json_node *one, size_t at)
{
    return one->value ? *one : json_item(list, at);
}

static bool is_among(const json_node *list, const json_node *one, size_t count, const json_node *v)
{
    for (size_t i = 0; i < count; i++) {
        json_node other = value_at(list, one, i);
        if (json_same(&other, v)) return true;
    }
    return false;
}

/* Whether all members that list values list this one, by enum and by const. */
static cadre_status is_listed(
    const schema_sets *s, const schema_set *set, const json_node *value, int64_t *work, bool *is)
{
    *is = true;
    for (size_t i = 0; i < set->count && *is; i++) {
        json_node list, one, none = { 0 };
        size_t count;
        CADRE_TRY(listed(s, set, i, &list, &one, &count));
        *work -= (int64_t)json_count(&list) + 1;
        if (list.value) *is = is_among(&list, &none, json_count(&list), value);
        if (one.value) *is = *is && json_same(&one, value);
        if (*work < 0)
            return cadre_fail(CADRE_EUNSUPPORTED, s->name,
                "expected lists of values that are compared in %d steps, found longer ones",
                COMPARED_MOST);
    }
    return CADRE_OK;
}

/* ---- their texts ---- */

static cadre_status put_json(byte_buffer *bytes, const json_node *value)
{
    json_writer w = json_writer_new(0);
    json_put_copy(&w, NULL, value);
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK) status = byte_buffer_put(bytes, w.text.data, w.text.size);
    json_writer_free(&w);
    return status;
}

/* As Gemma writes it. */
static cadre_status put_raw(byte_buffer *bytes, const json_node *value, const char *quote)
{
    json_node m = { 0 };
    const char *text;
    size_t size, i = 0;
    switch (json_kind_of(value)) {
    case JSON_KIND_STRING:
        CADRE_TRY(json_as_string(value, &text, &size));
        byte_buffer_text(bytes, quote);
        byte_buffer_put(bytes, text, size);
        byte_buffer_text(bytes, quote);
        return bytes->status;
    case JSON_KIND_ARRAY:
        byte_buffer_text(bytes, "[");
        for (; i < json_count(value); i++) {
            json_node item = json_item(value, i);
            byte_buffer_text(bytes, i ? "," : "");
            CADRE_TRY(put_raw(bytes, &item, quote));
        }
        byte_buffer_text(bytes, "]");
        return bytes->status;
    case JSON_KIND_OBJECT:
        byte_buffer_text(bytes, "{");
        while (json_next(value, &m)) {
            byte_buffer_format(bytes, "%s%s:", i++ ? "," : "", m.key);
            CADRE_TRY(put_raw(bytes, &m, quote));
        }
        byte_buffer_text(bytes, "}");
        return bytes->status;
    default: return put_json(bytes, value);
    }
}

static cadre_status add_text(const schema_sets *s, value_list *l, const json_node *value)
{
    void *ends = l->ends;
    const char *quote = s->text.quote;
    CADRE_TRY(buffer_grow(&ends, l->count, &l->end_room, 1, sizeof *l->ends));
    l->ends = ends;
    CADRE_TRY(quote ? put_raw(&l->bytes, value, quote) : put_json(&l->bytes, value));
    l->ends[l->count++] = l->bytes.size;
    return CADRE_OK;
}

/* What else is said of the values is not compared with them. */
static cadre_status check_alone(const schema_sets *s, const schema_set *set)
{
    static const char *const words[] = { "minLength", "maxLength", "pattern", "format", "minimum",
        "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "properties", "required",
        "additionalProperties", "minProperties", "maxProperties", "items", "prefixItems",
        "additionalItems", "minItems", "maxItems", "uniqueItems" };
    for (size_t i = 0; i < set->count; i++)
        for (size_t k = 0; k < sizeof words / sizeof *words; k++) {
            json_node found = schema_word(s, set, i, words[k]);
            if (!found.value) continue;
            json_refuse(&found, "none of this beside enum or const, which say it all");
            return CADRE_EUNSUPPORTED;
        }
    return CADRE_OK;
}

static cadre_status collect_from(
    const schema_sets *s, const schema_set *set, size_t member, unsigned kinds, value_list *l)
{
    json_node list, one;
    size_t count;
    int64_t work = COMPARED_MOST;
    bool several = set->count > 1;
    CADRE_TRY(listed(s, set, member, &list, &one, &count));
    for (size_t i = 0; i < count; i++) {
        json_node value = value_at(&list, &one, i);
        bool is = true;
        if (several || (list.value && one.value)) CADRE_TRY(is_listed(s, set, &value, &work, &is));
        if (is && kind_of(&value) & kinds) CADRE_TRY(add_text(s, l, &value));
    }
    return CADRE_OK;
}

static cadre_status collect(
    const schema_sets *s, const schema_set *set, unsigned kinds, value_list *l)
{
    CADRE_TRY(check_alone(s, set));
    for (size_t i = 0; i < set->count; i++) {
        json_node list, one;
        size_t count;
        CADRE_TRY(listed(s, set, i, &list, &one, &count));
        if (list.value || one.value) return collect_from(s, set, i, kinds, l);
    }
    return CADRE_OK;
}

static int by_bytes(const void *a, const void *b)
{
    const string_view *x = a, *y = b;
    int order = memcmp(x->data, y->data, x->size < y->size ? x->size : y->size);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

static cadre_status sort_texts(value_list *l)
{
    l->texts = MEM_ARRAY(string_view, l->count);
    if (!l->texts) return CADRE_ENOMEM;
    for (size_t i = 0; i < l->count; i++) {
        size_t begin = i ? l->ends[i - 1] : 0;
        l->texts[i] = (string_view){ l->bytes.data + begin, l->ends[i] - begin };
    }
    if (l->count) qsort(l->texts, l->count, sizeof *l->texts, by_bytes);
    return CADRE_OK;
}

/* ---- the trie ---- */

typedef struct growing {
    network *n;
    network_edge *edges; /* of the nodes on the way to the last text that have been found so far */
    size_t edge_count, edge_room;
    size_t *firsts; /* [longest + 1] where the edges of the node at this depth begin */
    bool *ends;     /* [longest + 1] a text ends here */
    size_t depth;
    cadre_status status;
} growing;

/* The deepest node has all its edges: it is made, and becomes an edge of the one above. */
static void close_node(growing *g, uint8_t byte)
{
    size_t first = g->firsts[g->depth];
    void *edges = g->edges;
    node_id made = network_bytes(g->n, g->edges + first, g->edge_count - first, g->ends[g->depth]);
    g->edge_count = first;
    g->depth--;
    if (g->status == CADRE_OK)
        g->status = buffer_grow(&edges, g->edge_count, &g->edge_room, 1, sizeof *g->edges);
    g->edges = edges;
    if (g->status == CADRE_OK) g->edges[g->edge_count++] = (network_edge){ byte, byte, made };
}

static void open_nodes(growing *g, string_view text)
{
    while (g->depth < text.size) {
        g->depth++;
        g->firsts[g->depth] = g->edge_count;
        g->ends[g->depth] = false;
    }
    g->ends[g->depth] = true;
}

static node_id grow_trie(growing *g, const value_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        string_view before = i ? l->texts[i - 1] : (string_view){ "", 0 }, text = l->texts[i];
        size_t shared = 0;
        while (
            shared < before.size && shared < text.size && before.data[shared] == text.data[shared])
            shared++;
        while (g->depth > shared) close_node(g, (uint8_t)before.data[g->depth - 1]);
        open_nodes(g, text);
    }
    const string_view *last = l->count ? &l->texts[l->count - 1] : NULL;
    while (g->depth) close_node(g, (uint8_t)last->data[g->depth - 1]);
    return network_bytes(g->n, g->edges, g->edge_count, false);
}

static cadre_status make_trie(network *n, const value_list *l, node_id *piece)
{
    size_t longest = 0;
    for (size_t i = 0; i < l->count; i++)
        if (l->texts[i].size > longest) longest = l->texts[i].size;
    growing g = {
        .n = n, .firsts = MEM_ARRAY(size_t, longest + 1), .ends = MEM_ARRAY(bool, longest + 1)
    };
    g.status = g.firsts && g.ends ? CADRE_OK : CADRE_ENOMEM;
    if (g.status == CADRE_OK) *piece = grow_trie(&g, l);
    mem_free(g.edges);
    mem_free(g.firsts);
    mem_free(g.ends);
    return g.status;
}

static void close_list(value_list *l)
{
    mem_free(l->texts);
    mem_free(l->ends);
    byte_buffer_free(&l->bytes);
}

cadre_status schema_values(schema_sets *s, const schema_set *set, unsigned kinds, node_id *piece)
{
    value_list l = { 0 };
    cadre_status status = collect(s, set, kinds, &l);
    if (status == CADRE_OK) status = sort_texts(&l);
    if (status == CADRE_OK) status = make_trie(s->n, &l, piece);
    close_list(&l);
    return status;
}

cadre_status schema_values_each(schema_sets *s, const schema_set *set, unsigned kinds,
    node_id *pieces, size_t room, size_t *count)
{
    value_list l = { 0 };
    *count = 0;
    cadre_status status = collect(s, set, kinds, &l);
    if (status == CADRE_OK) status = sort_texts(&l);
    for (size_t i = 0; i < l.count && status == CADRE_OK; i++) {
        string_view text = l.texts[i];
        if (i && by_bytes(&l.texts[i - 1], &text) == 0) continue;
        if (*count < room) pieces[*count] = network_text(s->n, text.data, text.size, NETWORK_END);
        ++*count;
    }
    close_list(&l);
    return status;
}
