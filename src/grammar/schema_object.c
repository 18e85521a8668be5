/* schema_object.c - objects: properties in the order in which the schema names them, then others.
 *
 * What has been read of an object is how many properties are behind it. Before a key the next one
 * may be read, or passed over where it may be absent:
 *
 *     key[i] -> "name i": value -> after[i + 1]          key[i] -> key[i + 1], if i may be absent
 *     after[i] -> , key[i]                               after[i] -> }, if all from i on may be
 */
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "format/json_writer.h"
#include "grammar/chars.h"
#include "grammar/schema_keys.h"
#include "text/chat_tools.h"

typedef struct object {
    schema_sets *s;
    const schema_set *set;
    const char **names; /* [count] in order; borrowed from the document */
    bool *required;     /* [count] */
    size_t count, name_room, required_room;
    string_set known;
    schema_keys keys;
    bool open;     /* others may follow */
    uint32_t most; /* of those others; NETWORK_UNBOUNDED: any number */
} object;

/* ---- which properties there are ---- */

static cadre_status add_name(object *o, const char *name, size_t *index)
{
    void *names = o->names, *required = o->required;
    uint32_t place;
    bool known;
    CADRE_TRY(string_set_add(&o->known, name, strlen(name), &place, &known));
    *index = place;
    if (known) return CADRE_OK;
    if (o->count == SCHEMA_PROPERTIES_MAX)
        return cadre_fail(CADRE_EUNSUPPORTED, o->s->name,
            "expected at most %d properties of an object, found more", SCHEMA_PROPERTIES_MAX);
    CADRE_TRY(buffer_grow(&names, o->count, &o->name_room, 1, sizeof *o->names));
    o->names = names;
    CADRE_TRY(buffer_grow(&required, o->count, &o->required_room, 1, sizeof *o->required));
    o->required = required;
    o->names[o->count] = name;
    o->required[o->count++] = false;
    return CADRE_OK;
}

static cadre_status read_properties(object *o, size_t member)
{
    json_node properties = schema_word(o->s, o->set, member, "properties");
    size_t index;
    if (!properties.value) return CADRE_OK;
    CADRE_TRY(json_as_object(&properties));
    for (json_node m = { 0 }; json_next(&properties, &m);) CADRE_TRY(add_name(o, m.key, &index));
    return CADRE_OK;
}

static cadre_status read_required(object *o, size_t member)
{
    json_node list = schema_word(o->s, o->set, member, "required");
    if (!list.value) return CADRE_OK;
    CADRE_TRY(json_as_array(&list));
    for (size_t i = 0; i < json_count(&list); i++) {
        json_node item = json_item(&list, i);
        const char *name;
        size_t index;
        CADRE_TRY(json_as_string(&item, &name, NULL));
        CADRE_TRY(add_name(o, name, &index));
        o->required[index] = true;
    }
    return CADRE_OK;
}

/* The property by which alternatives are told apart (OpenAPI's) is written, as readers look for it
 * also where the schema does not require it. */
static cadre_status read_discriminator(object *o, size_t member)
{
    json_node word = schema_word(o->s, o->set, member, "discriminator"), name = { 0 };
    const char *text;
    size_t index;
    if (json_kind_of(&word) == JSON_KIND_OBJECT) name = json_member(&word, "propertyName");
    if (!name.value) return CADRE_OK;
    CADRE_TRY(json_as_string(&name, &text, NULL));
    CADRE_TRY(add_name(o, text, &index));
    o->required[index] = true;
    return CADRE_OK;
}

static size_t required_count(const object *o)
{
    size_t count = 0;
    for (size_t i = 0; i < o->count; i++) count += o->required[i];
    return count;
}

static cadre_status refuse_count(const object *o, const char *word)
{
    for (size_t i = 0; i < o->set->count; i++) {
        json_node found = schema_word(o->s, o->set, i, word);
        if (found.value) json_refuse(&found, "a count that the properties keep by themselves");
    }
    return CADRE_EUNSUPPORTED;
}

