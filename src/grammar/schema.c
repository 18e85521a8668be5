/* schema.c - every set of a document made into a piece, until there is none without one. */
#include "grammar/schema.h"

#include <string.h>

#include "format/json.h"
#include "grammar/schema_pieces.h"

/* ---- one of several ---- */

/* The first member whose anyOf or oneOf has not been dealt with. */
static bool find_choice(
    const schema_sets *s, const schema_set *set, size_t *member, unsigned *used, json_node *list)
{
    static const char *const words[] = { "anyOf", "oneOf" };
    static const unsigned uses[] = { SCHEMA_USED_ANY, SCHEMA_USED_ONE };
    for (size_t i = 0; i < set->count; i++)
        for (int k = 0; k < 2; k++) {
            if (set->members[i].used & uses[k]) continue;
            *list = schema_word(s, set, i, words[k]);
            *member = i;
            *used = uses[k];
            if (list->value) return true;
        }
    return false;
}

static cadre_status branch(schema_sets *s, const schema_set *set, size_t member, unsigned used,
    const json_node *item, node_id *place)
{
    schema_member members[SCHEMA_MEMBERS_MAX + 1];
    memcpy(members, set->members, set->count * sizeof *members);
    members[member].used |= used;
    members[set->count].used = 0;
    CADRE_TRY(schema_keep(s, item, &members[set->count].schema));
    return schema_set_of(s, members, set->count, set->count + 1, place);
}

static cadre_status choose(
    schema_sets *s, const schema_set *set, size_t member, unsigned used, const json_node *list)
{
    enum { BRANCHES = 512 };
    node_id places[BRANCHES];
    uint32_t number;
    CADRE_TRY(json_as_array(list));
    if (json_count(list) < 1 || json_count(list) > BRANCHES)
        return json_refuse(list, "1 to %d alternatives", BRANCHES);
    CADRE_TRY(schema_keep(s, list, &number));
    for (size_t i = 0; i < json_count(list); i++) {
        json_node item = json_item(schema_node(s, number), i);
        CADRE_TRY(branch(s, set, member, used, &item, &places[i]));
    }
    network_join_split(s->n, set->place, places, json_count(list));
    return CADRE_OK;
}

/* ---- pieces ---- */

static cadre_status make_kinds(schema_sets *s, const schema_set *set, unsigned kinds)
{
    node_id list[8] = { 0 };
    size_t count = 0;
    if (kinds & KIND_OBJECT) CADRE_TRY(schema_object(s, set, &list[count++]));
    if (kinds & KIND_ARRAY) CADRE_TRY(schema_array(s, set, &list[count++]));
    if (kinds & KIND_STRING) CADRE_TRY(schema_string(s, set, &list[count++]));
    if (kinds & (KIND_INTEGER | KIND_REAL))
        CADRE_TRY(schema_number(s, set, !(kinds & KIND_REAL), &list[count++]));
    if (kinds & KIND_BOOL) list[count++] = network_text(s->n, "true", 4, NETWORK_END);
    if (kinds & KIND_BOOL) list[count++] = network_text(s->n, "false", 5, NETWORK_END);
    if (kinds & KIND_NULL) list[count++] = network_text(s->n, "null", 4, NETWORK_END);
    network_join_split(s->n, set->place, list, count);
    return CADRE_OK;
}

static cadre_status make_values(schema_sets *s, const schema_set *set)
{
    unsigned kinds = KIND_ALL;
    node_id piece = NETWORK_DEAD;
    if (schema_says(s, set, "type")) CADRE_TRY(schema_kinds(s, set, &kinds));
    CADRE_TRY(schema_values(s, set, kinds, &piece));
    network_join(s->n, set->place, piece);
    return CADRE_OK;
}

static cadre_status make(schema_sets *s, const schema_set *set)
{
    size_t member;
    unsigned used, kinds;
    json_node list;
    if (set->never) return CADRE_OK;
    if (!set->count) return network_join(s->n, set->place, s->text.value), CADRE_OK;
    if (find_choice(s, set, &member, &used, &list)) return choose(s, set, member, used, &list);
    if (schema_says(s, set, "enum") || schema_says(s, set, "const")) return make_values(s, set);
    CADRE_TRY(schema_kinds(s, set, &kinds));
    bool any = kinds == KIND_ALL && schema_kinds_hinted(s, set) == KIND_ALL;
    if (any) return network_join(s->n, set->place, s->text.value), CADRE_OK;
    return make_kinds(s, set, kinds);
}

/* The first set is that of the whole document. */
static cadre_status make_pairs(schema_sets *s, node_id *piece)
{
    schema_set set = s->sets[0];
    return schema_pairs(s, &set, piece);
}

static cadre_status make_all(
    network *n, const schema_form *form, const json_document *document, node_id *piece)
{
    schema_sets s = { 0 };
    node_id whole = NETWORK_DEAD;
    cadre_status status = schema_sets_open(&s, form, document, n);
    if (status == CADRE_OK) whole = s.sets[0].place;
    if (status == CADRE_OK && form->pairs) status = make_pairs(&s, &whole);
    for (size_t i = 0; i < s.set_count && status == CADRE_OK; i++) {
        schema_set set = s.sets[i];
        status = make(&s, &set);
        if (status == CADRE_OK) status = n->status;
    }
    if (status == CADRE_OK) *piece = whole;
    schema_sets_close(&s);
    return status;
}

cadre_status schema_read_as(
    network *n, const schema_form *form, const char *name, string_view text, node_id *piece)
{
    json_document *document;
    if (text.size > SCHEMA_BYTES_MAX)
        return cadre_fail(CADRE_EUNSUPPORTED, name,
            "expected a schema of at most %d bytes, found %zu", SCHEMA_BYTES_MAX, text.size);
    CADRE_TRY(json_parse_dense(name, text.data, text.size, &document));
    cadre_status status = make_all(n, form, document, piece);
    json_close(document);
    return status;
}

cadre_status schema_read(
    network *n, const char *name, const char *text, size_t size, node_id *piece)
{
    static const schema_form json = { 0 };
    return schema_read_as(n, &json, name, (string_view){ text, size }, piece);
}
