/* schema_set.c - schemas found by $ref and allOf, and the sets that they make. */
#include "grammar/schema_set.h"

#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"

/* ---- words ---- */

/* Words of JSON Schema that change what is valid and are not done. Words that are unknown to it say
 * nothing of what is valid, as it is with titles and descriptions. */
static const char *const refused[] = { "not", "if", "then", "else", "dependentSchemas",
    "dependentRequired", "dependencies", "unevaluatedItems", "unevaluatedProperties", "contains",
    "minContains", "maxContains", "divisibleBy", "$dynamicRef", "$recursiveRef", "extends",
    "disallow" };

/* {} and [], but of "contains", which then means that something is. Of "not" they are dealt with,
 * and so are true and false. */
static bool says_nothing(const json_node *m)
{
    json_kind kind = json_kind_of(m);
    bool empty = (kind == JSON_KIND_OBJECT || kind == JSON_KIND_ARRAY) && json_count(m) == 0;
    if (strcmp(m->key, "not") == 0) return empty || kind == JSON_KIND_BOOL;
    return empty && strcmp(m->key, "contains") != 0;
}

/* "not" of what is always valid: nothing is. */
static bool is_never(const json_node *schema)
{
    json_node word = json_member(schema, "not");
    bool other = word.value != NULL;
    if (json_kind_of(&word) == JSON_KIND_BOOL && json_as_bool(&word, &other) != CADRE_OK)
        return false;
    return other;
}

static cadre_status refuse_word(const json_node *m)
{
    json_refuse(m, "a schema without this word, which is not supported");
    return CADRE_EUNSUPPORTED;
}

static cadre_status check_schema(const json_node *schema)
{
    json_kind kind = json_kind_of(schema);
    if (kind == JSON_KIND_BOOL) return CADRE_OK;
    if (kind != JSON_KIND_OBJECT) return json_refuse(schema, "a schema: an object, true or false");
    for (json_node m = { 0 }; json_next(schema, &m);)
        for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
            if (strcmp(m.key, refused[i]) == 0 && !says_nothing(&m)) return refuse_word(&m);
    return CADRE_OK;
}

json_node schema_word(const schema_sets *s, const schema_set *set, size_t i, const char *word)
{
    const json_node *schema = schema_node(s, set->members[i].schema);
    return json_kind_of(schema) == JSON_KIND_OBJECT ? json_member(schema, word)
                                                    : (json_node){ .value = NULL };
}

bool schema_says(const schema_sets *s, const schema_set *set, const char *word)
{
    for (size_t i = 0; i < set->count; i++)
        if (schema_word(s, set, i, word).value) return true;
    return false;
}

/* ---- values that have a number ---- */

static cadre_status add_chunk(schema_sets *s)
{
    void *chunks = s->chunks;
    size_t count = s->node_count / SCHEMA_CHUNK;
    if (s->node_count % SCHEMA_CHUNK) return CADRE_OK;
    CADRE_TRY(buffer_grow(&chunks, count, &s->chunk_room, 1, sizeof *s->chunks));
    s->chunks = chunks;
    s->chunks[count] = MEM_ARRAY(json_node, SCHEMA_CHUNK);
    return s->chunks[count] ? CADRE_OK : CADRE_ENOMEM;
}

cadre_status schema_keep(schema_sets *s, const json_node *node, uint32_t *number)
{
    uint64_t key = (uint64_t)(uintptr_t)node->value;
    const uint64_t *known = number_map_find(&s->by_value, key);
    if (known) return *number = (uint32_t)*known, CADRE_OK;
    CADRE_TRY(add_chunk(s));
    s->chunks[s->node_count / SCHEMA_CHUNK][s->node_count % SCHEMA_CHUNK] = *node;
    *number = (uint32_t)s->node_count++;
    return number_map_set(&s->by_value, key, *number);
}

/* ---- $ref ---- */

static int hex_value(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *at = c ? strchr(digits, c) : NULL;
    int value = at ? (int)(at - digits) : -1;
    return value < 16 ? value : value - 6;
}