/* How many others there are: what is left of the counts where every named property is required.
 * *some: the object must not be empty. */
static cadre_status take_counts(object *o, bool *some)
{
    int64_t least = 0, most = INT64_MAX, required = (int64_t)required_count(o);
    CADRE_TRY(schema_bound(o->s, o->set, "minProperties", true, &least));
    CADRE_TRY(schema_bound(o->s, o->set, "maxProperties", false, &most));
    bool fixed = required == (int64_t)o->count;
    *some = least > 0;
    o->most = NETWORK_UNBOUNDED;
    if (least > 1 && least > required) return refuse_count(o, "minProperties");
    if (most == INT64_MAX || (!o->open && most >= (int64_t)o->count)) return CADRE_OK;
    if (!fixed || most < required) return refuse_count(o, "maxProperties");
    o->most = (uint32_t)(most - required);
    return CADRE_OK;
}

/* Names that propertyNames lists are named, too. */
static cadre_status read_listed(object *o)
{
    size_t index;
    for (size_t i = 0; o->open && i < o->keys.name_count; i++)
        CADRE_TRY(add_name(o, o->keys.names[i], &index));
    if (o->keys.listed) o->open = false;
    return CADRE_OK;
}

/* Others may follow where that is said, or where nothing is said of any. */
static cadre_status read_object(object *o, bool *some)
{
    bool named = schema_says(o->s, o->set, "properties");
    CADRE_TRY(schema_keys_read(o->s, o->set, &o->keys));
    for (size_t i = 0; i < o->set->count; i++) CADRE_TRY(read_properties(o, i));
    for (size_t i = 0; i < o->set->count; i++) CADRE_TRY(read_required(o, i));
    for (size_t i = 0; i < o->set->count; i++) CADRE_TRY(read_discriminator(o, i));
    o->open = !named || o->keys.pattern_count || schema_says(o->s, o->set, "additionalProperties");
    CADRE_TRY(read_listed(o));
    if (o->keys.none) o->open = false;
    return take_counts(o, some);
}

/* ---- their values ---- */

typedef struct value_members {
    schema_member list[SCHEMA_MEMBERS_MAX];
    size_t count;
} value_members;

static cadre_status add_value(const object *o, const json_node *value, value_members *v)
{
    if (v->count == SCHEMA_MEMBERS_MAX) {
        json_refuse(value, "at most %d schemas of one property", SCHEMA_MEMBERS_MAX);
        return CADRE_EUNSUPPORTED;
    }
    v->list[v->count].used = 0;
    return schema_keep(o->s, value, &v->list[v->count++].schema);
}

/* What a member says of a property of this name; of one that has none, NULL, what it says of those
 * of the pattern; of a property of neither what it says of all others. */
static cadre_status member_values(
    const object *o, size_t member, const char *name, size_t pattern, value_members *v)
{
    size_t before = v->count;
    json_node properties = schema_word(o->s, o->set, member, "properties"), value;
    uint32_t number;
    if (name && properties.value) {
        CADRE_TRY(schema_keep(o->s, &properties, &number));
        value = json_member(schema_node(o->s, number), name);
        if (value.value) CADRE_TRY(add_value(o, &value, v));
    }
    for (size_t i = 0; i < o->keys.pattern_count; i++) {
        const schema_pattern *p = &o->keys.patterns[i];
        bool matches = name ? schema_keys_match(&o->keys, i, name) : i == pattern;
        if (p->member == member && matches) CADRE_TRY(add_value(o, &p->value, v));
    }
    value = schema_word(o->s, o->set, member, "additionalProperties");
    return v->count == before && value.value ? add_value(o, &value, v) : CADRE_OK;
}

static cadre_status value_of(const object *o, const char *name, size_t pattern, node_id *place)
{
    value_members v = { .count = 0 };
    for (size_t i = 0; i < o->set->count; i++) CADRE_TRY(member_values(o, i, name, pattern, &v));
    return schema_set_of(o->s, v.list, 0, v.count, place);
}

