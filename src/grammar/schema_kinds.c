/* schema_kinds.c - of which kinds a value may be: by the types that are said, else by the words
 * that are said of one kind alone. */
#include <string.h>

#include "grammar/schema_pieces.h"

static const struct {
    const char *name;
    unsigned kinds;
} types[] = { { "null", KIND_NULL }, { "boolean", KIND_BOOL }, { "integer", KIND_INTEGER },
    { "number", KIND_INTEGER | KIND_REAL }, { "string", KIND_STRING }, { "array", KIND_ARRAY },
    { "object", KIND_OBJECT } };

static cadre_status kind_named(const json_node *word, unsigned *kinds)
{
    const char *name;
    CADRE_TRY(json_as_string(word, &name, NULL));
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0) return *kinds |= types[i].kinds, CADRE_OK;
    return json_refuse(word, "one of null, boolean, integer, number, string, array and object");
}

static cadre_status read_type(const json_node *type, unsigned *kinds)
{
    *kinds = 0;
    if (json_kind_of(type) != JSON_KIND_ARRAY) return kind_named(type, kinds);
    for (size_t i = 0; i < json_count(type); i++) {
        json_node item = json_item(type, i);
        CADRE_TRY(kind_named(&item, kinds));
    }
    return CADRE_OK;
}

/* OpenAPI's: null beside the type. */
static cadre_status read_nullable(const json_node *word, unsigned *kinds)
{
    bool nullable = false;
    if (word->value) CADRE_TRY(json_as_bool(word, &nullable));
    if (nullable) *kinds |= KIND_NULL;
    return CADRE_OK;
}

/* Words of one kind of value alone. Where no type is said, a schema that has some means that
 * kind. */
static const struct {
    unsigned kinds;
    const char *words[8];
} hints[] = {
    { KIND_OBJECT, { "properties", "required", "additionalProperties", "patternProperties",
                       "propertyNames", "minProperties", "maxProperties" } },
    { KIND_ARRAY, { "items", "prefixItems", "minItems", "maxItems", "uniqueItems" } },
    { KIND_STRING, { "minLength", "maxLength", "pattern", "format" } },
    { KIND_INTEGER | KIND_REAL,
        { "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf" } },
};

unsigned schema_kinds_hinted(const schema_sets *s, const schema_set *set)
{
    unsigned found = 0;
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        for (int k = 0; k < 8 && hints[i].words[k]; k++)
            if (schema_says(s, set, hints[i].words[k])) found |= hints[i].kinds;
    return found ? found : KIND_ALL;
}

cadre_status schema_kinds(const schema_sets *s, const schema_set *set, unsigned *kinds)
{
    bool said = false;
    *kinds = KIND_ALL;
    for (size_t i = 0; i < set->count; i++) {
        json_node type = schema_word(s, set, i, "type"),
                  nullable = schema_word(s, set, i, "nullable");
        unsigned own;
        if (!type.value) continue;
        CADRE_TRY(read_type(&type, &own));
        CADRE_TRY(read_nullable(&nullable, &own));
        *kinds &= own;
        said = true;
    }
    if (!said) *kinds = schema_kinds_hinted(s, set);
    return CADRE_OK;
}
