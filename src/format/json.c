/* json.c - checks limits before jansson parses, and reads typed values afterwards. */
#include "format/json.h"

#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/buffer.h"
#include "format/foreign.h"
#include "format/json_literal.h"
#include "format/quote.h"

struct json_document {
    char *name;
    json_t *root;
};

/* ---- the memory that a text will take, before it is parsed ---- */

/* Bytes that jansson 2.14 allocates for each, including malloc's own. These were measured, as were
 * those for the text itself. */
enum {
    COST_OBJECT = 224,
    COST_ARRAY = 128,
    COST_MEMBER = 104,
    COST_STRING = 80,
    COST_NUMBER = 32,
    COST_ITEM = 10
};
enum { COST_MARK = 16 }; /* of a literal, in the marked text */
/* 24 together with the text and the parser's own buffers */
enum { MEMORY_PER_BYTE = 22, MEMORY_FREE = 32 << 10, MEMORY_FREE_OF_REQUESTS = 1 << 20 };
enum { MEMORY_MOST = 8 << 20 }; /* of a stranger's values, which then take tens of milliseconds */

typedef struct outline {
    size_t cost;
    int depth, deepest;
} outline;

static void count_open(outline *o, size_t cost)
{
    o->cost += cost;
    if (++o->depth > o->deepest) o->deepest = o->depth;
}

static bool begins_number(const char *text, size_t at)
{
    bool here = (text[at] >= '0' && text[at] <= '9') || text[at] == '-';
    return here && (at == 0 || strchr("[:, \t\r\n", text[at - 1]));
}

/* Counts up to the first place where the cost exceeds `most`, or the depth exceeds JSON_DEPTH. */
static outline outline_of(const char *text, size_t size, size_t most)
{
    outline o = { 0 };
    for (size_t at = 0; at < size && o.cost <= most && o.deepest <= JSON_DEPTH; at++) {
        switch (text[at]) {
        case '{': count_open(&o, COST_OBJECT); break;
        case '[': count_open(&o, COST_ARRAY); break;
        case '}':
        case ']': o.depth--; break;
        case ',': o.cost += COST_ITEM; break;
        case ':': o.cost += COST_MEMBER - COST_STRING; break; /* its key was counted as a string */
        case '"':
            o.cost += COST_STRING;
            at = json_string_end(text, size, at) - 1;
            break;
        default:
            if (begins_number(text, at)) o.cost += COST_NUMBER;
            else if (json_literal_at(text, size, at)) o.cost += COST_STRING + COST_MARK;
        }
    }
    return o;
}

/* Whose text it is. */
typedef enum origin { STRANGERS_FILE, REQUEST, OWN_FILE } origin;

/* How much memory the values of a text may take: less for a stranger's file, more for a run's
 * own. */
static size_t allowance(size_t size, origin from)
{
    size_t fair = size * MEMORY_PER_BYTE,
           least = from == REQUEST ? MEMORY_FREE_OF_REQUESTS : MEMORY_FREE;
    if (from == OWN_FILE) return fair > MEMORY_MOST ? fair : MEMORY_MOST;
    return fair < least ? least : fair < MEMORY_MOST ? fair : MEMORY_MOST;
}

static cadre_status check_outline(const char *name, const char *text, size_t size, origin from)
{
    size_t most = allowance(size, from);
    outline o = outline_of(text, size, most);
    if (o.deepest > JSON_DEPTH)
        return cadre_fail(
            CADRE_EFORMAT, name, "expected JSON at most %d levels deep, found more", JSON_DEPTH);
    if (o.cost > most)
        return cadre_fail(CADRE_EFORMAT, name,
            "expected JSON of at most %zu bytes of memory besides its %zu of text, found more",
            most, size);
    return CADRE_OK;
}

/* ---- parsing ---- */

/* Jansson names this error, or none: what it allocates before the first token has no error code. */
static bool ran_out_of_memory(const json_error_t *error)
{
    return json_error_code(error) == json_error_out_of_memory || !error->text[0];
}

static cadre_status parse_failed(const char *name, const json_error_t *error)
{
    if (ran_out_of_memory(error)) return cadre_fail(CADRE_ENOMEM, name, "out of memory");
    return cadre_fail(CADRE_EFORMAT, name, "expected valid JSON, found at line %d, column %d: %s",
        error->line, error->column, quote_text(error->text).text);
}