static cadre_status put_key(const object *o, const char *name, node_id next, node_id *piece)
{
    if (o->s->text.quote) {
        *piece = network_text(o->s->n, name, strlen(name), next);
        return CADRE_OK;
    }
    json_writer w = json_writer_new(0);
    json_put_string(&w, NULL, name);
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK) *piece = network_text(o->s->n, w.text.data, w.text.size, next);
    json_writer_free(&w);
    return status;
}

static cadre_status put_property(const object *o, size_t at, node_id after, node_id *piece)
{
    node_id value;
    *piece = NETWORK_DEAD;
    if (!schema_keys_allow(&o->keys, o->names[at])) return CADRE_OK;
    CADRE_TRY(value_of(o, o->names[at], 0, &value));
    value = json_text_before(&o->s->text, ':', network_call(o->s->n, value, after));
    return put_key(o, o->names[at], value, piece);
}

/* A key that is none of the names, of this pattern or of none. */
static cadre_status other_key(const object *o, size_t pattern, node_id next, node_id *piece)
{
    network *n = o->s->n;
    chars keys;
    bool all;
    cadre_status status = schema_keys_of(o->s, &o->keys, pattern, o->names, o->count, &keys, &all);
    if (o->s->text.quote) *piece = network_call(n, o->s->text.name, next);
    else if (status == CADRE_OK && all) *piece = network_call(n, o->s->text.string, next);
    else if (status == CADRE_OK) *piece = network_byte(n, '"', chars_in_json(&keys, n, next));
    chars_free(&keys);
    return status;
}

/* Whether properties that are of no name and of no pattern may be. */
static bool has_rest(const object *o)
{
    return !o->keys.pattern_count || schema_says(o->s, o->set, "additionalProperties");
}

/* One other property, as a piece to be called. */
static cadre_status other_property(const object *o, node_id *piece)
{
    node_id list[SCHEMA_PATTERNS_MAX + 1], value;
    size_t classes = o->keys.pattern_count + has_rest(o);
    for (size_t i = 0; i < classes; i++) {
        CADRE_TRY(value_of(o, NULL, i, &value));
        value = network_call(o->s->n, value, NETWORK_END);
        value = json_text_before(&o->s->text, ':', value);
        CADRE_TRY(other_key(o, i, value, &list[i]));
    }
    *piece = network_split(o->s->n, list, classes);
    return CADRE_OK;
}

/* Other properties, before the first of their keys; *after: when the named ones have been read. */
static cadre_status put_others(const object *o, node_id end, node_id *key, node_id *after)
{
    network *n = o->s->n;
    node_id property, rest;
    *key = NETWORK_DEAD;
    *after = end;
    if (!o->open || !o->most) return CADRE_OK;
    CADRE_TRY(other_property(o, &property));
    node_id more = json_text_before(&o->s->text, ',', network_call(n, property, NETWORK_END));
    uint32_t others = o->most == NETWORK_UNBOUNDED ? NETWORK_UNBOUNDED : o->most - 1;
    rest = network_repeat(n, more, 0, others, end);
    *key = network_call(n, property, rest);
    *after = network_either(n, json_text_before(&o->s->text, ',', *key), end);
    return CADRE_OK;
}

/* ---- the object ---- */

/* *key: before the first key. *may_be_empty: no property is required. */
static cadre_status put_all(const object *o, node_id *key, bool *may_be_empty)
{
    network *n = o->s->n;
    node_id end = json_text_after(&o->s->text, '}', NETWORK_END), after, property;
    CADRE_TRY(put_others(o, end, key, &after));
    *may_be_empty = true;
    for (size_t at = o->count; at-- > 0;) {
        CADRE_TRY(put_property(o, at, after, &property));
        *key = o->required[at] ? property : network_either(n, property, *key);
        *may_be_empty &= !o->required[at];
        after = network_either(n, json_text_before(&o->s->text, ',', *key),
            *may_be_empty ? end : (node_id)NETWORK_DEAD);
    }
    return n->status;
}