/* The next step of a pointer, without its ~0, ~1 and %XX. */
static cadre_status take_step(const char **at, byte_buffer *step)
{
    step->size = 0;
    for (++*at; **at && **at != '/'; ++*at) {
        char c = **at;
        if (c == '~' && ((*at)[1] == '0' || (*at)[1] == '1')) {
            c = *++*at == '0' ? '~' : '/';
        } else if (c == '%' && hex_value((*at)[1]) >= 0 && hex_value((*at)[2]) >= 0) {
            c = (char)(16 * hex_value((*at)[1]) + hex_value((*at)[2]));
            *at += 2;
        }
        CADRE_TRY(byte_buffer_put(step, &c, 1));
    }
    return byte_buffer_reserve(step, 1);
}

static json_node step_into(const json_node *from, const byte_buffer *step)
{
    size_t index = 0;
    if (json_kind_of(from) == JSON_KIND_OBJECT)
        return json_member(from, step->size ? step->data : "");
    bool digits = json_kind_of(from) == JSON_KIND_ARRAY && step->size && step->size < 7;
    for (size_t i = 0; i < step->size && digits; i++) {
        digits = step->data[i] >= '0' && step->data[i] <= '9';
        index = index * 10 + (size_t)(step->data[i] - '0');
    }
    if (!digits || index >= json_count(from)) return (json_node){ .value = NULL };
    return json_item(from, index);
}

static cadre_status walk_pointer(
    schema_sets *s, const json_node *ref, const char *at, byte_buffer *step, uint32_t *schema)
{
    *schema = s->root;
    while (*at == '/') {
        CADRE_TRY(take_step(&at, step));
        json_node next = step_into(schema_node(s, *schema), step);
        if (!next.value) return json_refuse(ref, "a place of this document");
        CADRE_TRY(schema_keep(s, &next, schema));
    }
    return *at ? json_refuse(ref, "\"#\" or a place of this document, \"#/...\"") : CADRE_OK;
}

static cadre_status find_ref(schema_sets *s, const json_node *ref, uint32_t *schema)
{
    const char *text;
    byte_buffer step = { 0 };
    CADRE_TRY(json_as_string(ref, &text, NULL));
    if (*text != '#') {
        json_refuse(ref, "\"#\" or a place of this document, \"#/...\"");
        return CADRE_EUNSUPPORTED;
    }
    cadre_status status = walk_pointer(s, ref, text + 1, &step, schema);
    byte_buffer_free(&step);
    return status;
}

/* ---- sets ---- */

typedef struct collection {
    schema_sets *s;
    schema_member list[SCHEMA_MEMBERS_MAX];
    uint32_t count;
    uint32_t followed[SCHEMA_MEMBERS_MAX], followed_count; /* schemas, by this collection */
    uint32_t way[SCHEMA_MEMBERS_MAX];                      /* those that are being followed */
    int depth;
    bool never;
} collection;

static bool is_in(const collection *c, schema_member m)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (c->list[i].schema == m.schema && c->list[i].used == m.used) return true;
    return false;
}

static bool was_followed(const collection *c, uint32_t schema)
{
    for (uint32_t i = 0; i < c->followed_count; i++)
        if (c->followed[i] == schema) return true;
    return false;
}

static bool is_on_way(const collection *c, uint32_t schema)
{
    for (int i = 0; i < c->depth; i++)
        if (c->way[i] == schema) return true;
    return false;
}

static cadre_status follow(collection *c, schema_member m);

static cadre_status follow_all(collection *c, const json_node *schema)
{
    json_node all = json_member(schema, "allOf");
    uint32_t number;
    if (!all.value) return CADRE_OK;
    CADRE_TRY(json_as_array(&all));
    CADRE_TRY(schema_keep(c->s, &all, &number));
    for (size_t i = 0; i < json_count(&all); i++) {
        json_node item = json_item(schema_node(c->s, number), i);
        uint32_t kept;
        CADRE_TRY(schema_keep(c->s, &item, &kept));
        CADRE_TRY(follow(c, (schema_member){ kept, 0 }));
    }
    return CADRE_OK;
}

static cadre_status follow_words(collection *c, const json_node *schema)
{
    json_node ref = json_member(schema, "$ref");
    uint32_t number;
    if (ref.value) {
        CADRE_TRY(find_ref(c->s, &ref, &number));
        CADRE_TRY(follow(c, (schema_member){ number, 0 }));
    }
    return follow_all(c, schema);
}

static cadre_status too_many(const json_node *schema)
{
    json_refuse(schema, "at most %d schemas that hold for one value, by $ref and allOf",
        SCHEMA_MEMBERS_MAX);
    return CADRE_EUNSUPPORTED;
}

