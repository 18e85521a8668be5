/* schema_array.c - arrays: the first items by place, the others, and how many. */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "grammar/schema_pieces.h"

enum { PREFIX_MOST = 1024, UNIQUE_MOST = 10 };

typedef struct array {
    schema_sets *s;
    const schema_set *set;
    size_t prefix; /* items that have a schema of their own */
    bool open;     /* others may follow */
    bool unique;   /* no two are the same */
    int64_t least, most;
    node_id *after; /* [prefix + 1] what follows when so many have been read */
} array;

static cadre_status prefix_of(
    const schema_sets *s, const schema_set *set, size_t member, json_node *list)
{
    json_node items = schema_word(s, set, member, "items");
    *list = schema_word(s, set, member, "prefixItems");
    if (!list->value && json_kind_of(&items) == JSON_KIND_ARRAY) *list = items;
    return list->value ? json_as_array(list) : CADRE_OK;
}

/* Returns the schema of the items behind a member's first ones; value NULL: they are any. */
static json_node others_of(const schema_sets *s, const schema_set *set, size_t member)
{
    json_node items = schema_word(s, set, member, "items");
    return json_kind_of(&items) == JSON_KIND_ARRAY ? schema_word(s, set, member, "additionalItems")
                                                   : items;
}

/* The schemas of the item at this place: `prefix` stands for all others. */
static cadre_status item_schemas(const array *a, size_t at, schema_member *members, size_t *count)
{
    *count = 0;
    for (size_t i = 0; i < a->set->count; i++) {
        json_node list, item;
        uint32_t number;
        CADRE_TRY(prefix_of(a->s, a->set, i, &list));
        if (at < json_count(&list)) {
            CADRE_TRY(schema_keep(a->s, &list, &number));
            item = json_item(schema_node(a->s, number), at);
        } else {
            item = others_of(a->s, a->set, i);
        }
        if (!item.value) continue;
        CADRE_TRY(schema_keep(a->s, &item, &members[*count].schema));
        members[(*count)++].used = 0;
    }
    return CADRE_OK;
}

static cadre_status item_at(const array *a, size_t at, node_id *place)
{
    schema_member members[SCHEMA_MEMBERS_MAX];
    size_t count;
    CADRE_TRY(item_schemas(a, at, members, &count));
    return schema_set_of(a->s, members, 0, count, place);
}

/* One item is always unlike all others. */
static cadre_status read_unique(array *a)
{
    for (size_t i = 0; i < a->set->count; i++) {
        json_node unique = schema_word(a->s, a->set, i, "uniqueItems");
        bool asked = false;
        if (unique.value) CADRE_TRY(json_as_bool(&unique, &asked));
        a->unique |= asked && a->most > 1;
    }
    return CADRE_OK;
}

static cadre_status refuse_unique(const array *a)
{
    for (size_t i = 0; i < a->set->count; i++) {
        json_node unique = schema_word(a->s, a->set, i, "uniqueItems");
        if (!unique.value) continue;
        json_refuse(&unique,
            "false, at most one item, or items of an enum of at most %d values, as nothing else "
            "is supported",
            UNIQUE_MOST);
    }
    return CADRE_EUNSUPPORTED;
}

/* Without a word of the items that may follow, none do unless there have to be. */
static cadre_status read_array(array *a)
{
    bool said = false;
    for (size_t i = 0; i < a->set->count; i++) {
        json_node list;
        CADRE_TRY(prefix_of(a->s, a->set, i, &list));
        if (json_count(&list) > a->prefix) a->prefix = json_count(&list);
        said |= others_of(a->s, a->set, i).value != NULL;
    }
    if (a->prefix > PREFIX_MOST)
        return cadre_fail(CADRE_EUNSUPPORTED, a->s->name,
            "expected at most %d items with a schema of their own, found more", PREFIX_MOST);
    a->most = NETWORK_UNBOUNDED;
    CADRE_TRY(schema_bound(a->s, a->set, "minItems", true, &a->least));
    CADRE_TRY(schema_bound(a->s, a->set, "maxItems", false, &a->most));
    a->open = said || !a->prefix || a->least > (int64_t)a->prefix;
    if (!a->open && a->most > (int64_t)a->prefix) a->most = (int64_t)a->prefix;
    return read_unique(a);
}

static uint32_t still(int64_t count, size_t have)
{
    if (count == NETWORK_UNBOUNDED) return NETWORK_UNBOUNDED;
    return count > (int64_t)have ? (uint32_t)(count - (int64_t)have) : 0;
}

/* More items, each behind a comma, when `have` have been read. */
static cadre_status others(const array *a, size_t have, node_id *piece)
{
    network *n = a->s->n;
    node_id end = json_text_after(&a->s->text, ']', NETWORK_END), item;
    *piece = (int64_t)have >= a->least ? end : NETWORK_DEAD;
    if (a->most <= (int64_t)have) return CADRE_OK;
    CADRE_TRY(item_at(a, a->prefix, &item));
    node_id more = json_text_before(&a->s->text, ',', network_call(n, item, NETWORK_END));
    *piece = network_repeat(n, more, still(a->least, have), still(a->most, have), end);
    return CADRE_OK;
}