/* Integers beyond 64 bits occur ("model_max_length": 1000000000000000019884624838656); then all
 * integers are read as floating-point numbers. */
static json_t *load(const char *text, size_t size, json_error_t *error)
{
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    json_t *root = json_loadb(size ? text : "", size, flags, error);
    if (!root && json_error_code(error) == json_error_numeric_overflow)
        root = json_loadb(text, size, flags | JSON_DECODE_INT_AS_REAL, error);
    return root;
}

/* Parses again, with marks for the non-finite numbers that Python writes. If there are none, the
 * first error stands. */
static cadre_status load_marked(const char *text, size_t size, json_t **root, json_error_t *error)
{
    size_t marked_size, found;
    char *marked = json_literals_marked(text, size, &marked_size, &found);
    if (!marked) return CADRE_ENOMEM;
    if (found) *root = load(marked, marked_size, error);
    mem_free(marked);
    return CADRE_OK;
}

static cadre_status parse_text(const char *name, const char *text, size_t size, json_t **root)
{
    json_error_t error = { 0 };
    *root = load(text, size, &error);
    if (!*root && !ran_out_of_memory(&error)) CADRE_TRY(load_marked(text, size, root, &error));
    return *root ? CADRE_OK : parse_failed(name, &error);
}

static cadre_status parse(
    const char *name, const char *text, size_t size, origin from, json_document **document)
{
    CADRE_TRY(check_outline(name, text, size, from));
    json_t *root;
    CADRE_TRY(parse_text(name, text, size, &root));
    json_document *d = MEM_ARRAY(json_document, 1);
    if (!d || !(d->name = mem_strdup(name))) {
        mem_free(d);
        json_decref(root);
        return CADRE_ENOMEM;
    }
    d->root = root;
    *document = d;
    return CADRE_OK;
}

cadre_status json_parse(const char *name, const char *text, size_t size, json_document **document)
{
    return parse(name, text, size, STRANGERS_FILE, document);
}

cadre_status json_parse_request(
    const char *name, const char *text, size_t size, json_document **document)
{
    return parse(name, text, size, REQUEST, document);
}

cadre_status json_parse_dense(
    const char *name, const char *text, size_t size, json_document **document)
{
    return parse(name, text, size, OWN_FILE, document);
}

static cadre_status open_file(const char *path, size_t limit, origin from, json_document **document)
{
    file_map map;
    CADRE_TRY(file_map_open(path, &map));
    cadre_status status = CADRE_OK;
    if (map.size > limit)
        status = cadre_fail(
            CADRE_EFORMAT, path, "expected at most %zu bytes, found %zu", limit, map.size);
    else status = foreign_check(path, map.data, map.size, "a JSON file");
    if (status == CADRE_OK) status = parse(path, (const char *)map.data, map.size, from, document);
    file_map_close(&map);
    return status;
}

cadre_status json_open(const char *path, size_t limit, json_document **document)
{
    return open_file(path, limit, STRANGERS_FILE, document);
}

cadre_status json_open_dense(const char *path, size_t limit, json_document **document)
{
    return open_file(path, limit, OWN_FILE, document);
}

void json_close(json_document *document)
{
    if (!document) return;
    json_decref(document->root);
    mem_free(document->name);
    mem_free(document);
}

json_node json_root(const json_document *document)
{
    return (json_node){ .file = document->name, .value = document->root };
}

/* ---- the sentence of an error ---- */

void json_way(const json_node *node, byte_buffer *way)
{
    if (!node->parent) return;
    json_way(node->parent, way);
    if (!node->key) byte_buffer_format(way, "[%zu]", node->index);
    else byte_buffer_format(way, "%s%s", way->size ? "." : "", quote_text(node->key).text);
}

/* Returns "NaN" where a string stands for that literal; NULL: it is any other value. */
static const char *literal_of(const json_t *value)
{
    if (!json_is_string(value)) return NULL;
    return json_literal_of(json_string_value(value), json_string_length(value));
}

