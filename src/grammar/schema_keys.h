/* schema_keys.h - which properties an object may have beside those that a schema names:
 * propertyNames, patternProperties and additionalProperties.
 *
 * Keys that no property has are sorted into classes: those of one pattern and of no other, and
 * those of none. Keys of two patterns are left out. */
#ifndef CADRE_GRAMMAR_SCHEMA_KEYS_H
#define CADRE_GRAMMAR_SCHEMA_KEYS_H

#include "grammar/schema_pieces.h"

enum { SCHEMA_PATTERNS_MAX = 8 };

typedef struct schema_pattern {
    uint32_t member; /* of the set */
    json_node value; /* the schema of such properties */
    chars keys;
} schema_pattern;

typedef struct schema_keys {
    chars allowed;      /* by propertyNames */
    bool narrow;        /* there is something to be said of names: `allowed` */
    bool none;          /* no name is allowed */
    bool listed;        /* those of `names` alone are allowed */
    const char **names; /* [name_count] by an enum of propertyNames; borrowed from the document */
    size_t name_count, name_room;
    schema_pattern patterns[SCHEMA_PATTERNS_MAX];
    size_t pattern_count;
} schema_keys;

cadre_status schema_keys_read(schema_sets *s, const schema_set *set, schema_keys *keys);
void schema_keys_free(schema_keys *keys);

bool schema_keys_allow(const schema_keys *keys, const char *name);
bool schema_keys_match(const schema_keys *keys, size_t pattern, const char *name);

/* The keys of a class that are none of the `count` names: of a pattern, or, for pattern_count, of
 * none. *all: any string. */
cadre_status schema_keys_of(const schema_sets *s, const schema_keys *keys, size_t pattern,
    const char *const *names, size_t count, chars *made, bool *all);

#endif
