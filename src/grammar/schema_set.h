/* schema_set.h - the schemas of a document, and sets of them that all hold for one value.
 *
 * $ref and allOf only say which schemas hold: a set takes the schemas that they name as members of
 * its own. anyOf and oneOf say which of several sets holds. So every value has one set, each set is
 * built once, however many places of the document lead to it, and a schema that holds itself is a
 * set that is there already. */
#ifndef CADRE_GRAMMAR_SCHEMA_SET_H
#define CADRE_GRAMMAR_SCHEMA_SET_H

#include "format/json.h"
#include "grammar/schema.h"
#include "text/table.h"

enum { SCHEMA_SETS_MAX = 20000, SCHEMA_MEMBERS_MAX = 64, SCHEMA_PROPERTIES_MAX = 4096 };

typedef struct schema_member {
    uint32_t schema; /* its number, see schema_keep */
    uint32_t used;   /* words that have been dealt with */
} schema_member;

enum { SCHEMA_USED_ANY = 1, SCHEMA_USED_ONE = 2 };

typedef struct schema_set {
    schema_member *members; /* [count]; none: any value */
    uint32_t count;
    bool never;    /* one of them is false */
    node_id place; /* a piece to be called */
} schema_set;

enum { SCHEMA_CHUNK = 256 };

typedef struct schema_sets {
    const char *name; /* of the document, for errors */
    uint32_t root;
    network *n;
    json_text text;
    const schema_form *form;
    json_node **chunks; /* of SCHEMA_CHUNK nodes, which stay where they are */
    size_t node_count, chunk_room;
    number_map by_value; /* of the document -> number */
    schema_set *sets;
    size_t set_count, set_room;
    string_set keys; /* of sets: their members */
} schema_sets;

/* document: stays open. The first set is that of the whole document. */
cadre_status schema_sets_open(
    schema_sets *s, const schema_form *form, const json_document *document, network *n);
void schema_sets_close(schema_sets *s);

/* A value of the document gets a number, and a node that stays where it is. `node` is of a parent
 * that has been kept. */
cadre_status schema_keep(schema_sets *s, const json_node *node, uint32_t *number);
static inline const json_node *schema_node(const schema_sets *s, uint32_t number)
{
    return &s->chunks[number / SCHEMA_CHUNK][number % SCHEMA_CHUNK];
}

/* The piece of all values for which all of these hold. What is there already is not made again. The
 * first `followed` are all of a set: what they refer to is among them. */
cadre_status schema_set_of(
    schema_sets *s, const schema_member *members, size_t followed, size_t count, node_id *place);

/* The set itself, which is valid until another is made; its members stay where they are. */
cadre_status schema_set_like(
    schema_sets *s, const schema_member *members, size_t count, schema_set *set);

/* What the i-th member says by this word; value NULL: nothing. */
json_node schema_word(const schema_sets *s, const schema_set *set, size_t i, const char *word);
/* Whether any member says something by it. */
bool schema_says(const schema_sets *s, const schema_set *set, const char *word);

#endif
