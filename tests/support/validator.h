/* validator.h - whether a value is valid for a schema, straight from the words of JSON Schema: for
 * comparison with src/grammar, with which it shares nothing. */
#ifndef CADRE_TESTS_VALIDATOR_H
#define CADRE_TESTS_VALIDATOR_H

#include <jansson.h>
#include <stdbool.h>

/* root: of the document, for $ref. Lists of oneOf are taken as anyOf. */
bool valid_for(const json_t *root, const json_t *schema, const json_t *value);

#endif
