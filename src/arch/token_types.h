/* token_types.h - types of tokens, such as text and image: which ids are of which, and the banks of
 * experts that serve each.
 *
 *     ids        0   1 .. 514   515 .. 1024
 *     type     text    image       text        type_ids: text { 0, 0 }, image { 1, 514 }
 *
 * A type follows from the id alone. Where there are banks, a token's experts are those of its
 * type; attention, shared experts and dense layers serve all types, so that a token of a picture
 * reads the words before it, and a word the picture. */
#ifndef CADRE_ARCH_TOKEN_TYPES_H
#define CADRE_ARCH_TOKEN_TYPES_H

#include "arch/config.h"
#include "format/json.h"
#include "format/json_writer.h"

/* An index in config->types; 0 where all tokens are alike. */
int32_t token_type_of(const model_config *config, int32_t id);
/* Of all ids, written to types [count], which is returned. */
const int32_t *token_types_of(
    const model_config *config, const int32_t *ids, int64_t count, int32_t *types);

/* --banks and --type-ids. Banks themselves are numbers of routing (model_config_read_routing). */
cadre_status token_types_read_options(const cadre_options *options, model_config *config);

/* The layer's banks or types, which options may have said, are the model's. */
cadre_status token_types_agree(const model_config *config, const moe_config *moe);

/* Ranges within the vocabulary and apart from one another; a type for every id; pictures whose ids
 * are there. */
cadre_status token_types_check(const model_config *config, const char *where);

/* NULL: both have the same types; else what differs, as an option has it */
const char *token_types_difference(const model_config *a, const model_config *b);

/* "token_types" and "pictures" of config.json; nothing where there are none */
cadre_status token_types_read(const json_node *root, model_config *config);
void token_types_write(const model_config *config, json_writer *w);

/* ---- pictures as tokens ---- */

static inline int32_t picture_begin(const picture_tokens *p) { return p->first; }
static inline int32_t picture_end(const picture_tokens *p) { return p->first + 1; }
static inline int32_t picture_code(const picture_tokens *p, int32_t code)
{
    return p->first + 2 + code;
}
/* Of one picture: those between its begin and its end. */
static inline int32_t picture_patches(const picture_tokens *p)
{
    return (p->side / p->patch) * (p->side / p->patch);
}
/* Numbers of a patch: red, green and blue of every pixel. */
static inline int32_t picture_patch_numbers(const picture_tokens *p)
{
    return 3 * p->patch * p->patch;
}

#endif