static void describe_value(const json_t *value, byte_buffer *found)
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_OBJECT: byte_buffer_text(found, "an object"); break;
    case JSON_ARRAY: byte_buffer_format(found, "an array of %zu", json_array_size(value)); break;
    case JSON_STRING:
        if (literal_of(value)) byte_buffer_text(found, literal_of(value));
        else
            byte_buffer_format(found, "\"%s\"",
                quote_bytes(json_string_value(value), json_string_length(value)).text);
        break;
    case JSON_INTEGER:
        byte_buffer_format(found, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL: byte_buffer_format(found, "%.17g", json_real_value(value)); break;
    case JSON_TRUE: byte_buffer_text(found, "true"); break;
    case JSON_FALSE: byte_buffer_text(found, "false"); break;
    case JSON_NULL: byte_buffer_text(found, value ? "null" : "nothing"); break;
    }
}

cadre_status json_refuse(const json_node *node, const char *expected, ...)
{
    byte_buffer way = { 0 }, found = { 0 };
    char wanted[256];
    va_list args;
    va_start(args, expected);
    vsnprintf(wanted, sizeof wanted, expected, args);
    va_end(args);
    json_way(node, &way);
    describe_value(node->value, &found);
    cadre_status status = CADRE_ENOMEM;
    if (way.status == CADRE_OK && found.status == CADRE_OK)
        status = cadre_fail(CADRE_EFORMAT, node->file, "%s%sexpected %s, found %s",
            way.size ? way.data : "", way.size ? ": " : "", wanted, found.data);
    byte_buffer_free(&way);
    byte_buffer_free(&found);
    return status;
}

/* ---- the value of a node itself ---- */

json_kind json_kind_of(const json_node *node)
{
    if (!node->value) return JSON_KIND_ABSENT;
    switch (json_typeof(node->value)) {
    case JSON_OBJECT: return JSON_KIND_OBJECT;
    case JSON_ARRAY: return JSON_KIND_ARRAY;
    case JSON_STRING: return literal_of(node->value) ? JSON_KIND_LITERAL : JSON_KIND_STRING;
    case JSON_INTEGER:
    case JSON_REAL: return JSON_KIND_NUMBER;
    case JSON_TRUE:
    case JSON_FALSE: return JSON_KIND_BOOL;
    case JSON_NULL: return JSON_KIND_NULL;
    }
    return JSON_KIND_ABSENT;
}

bool json_is_literal(const json_node *node, const char *literal)
{
    const char *found = literal_of(node->value);
    return found && !strcmp(found, literal);
}

cadre_status json_as_int(const json_node *node, int64_t min, int64_t max, int64_t *value)
{
    /* 2^53: every integer up to it is a double */
    const double exact = 9007199254740992.0;
    int64_t v = 0;
    bool whole = json_is_integer(node->value);
    if (whole) v = json_integer_value(node->value);
    else if (json_is_real(node->value)) {
        double r = json_real_value(node->value);
        whole = r == floor(r) && fabs(r) <= exact;
        if (whole) v = (int64_t)r;
    }
    if (!whole || v < min || v > max)
        return json_refuse(node, "an integer in %lld..%lld", (long long)min, (long long)max);
    *value = v;
    return CADRE_OK;
}

cadre_status json_as_count(const json_node *node, int64_t min, int64_t max, int64_t *value)
{
    if (json_is_real(node->value)) return json_refuse(node, "an integer without a point");
    return json_as_int(node, min, max, value);
}

cadre_status json_as_real(const json_node *node, double min, double max, double *value)
{
    bool number = json_is_number(node->value);
    double v = number ? json_number_value(node->value) : 0;
    if (number && v >= min && v <= max) {
        *value = v;
        return CADRE_OK;
    }
    if (min <= -DBL_MAX && max >= DBL_MAX) return json_refuse(node, "a number");
    if (max >= DBL_MAX) return json_refuse(node, "a number of at least %g", min);
    return json_refuse(node, "a number in %g..%g", min, max);
}

cadre_status json_as_bool(const json_node *node, bool *value)
{
    if (!json_is_boolean(node->value)) return json_refuse(node, "true or false");
    *value = json_is_true(node->value);
    return CADRE_OK;
}