static cadre_status make_object(object *o, node_id *piece)
{
    network *n = o->s->n;
    node_id key;
    bool some, empty;
    CADRE_TRY(read_object(o, &some));
    CADRE_TRY(put_all(o, &key, &empty));
    node_id end = empty && !some ? network_byte(n, '}', NETWORK_END) : (node_id)NETWORK_DEAD;
    *piece = json_text_before(&o->s->text, '{', network_either(n, key, end));
    return CADRE_OK;
}

/* ---- pairs ---- */

/* The mark up to which a string goes that is written as it is: `given` without its line feed. */
static size_t mark_size(const schema_form *f)
{
    size_t size = strlen(f->given);
    return size && f->given[size - 1] == '\n' ? size - 1 : size;
}

/* The mark at which a reader ends such a string: the same without line feeds around it. Empty: it
 * has a control token, which is in no text. */
static void mark_of(const schema_form *f, char mark[64])
{
    size_t size = mark_size(f), begin = *f->given == '\n';
    memset(mark, 0, 64);
    if (!memchr(f->given, 0xff, size) && size < 64) memcpy(mark, f->given + begin, size - begin);
}

/* What is said of a property whose type is string and nothing else; value NULL: it is another. */
static json_node raw_of(const object *o, const char *name)
{
    json_node properties = schema_word(o->s, o->set, 0, "properties"), schema = { 0 };
    if (json_kind_of(&properties) == JSON_KIND_OBJECT) schema = json_member(&properties, name);
    schema.parent = NULL;
    return chat_schema_is(&schema, "string") ? schema : (json_node){ .value = NULL };
}

static const char *const raw_words[] = { "minLength", "maxLength", "pattern", "format" };
enum { RAW_WORDS = sizeof raw_words / sizeof *raw_words };

static cadre_status refuse_raw(
    const json_node *schema, const char *const *words, size_t count, const char *instead)
{
    for (size_t i = 0; i < count; i++) {
        json_node found = json_member(schema, words[i]);
        if (!found.value) continue;
        json_refuse(&found, "none of this %s", instead);
        return CADRE_EUNSUPPORTED;
    }
    return CADRE_OK;
}

static bool says_raw(const json_node *schema)
{
    bool says = false;
    for (size_t i = 0; i < RAW_WORDS; i++) says |= json_has(schema, raw_words[i]);
    return says;
}

/* The values of a list, or one value. */
static cadre_status raw_values(
    const object *o, const json_node *list, const json_node *one, node_id *piece)
{
    network *n = o->s->n;
    const schema_form *f = o->s->form;
    node_id end = network_text(n, f->given, mark_size(f), NETWORK_END);
    size_t count = one->value ? 1 : json_count(list);
    node_id *all = MEM_ARRAY(node_id, count + 1);
    cadre_status status = !all ? CADRE_ENOMEM : one->value ? CADRE_OK : json_as_array(list);
    for (size_t i = 0; i < count && status == CADRE_OK; i++) {
        json_node value = one->value ? *one : json_item(list, i);
        const char *text;
        status = json_as_string(&value, &text, NULL);
        if (status == CADRE_OK) all[i] = network_text(n, text, strlen(text), end);
    }
    if (status == CADRE_OK) *piece = network_split(n, all, count);
    mem_free(all);
    return status;
}

/* A text of which lengths, a pattern or a format are said, in which the mark stands nowhere. */
static cadre_status limited_text(const object *o, const char *name, node_id *piece)
{
    network *n = o->s->n;
    const schema_form *f = o->s->form;
    value_members v = { .count = 0 };
    char mark[64];
    schema_set set;
    schema_lengths l;
    chars text = { 0 };
    size_t size = mark_size(f);
    mark_of(f, mark);
    for (size_t i = 0; i < o->set->count; i++) CADRE_TRY(member_values(o, i, name, 0, &v));
    CADRE_TRY(schema_set_like(o->s, v.list, v.count, &set));
    cadre_status status = schema_unmarked_chars(o->s, &set, mark, &l, &text);
    *piece = NETWORK_DEAD;
    if (status == CADRE_OK && l.least <= l.most && !set.never)
        *piece = chars_as_text(
            &text, n, network_text(n, f->given, size, NETWORK_END), (node_id)NETWORK_DEAD);
    chars_free(&text);
    return status;
}

