/* schema_keys.c - names of properties, as automata. */
#include "grammar/schema_keys.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/* ---- propertyNames ---- */

/* Words by which a schema of names says what is not done of names. */
static cadre_status check_words(const schema_sets *s, const schema_set *names)
{
    static const char *const words[] = { "anyOf", "oneOf" };
    for (size_t i = 0; i < names->count; i++)
        for (int k = 0; k < 2; k++) {
            json_node found = schema_word(s, names, i, words[k]);
            if (!found.value) continue;
            json_refuse(&found, "no alternatives, as they are not supported of names");
            return CADRE_EUNSUPPORTED;
        }
    return CADRE_OK;
}

static cadre_status add_name(schema_keys *keys, const json_node *value)
{
    void *names = keys->names;
    if (json_kind_of(value) != JSON_KIND_STRING) return CADRE_OK; /* no name is that */
    CADRE_TRY(buffer_grow(&names, keys->name_count, &keys->name_room, 1, sizeof *keys->names));
    keys->names = names;
    return json_as_string(value, &keys->names[keys->name_count++], NULL);
}

/* One list of names, or one name. */
static cadre_status take_list(schema_keys *keys, const json_node *list)
{
    if (!list->value) return CADRE_OK;
    if (keys->listed) {
        json_refuse(list, "one list of names, as several are not supported");
        return CADRE_EUNSUPPORTED;
    }
    keys->listed = true;
    if (strcmp(list->key, "const") == 0) return add_name(keys, list);
    CADRE_TRY(json_as_array(list));
    for (size_t i = 0; i < json_count(list); i++) {
        json_node item = json_item(list, i);
        CADRE_TRY(add_name(keys, &item));
    }
    return CADRE_OK;
}

static cadre_status take_names(schema_sets *s, const schema_set *names, schema_keys *keys)
{
    schema_lengths l;
    bool any;
    unsigned kinds;
    CADRE_TRY(schema_kinds(s, names, &kinds));
    keys->none = names->never || !(kinds & KIND_STRING);
    CADRE_TRY(check_words(s, names));
    for (size_t i = 0; i < names->count; i++) {
        json_node list = schema_word(s, names, i, "enum"), one = schema_word(s, names, i, "const");
        CADRE_TRY(take_list(keys, &list));
        CADRE_TRY(take_list(keys, &one));
    }
    CADRE_TRY(schema_string_chars(s, names, &l, &keys->allowed, &any));
    keys->none |= l.least > l.most;
    keys->narrow = any || l.least || l.most != NETWORK_UNBOUNDED;
    if (any || !keys->narrow || keys->none) return CADRE_OK;
    return chars_of_length(l.least, l.most, s->name, &keys->allowed);
}

static cadre_status read_names(schema_sets *s, const schema_set *set, schema_keys *keys)
{
    schema_member members[SCHEMA_MEMBERS_MAX];
    size_t count = 0;
    schema_set names;
    for (size_t i = 0; i < set->count; i++) {
        json_node word = schema_word(s, set, i, "propertyNames");
        if (!word.value) continue;
        CADRE_TRY(schema_keep(s, &word, &members[count].schema));
        members[count++].used = 0;
    }
    if (!count) return CADRE_OK;
    CADRE_TRY(schema_set_like(s, members, count, &names));
    return take_names(s, &names, keys);
}

/* ---- patternProperties ---- */

static cadre_status add_pattern(
    schema_sets *s, size_t member, const json_node *value, schema_keys *keys)
{
    schema_pattern *p = &keys->patterns[keys->pattern_count];
    if (keys->pattern_count == SCHEMA_PATTERNS_MAX) {
        json_refuse(value, "at most %d patterns of names", SCHEMA_PATTERNS_MAX);
        return CADRE_EUNSUPPORTED;
    }
    *p = (schema_pattern){ .member = (uint32_t)member, .value = *value };
    keys->pattern_count++;
    return schema_pattern_read(s, value, value->key, strlen(value->key), &p->keys);
}

static cadre_status read_patterns(
    schema_sets *s, const schema_set *set, size_t member, schema_keys *keys)
{
    json_node word = schema_word(s, set, member, "patternProperties");
    uint32_t number;
    if (!word.value) return CADRE_OK;
    CADRE_TRY(json_as_object(&word));
    CADRE_TRY(schema_keep(s, &word, &number));
    for (json_node m = { 0 }; json_next(schema_node(s, number), &m);)
        CADRE_TRY(add_pattern(s, member, &m, keys));
    return CADRE_OK;
}

cadre_status schema_keys_read(schema_sets *s, const schema_set *set, schema_keys *keys)
{
    *keys = (schema_keys){ 0 };
    CADRE_TRY(read_names(s, set, keys));
    for (size_t i = 0; i < set->count; i++) CADRE_TRY(read_patterns(s, set, i, keys));
    return CADRE_OK;
}

void schema_keys_free(schema_keys *keys)
{
    for (size_t i = 0; i < keys->pattern_count; i++) chars_free(&keys->patterns[i].keys);
    chars_free(&keys->allowed);
    mem_free(keys->names);
    *keys = (schema_keys){ 0 };
}

/* ---- which keys ---- */

bool schema_keys_allow(const schema_keys *keys, const char *name)
{
    bool found = !keys->listed;
    for (size_t i = 0; i < keys->name_count; i++) found |= strcmp(keys->names[i], name) == 0;
    if (keys->none || !found) return false;
    return !keys->narrow || chars_take(&keys->allowed, name);
}

bool schema_keys_match(const schema_keys *keys, size_t pattern, const char *name)
{
    return chars_take(&keys->patterns[pattern].keys, name);
}

/* What the making of automata may still cost (grammar/network.h) is less. */
static cadre_status spend(const schema_sets *s, const chars *made)
{
    s->n->work -= (int64_t)(made->state_count + made->edge_count);
    if (s->n->work >= 0) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, s->name,
        "expected patterns of names that are simple to follow, found ones that need too many "
        "states");
}

/* Those of *made that `more` takes too, or does not. */
static cadre_status narrow(const schema_sets *s, const chars *more, bool take, chars *made)
{
    chars others = { 0 }, both = { 0 };
    cadre_status status = spend(s, made);
    if (status == CADRE_OK) status = spend(s, more);
    if (status == CADRE_OK && !take) status = chars_not(more, s->name, &others);
    if (status == CADRE_OK) status = chars_both(made, take ? more : &others, s->name, &both);
    if (status == CADRE_OK) status = spend(s, &both);
    chars_free(&others);
    chars_free(made);
    *made = both;
    return status;
}

cadre_status schema_keys_of(const schema_sets *s, const schema_keys *keys, size_t pattern,
    const char *const *names, size_t count, chars *made, bool *all)
{
    *made = (chars){ 0 };
    *all = !count && !keys->narrow && !keys->pattern_count;
    if (*all) return CADRE_OK;
    CADRE_TRY(chars_but(names, count, s->name, made));
    cadre_status status = keys->narrow ? narrow(s, &keys->allowed, true, made) : CADRE_OK;
    for (size_t i = 0; i < keys->pattern_count && status == CADRE_OK; i++)
        status = narrow(s, &keys->patterns[i].keys, i == pattern, made);
    return status;
}
