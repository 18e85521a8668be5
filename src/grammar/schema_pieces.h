/* schema_pieces.h - the pieces of the kinds of values: what a set says of strings, of numbers, of
 * arrays, of objects, and of values that it lists.
 *
 * `set` is a copy: making a piece may add sets. Where nothing can be, the piece is NETWORK_DEAD, or
 * leads nowhere. */
#ifndef CADRE_GRAMMAR_SCHEMA_PIECES_H
#define CADRE_GRAMMAR_SCHEMA_PIECES_H

#include "grammar/chars.h"
#include "grammar/schema_set.h"

/* Kinds of values, as bits. A number with a point may also be written without. */
enum {
    KIND_NULL = 1,
    KIND_BOOL = 2,
    KIND_INTEGER = 4,
    KIND_REAL = 8,
    KIND_STRING = 16,
    KIND_ARRAY = 32,
    KIND_OBJECT = 64,
    KIND_ALL = 127
};

/* Which of them a value may be, and which the words mean that are of one kind alone: all, if there
 * are none. */
cadre_status schema_kinds(const schema_sets *s, const schema_set *set, unsigned *kinds);
unsigned schema_kinds_hinted(const schema_sets *s, const schema_set *set);

cadre_status schema_string(schema_sets *s, const schema_set *set, node_id *piece);

typedef struct schema_lengths {
    uint32_t least, most; /* characters; most NETWORK_UNBOUNDED: or more */
} schema_lengths;

/* The strings in which a pattern is found that stands at this node. */
cadre_status schema_pattern_read(
    const schema_sets *s, const json_node *at, const char *pattern, size_t size, chars *made);

/* The strings themselves. *any: there is a pattern or a format, and *all, to be freed, is of all
 * that is said; else lengths alone are said. Where least is above most, no string is. */
cadre_status schema_string_chars(
    schema_sets *s, const schema_set *set, schema_lengths *lengths, chars *all, bool *any);

/* The same without those in which the mark stands, and with their lengths in *all, too. An empty
 * mark stands in none. */
cadre_status schema_unmarked_chars(
    schema_sets *s, const schema_set *set, const char *mark, schema_lengths *lengths, chars *all);

/* integer: none with a point */
cadre_status schema_number(schema_sets *s, const schema_set *set, bool integer, node_id *piece);
cadre_status schema_array(schema_sets *s, const schema_set *set, node_id *piece);
cadre_status schema_object(schema_sets *s, const schema_set *set, node_id *piece);
/* The object as pairs of key and value, each between marks, without braces: GLM-4.5's way. Strings
 * are written as they are; beside their type, anyOf, allOf and the like are not done. */
cadre_status schema_pairs(schema_sets *s, const schema_set *set, node_id *piece);
/* Makes the values of these kinds of a set that lists its values, by enum or const. */
cadre_status schema_values(schema_sets *s, const schema_set *set, unsigned kinds, node_id *piece);
/* The same, each value a piece of its own: the first `room` of *count. */
cadre_status schema_values_each(schema_sets *s, const schema_set *set, unsigned kinds,
    node_id *pieces, size_t room, size_t *count);

/* An integer that members give by this word: the largest of them, or the least. */
cadre_status schema_bound(
    const schema_sets *s, const schema_set *set, const char *word, bool largest, int64_t *bound);

#endif