cadre_status json_as_string(const json_node *node, const char **value, size_t *size)
{
    if (!json_is_string(node->value) || literal_of(node->value))
        return json_refuse(node, "a string");
    const char *text = json_string_value(node->value);
    if (!size && strlen(text) != json_string_length(node->value))
        return json_refuse(node, "a string without NUL");
    *value = text;
    if (size) *size = json_string_length(node->value);
    return CADRE_OK;
}

cadre_status json_as_object(const json_node *node)
{
    return json_is_object(node->value) ? CADRE_OK : json_refuse(node, "an object");
}

cadre_status json_as_array(const json_node *node)
{
    return json_is_array(node->value) ? CADRE_OK : json_refuse(node, "an array");
}

/* ---- walking from node to node ---- */

size_t json_count(const json_node *node)
{
    return json_is_array(node->value) ? json_array_size(node->value)
                                      : json_object_size(node->value);
}

json_node json_item(const json_node *array, size_t index)
{
    return (json_node){ array->file, array, NULL, index, json_array_get(array->value, index) };
}

/* The key is the document's own where it has one: the caller's may be gone when an error tells the
 * way. */
json_node json_member(const json_node *object, const char *key)
{
    void *at = json_object_iter_at(object->value, key);
    return (json_node){ object->file, object, at ? json_object_iter_key(at) : key, 0,
        at ? json_object_iter_value(at) : NULL };
}

bool json_next(const json_node *object, json_node *member)
{
    void *at = member->key
                   ? json_object_iter_next(object->value, json_object_key_to_iter(member->key))
                   : json_object_iter(object->value);
    if (!at) return false;
    *member = (json_node){ object->file, object, json_object_iter_key(at), 0,
        json_object_iter_value(at) };
    return true;
}

bool json_has(const json_node *object, const char *key)
{
    const json_t *value = json_object_get(object->value, key);
    return value && !json_is_null(value);
}

/* ---- members by key ---- */

cadre_status json_get_int(
    const json_node *object, const char *key, int64_t min, int64_t max, int64_t *value)
{
    json_node member = json_member(object, key);
    return json_as_int(&member, min, max, value);
}

cadre_status json_opt_int(
    const json_node *object, const char *key, int64_t min, int64_t max, int64_t *value)
{
    return json_has(object, key) ? json_get_int(object, key, min, max, value) : CADRE_OK;
}

cadre_status json_get_real(
    const json_node *object, const char *key, double min, double max, double *value)
{
    json_node member = json_member(object, key);
    return json_as_real(&member, min, max, value);
}

cadre_status json_opt_real(
    const json_node *object, const char *key, double min, double max, double *value)
{
    return json_has(object, key) ? json_get_real(object, key, min, max, value) : CADRE_OK;
}

cadre_status json_get_bool(const json_node *object, const char *key, bool *value)
{
    json_node member = json_member(object, key);
    return json_as_bool(&member, value);
}

cadre_status json_opt_bool(const json_node *object, const char *key, bool *value)
{
    return json_has(object, key) ? json_get_bool(object, key, value) : CADRE_OK;
}

cadre_status json_get_string(const json_node *object, const char *key, const char **value)
{
    json_node member = json_member(object, key);
    return json_as_string(&member, value, NULL);
}

cadre_status json_opt_string(const json_node *object, const char *key, const char **value)
{
    return json_has(object, key) ? json_get_string(object, key, value) : CADRE_OK;
}

cadre_status json_get_object(const json_node *object, const char *key, json_node *member)
{
    json_node found = json_member(object, key);
    CADRE_TRY(json_as_object(&found));
    *member = found;
    return CADRE_OK;
}

cadre_status json_get_array(const json_node *object, const char *key, json_node *member)
{
    json_node found = json_member(object, key);
    CADRE_TRY(json_as_array(&found));
    *member = found;
    return CADRE_OK;
}

cadre_status json_opt_object(const json_node *object, const char *key, json_node *member)
{
    if (json_has(object, key)) return json_get_object(object, key, member);
    *member = (json_node){ object->file, object, key, 0, NULL };
    return CADRE_OK;
}

cadre_status json_opt_array(const json_node *object, const char *key, json_node *member)
{
    if (json_has(object, key)) return json_get_array(object, key, member);
    *member = (json_node){ object->file, object, key, 0, NULL };
    return CADRE_OK;
}
