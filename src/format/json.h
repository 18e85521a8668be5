/* json.h - JSON from outside, read with bounds and with errors that name the file and the key.
 *
 * Jansson does the parsing. This adds limits before it (size, depth, memory) and typed getters
 * after it. A json_node is a value together with the way to it, so that a refusal can say
 *     config.json: rope_parameters.factor: expected a number in 1..1024, found "x"
 * Nodes are small, live on the stack, and borrow from their document and from the node that they
 * were taken from. Getters write their result only on success. json_opt_X differs from json_get_X
 * in that it accepts an absent key, or null, and then leaves the result as it was: set the default
 * first. */
#ifndef CADRE_FORMAT_JSON_H
#define CADRE_FORMAT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum { JSON_DEPTH = 64 }; /* arrays and objects within each other */
/* Bytes of text; more than any published tokenizer.json or index has */
#define JSON_LIMIT ((size_t)100000000)

struct json_t; /* jansson's */
typedef struct json_document json_document;

typedef struct json_node {
    const char *file;               /* for errors */
    const struct json_node *parent; /* NULL: the root */
    const char *key;                /* in parent, an object ... */
    size_t index;                   /* ... or in parent, an array, when key is NULL */
    struct json_t *value;           /* not const because of jansson's iterators; read only */
} json_node;

/* NaN, Infinity and -Infinity, which Python writes, are values that no getter accepts, so they do
 * no harm where nobody reads them. Refused are: more than `limit` bytes, nesting deeper than
 * JSON_DEPTH, duplicate keys, bytes that are not UTF-8, anything after the value, and text so full
 * of small values that it would take over 24 times its bytes of memory (and over 32 kB), or over 8
 * MB in addition to its strings. */
cadre_status json_open(const char *path, size_t limit, json_document **document);
/* `name` stands in errors. */
cadre_status json_parse(const char *name, const char *text, size_t size, json_document **document);
/* Does the same for a run's own files, which are lists of small numbers. They may take 24 times
 * their bytes of memory, and 8 MB in any case. */
cadre_status json_open_dense(const char *path, size_t limit, json_document **document);
cadre_status json_parse_dense(
    const char *name, const char *text, size_t size, json_document **document);
/* Does the same for a request to a server, which bounds its size itself: many small values are
 * ordinary there. They may take 24 times its bytes of memory or 1 MB, and at most 8 MB. */
cadre_status json_parse_request(
    const char *name, const char *text, size_t size, json_document **document);
void json_close(json_document *document);
json_node json_root(const json_document *document);

/* ---- members of an object ---- */

bool json_has(const json_node *object, const char *key); /* present and not null */

cadre_status json_get_int(
    const json_node *object, const char *key, int64_t min, int64_t max, int64_t *value);
cadre_status json_opt_int(
    const json_node *object, const char *key, int64_t min, int64_t max, int64_t *value);
cadre_status json_get_real(
    const json_node *object, const char *key, double min, double max, double *value);
cadre_status json_opt_real(
    const json_node *object, const char *key, double min, double max, double *value);
cadre_status json_get_bool(const json_node *object, const char *key, bool *value);
cadre_status json_opt_bool(const json_node *object, const char *key, bool *value);
/* borrowed */
cadre_status json_get_string(const json_node *object, const char *key, const char **value);
cadre_status json_opt_string(const json_node *object, const char *key, const char **value);
cadre_status json_get_object(const json_node *object, const char *key, json_node *member);
cadre_status json_get_array(const json_node *object, const char *key, json_node *member);
/* These two give a node whose value is NULL when the member is absent. */
cadre_status json_opt_object(const json_node *object, const char *key, json_node *member);
cadre_status json_opt_array(const json_node *object, const char *key, json_node *member);

/* ---- the value of a node itself, such as an item of an array ---- */

typedef enum json_kind {
    JSON_KIND_ABSENT,
    JSON_KIND_NULL,
    JSON_KIND_BOOL,
    JSON_KIND_NUMBER,
    JSON_KIND_STRING,
    JSON_KIND_ARRAY,
    JSON_KIND_OBJECT,
    JSON_KIND_LITERAL /* NaN, Infinity or -Infinity, which no getter accepts */
} json_kind;

json_kind json_kind_of(const json_node *node);
bool json_is_literal(const json_node *node, const char *literal); /* such as "Infinity" */

cadre_status json_as_int(const json_node *node, int64_t min, int64_t max, int64_t *value);
/* Refuses 4.0, unlike json_as_int. */
cadre_status json_as_count(const json_node *node, int64_t min, int64_t max, int64_t *value);
cadre_status json_as_real(const json_node *node, double min, double max, double *value);
cadre_status json_as_bool(const json_node *node, bool *value);
/* With `size` NULL, refuses a string that contains \u0000. */
cadre_status json_as_string(const json_node *node, const char **value, size_t *size);
cadre_status json_as_object(const json_node *node);
cadre_status json_as_array(const json_node *node);

/* The number of items or members; 0 for any other value */
size_t json_count(const json_node *node);
json_node json_item(const json_node *array, size_t index);       /* index < json_count */
json_node json_member(const json_node *object, const char *key); /* value NULL: absent */

/* Walks over the members in the order of the file:
 *     json_node m = { 0 };
 *     while (json_next(&object, &m)) ... m.key ... */
bool json_next(const json_node *object, json_node *member);

/* Refuses the value of this node in the words of the getters: "FILE: the.key: expected EXPECTED,
 * found VALUE". */
cadre_status json_refuse(const json_node *node, const char *expected, ...)
    __attribute__((format(printf, 2, 3)));

/* Whether two values are the same, as JSON Schema has it: 1 and 1.0 are, the order of members is of
 * no matter. */
bool json_same(const json_node *a, const json_node *b);

/* Appends the keys from the root to the node, "the.key[0]"; nothing for the root itself. */
void json_way(const json_node *node, byte_buffer *way);

#endif