static cadre_status follow(collection *c, schema_member m)
{
    const json_node *schema = schema_node(c->s, m.schema);
    CADRE_TRY(check_schema(schema));
    if (json_kind_of(schema) == JSON_KIND_BOOL) {
        bool any = true;
        CADRE_TRY(json_as_bool(schema, &any));
        c->never |= !any;
        return CADRE_OK;
    }
    c->never |= is_never(schema);
    if (is_on_way(c, m.schema))
        return json_refuse(schema, "a schema that does not refer to itself");
    if (was_followed(c, m.schema)) return CADRE_OK;
    if (c->count == SCHEMA_MEMBERS_MAX || c->followed_count == SCHEMA_MEMBERS_MAX)
        return too_many(schema);
    if (!is_in(c, m)) c->list[c->count++] = m;
    c->followed[c->followed_count++] = m.schema;
    c->way[c->depth++] = m.schema;
    CADRE_TRY(follow_words(c, schema));
    c->depth--;
    return CADRE_OK;
}

static cadre_status add_set(schema_sets *s, const collection *c)
{
    void *sets = s->sets;
    if (s->set_count >= SCHEMA_SETS_MAX)
        return cadre_fail(CADRE_EUNSUPPORTED, s->name,
            "expected at most %d different values that the schema describes, found more",
            SCHEMA_SETS_MAX);
    CADRE_TRY(buffer_grow(&sets, s->set_count, &s->set_room, 1, sizeof *s->sets));
    s->sets = sets;
    schema_set *made = &s->sets[s->set_count++];
    *made = (schema_set){ .members = MEM_ARRAY(schema_member, c->count),
        .count = c->count,
        .never = c->never,
        .place = network_place(s->n) };
    if (!made->members) return CADRE_ENOMEM;
    memcpy(made->members, c->list, c->count * sizeof *made->members);
    return s->n->status;
}

static cadre_status find_set(schema_sets *s, const schema_member *members, size_t followed,
    size_t count, const schema_set **set)
{
    collection c = { .s = s };
    uint32_t number;
    bool known;
    for (size_t i = 0; i < followed; i++)
        if (!is_in(&c, members[i])) c.list[c.count++] = members[i];
    for (size_t i = followed; i < count; i++) CADRE_TRY(follow(&c, members[i]));
    if (c.never) c.list[0] = (schema_member){ UINT32_MAX, 0 }, c.count = 0;
    CADRE_TRY(string_set_add(
        &s->keys, (const char *)c.list, (c.never ? 1 : c.count) * sizeof *c.list, &number, &known));
    if (!known) CADRE_TRY(add_set(s, &c));
    *set = &s->sets[number];
    return CADRE_OK;
}

cadre_status schema_set_of(
    schema_sets *s, const schema_member *members, size_t followed, size_t count, node_id *place)
{
    const schema_set *set;
    CADRE_TRY(find_set(s, members, followed, count, &set));
    *place = set->place;
    return CADRE_OK;
}

cadre_status schema_set_like(
    schema_sets *s, const schema_member *members, size_t count, schema_set *set)
{
    const schema_set *found;
    CADRE_TRY(find_set(s, members, 0, count, &found));
    *set = *found;
    return CADRE_OK;
}

/* ---- opening ---- */

cadre_status schema_sets_open(
    schema_sets *s, const schema_form *form, const json_document *document, network *n)
{
    json_node root = json_root(document);
    node_id place;
    *s = (schema_sets){ .name = root.file, .n = n, .form = form };
    if (form->quote) json_text_make_raw(n, form->quote, &s->text);
    else json_text_make(n, &s->text);
    CADRE_TRY(schema_keep(s, &root, &s->root));
    return schema_set_of(s, &(schema_member){ s->root, 0 }, 0, 1, &place);
}

void schema_sets_close(schema_sets *s)
{
    for (size_t i = 0; i * SCHEMA_CHUNK < s->node_count; i++) mem_free(s->chunks[i]);
    for (size_t i = 0; i < s->set_count; i++) mem_free(s->sets[i].members);
    mem_free(s->chunks);
    mem_free(s->sets);
    number_map_free(&s->by_value);
    string_set_free(&s->keys);
    *s = (schema_sets){ 0 };
}