/* Any text, in which the mark stands nowhere. */
static cadre_status raw_text(const object *o, node_id *piece)
{
    network *n = o->s->n;
    const schema_form *f = o->s->form;
    chars text;
    char mark[64];
    mark_of(f, mark);
    cadre_status status = chars_without(mark, o->s->name, &text);
    if (status == CADRE_OK)
        *piece = chars_as_text(
            &text, n, network_text(n, f->given, mark_size(f), NETWORK_END), (node_id)NETWORK_DEAD);
    chars_free(&text);
    return status;
}

/* A value with its mark behind it. */
static cadre_status pair_value(const object *o, const char *name, node_id *piece)
{
    network *n = o->s->n;
    const schema_form *f = o->s->form;
    static const char *const others[] = { "anyOf", "oneOf", "allOf", "$ref" };
    json_node raw = raw_of(o, name), list, one;
    if (!raw.value || f->quoted) {
        CADRE_TRY(value_of(o, name, 0, piece));
        *piece = network_call(n, *piece, network_text(n, f->given, mark_size(f), NETWORK_END));
        return CADRE_OK;
    }
    CADRE_TRY(refuse_raw(&raw, others, 4, "beside the type of this model's strings"));
    list = json_member(&raw, "enum"), one = json_member(&raw, "const");
    if (!list.value && !one.value)
        return says_raw(&raw) ? limited_text(o, name, piece) : raw_text(o, piece);
    CADRE_TRY(refuse_raw(&raw, raw_words, RAW_WORDS, "beside enum or const, which say it all"));
    return raw_values(o, &list, &one, piece);
}

static cadre_status put_pair(const object *o, size_t at, node_id after, node_id *piece)
{
    network *n = o->s->n;
    const schema_form *f = o->s->form;
    size_t mark = mark_size(f);
    node_id value;
    CADRE_TRY(pair_value(o, o->names[at], &value));
    value =
        network_call(n, value, network_text(n, f->given + mark, strlen(f->given + mark), after));
    value = network_text(n, f->named, strlen(f->named), value);
    value = network_text(n, o->names[at], strlen(o->names[at]), value);
    *piece = network_text(n, f->begin, strlen(f->begin), value);
    return CADRE_OK;
}

/* *piece: before the first pair; `after`: behind one, where a word may stand between them. */
static cadre_status make_pairs(object *o, node_id *piece)
{
    network *n = o->s->n;
    const char *between = o->s->form->between;
    node_id after = NETWORK_END;
    bool some;
    CADRE_TRY(read_object(o, &some));
    *piece = NETWORK_END;
    for (size_t at = o->count; at-- > 0;) {
        node_id pair;
        CADRE_TRY(put_pair(o, at, after, &pair));
        node_id next = network_text(n, between, strlen(between), pair);
        *piece = o->required[at] ? pair : network_either(n, pair, *piece);
        after = o->required[at] ? next : network_either(n, next, after);
        if (!*between) after = *piece;
    }
    return CADRE_OK;
}

/* ---- both ---- */

static cadre_status make(schema_sets *s, const schema_set *set, node_id *piece,
    cadre_status (*make_piece)(object *, node_id *))
{
    object o = { .s = s, .set = set };
    cadre_status status = make_piece(&o, piece);
    mem_free(o.names);
    mem_free(o.required);
    string_set_free(&o.known);
    schema_keys_free(&o.keys);
    return status;
}

cadre_status schema_object(schema_sets *s, const schema_set *set, node_id *piece)
{
    return make(s, set, piece, make_object);
}

cadre_status schema_pairs(schema_sets *s, const schema_set *set, node_id *piece)
{
    return make(s, set, piece, make_pairs);
}