/* Item `at` of the prefix, and what follows it. */
static cadre_status put_prefix(array *a, size_t at, node_id *piece)
{
    node_id item;
    *piece = NETWORK_DEAD;
    if ((int64_t)at >= a->most) return CADRE_OK;
    CADRE_TRY(item_at(a, at, &item));
    *piece = network_call(a->s->n, item, a->after[at + 1]);
    return CADRE_OK;
}

static cadre_status make_prefix(array *a, node_id *first)
{
    network *n = a->s->n;
    node_id end = json_text_after(&a->s->text, ']', NETWORK_END);
    CADRE_TRY(others(a, a->prefix, &a->after[a->prefix]));
    for (size_t at = a->prefix; at-- > 0;) {
        CADRE_TRY(put_prefix(a, at, first));
        node_id more = json_text_before(&a->s->text, ',', *first);
        a->after[at] =
            network_either(n, more, (int64_t)at >= a->least ? end : (node_id)NETWORK_DEAD);
    }
    return CADRE_OK;
}

/* The first item, of an array whose items are all alike. */
static cadre_status make_first(const array *a, node_id *first)
{
    node_id item, rest;
    *first = NETWORK_DEAD;
    if (a->most == 0) return CADRE_OK;
    CADRE_TRY(item_at(a, 0, &item));
    CADRE_TRY(others(a, 1, &rest));
    *first = network_call(a->s->n, item, rest);
    return CADRE_OK;
}

/* ---- items of which no two are the same ---- */

typedef struct distinct {
    const array *a;
    node_id values[UNIQUE_MOST]; /* pieces to be called */
    size_t count;
    node_id end;
    node_id *after; /* [2^count] when the values have been read whose bits are set */
} distinct;

static uint32_t bits_of(uint32_t mask)
{
    uint32_t count = 0;
    for (; mask; mask >>= 1) count += mask & 1;
    return count;
}

/* One of the values that have not been read. */
static node_id one_more(const distinct *d, uint32_t read)
{
    node_id list[UNIQUE_MOST];
    size_t count = 0;
    if (bits_of(read) >= d->a->most) return NETWORK_DEAD;
    for (size_t i = 0; i < d->count; i++)
        if (!(read >> i & 1))
            list[count++] = network_call(d->a->s->n, d->values[i], d->after[read | 1u << i]);
    return count ? network_split(d->a->s->n, list, count) : (node_id)NETWORK_DEAD;
}

static cadre_status make_sets(distinct *d, node_id *first)
{
    const json_text *text = &d->a->s->text;
    d->after = MEM_ARRAY(node_id, (size_t)1 << d->count);
    if (!d->after) return CADRE_ENOMEM;
    for (uint32_t read = (1u << d->count) - 1; read; read--) {
        node_id more = one_more(d, read), end = d->end;
        if (more != NETWORK_DEAD) more = json_text_before(text, ',', more);
        if (bits_of(read) < d->a->least) end = NETWORK_DEAD;
        d->after[read] = network_either(text->n, more, end);
    }
    *first = one_more(d, 0);
    mem_free(d->after);
    return text->n->status;
}

static cadre_status make_distinct(const array *a, node_id *first)
{
    schema_member members[SCHEMA_MEMBERS_MAX];
    distinct d = { .a = a, .end = json_text_after(&a->s->text, ']', NETWORK_END) };
    schema_set item;
    unsigned kinds;
    size_t count;
    if (a->prefix) return refuse_unique(a);
    CADRE_TRY(item_schemas(a, 0, members, &count));
    CADRE_TRY(schema_set_like(a->s, members, count, &item));
    bool listed = schema_says(a->s, &item, "enum") || schema_says(a->s, &item, "const");
    bool choice = schema_says(a->s, &item, "anyOf") || schema_says(a->s, &item, "oneOf");
    if (item.never || !listed || choice) return refuse_unique(a);
    CADRE_TRY(schema_kinds(a->s, &item, &kinds));
    CADRE_TRY(schema_values_each(a->s, &item, kinds, d.values, UNIQUE_MOST, &d.count));
    if (d.count > UNIQUE_MOST) return refuse_unique(a);
    return make_sets(&d, first);
}

cadre_status schema_array(schema_sets *s, const schema_set *set, node_id *piece)
{
    array a = { .s = s, .set = set };
    node_id first = NETWORK_DEAD;
    CADRE_TRY(read_array(&a));
    a.after = MEM_ARRAY(node_id, a.prefix + 1);
    if (!a.after) return CADRE_ENOMEM;
    cadre_status status = a.unique   ? make_distinct(&a, &first)
                          : a.prefix ? make_prefix(&a, &first)
                                     : make_first(&a, &first);
    mem_free(a.after);
    node_id end = a.least == 0 ? network_byte(s->n, ']', NETWORK_END) : (node_id)NETWORK_DEAD;
    *piece = json_text_before(&s->text, '[', network_either(s->n, first, end));
    return status;
}
