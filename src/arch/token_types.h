/* token_types.h - types of tokens, such as text and image: which ids belong to which type, and
 * which bank of experts serves each type.
 *
 *     ids        0   1 .. 514   515 .. 1024
 *     type     text    image       text        type_ids: text { 0, 0 }, image { 1, 514 }
 *
 * A token's type follows from its id alone. Where there are banks, a token's experts are those of
 * its type; attention, shared experts and dense layers serve all types, so that a token of an
 * image can use the words before it, and a word can use the image. */
#ifndef CADRE_ARCH_TOKEN_TYPES_H
#define CADRE_ARCH_TOKEN_TYPES_H

#include "arch/config.h"
#include "format/json.h"
#include "format/json_writer.h"

/* Returns an index in config->types; 0 where all tokens are of one type. */
int32_t token_type_of(const model_config *config, int32_t id);
/* Writes the types of all ids to types [count], and returns types. */
const int32_t *token_types_of(
    const model_config *config, const int32_t *ids, int64_t count, int32_t *types);

/* Reads the options --banks and --type-ids. The sizes of the banks belong to the routing
 * (model_config_read_routing). */
cadre_status token_types_read_options(const cadre_options *options, model_config *config);

/* Checks that the layer's banks or types, where options set them, are those of the model. */
cadre_status token_types_agree(const model_config *config, const moe_config *moe);

/* Checks that the ranges lie within the vocabulary and do not overlap, that every id has a type,
 * and that the ids of images exist. */
cadre_status token_types_check(const model_config *config, const char *where);

/* Returns NULL if both have the same types; else what differs, as it is written in an option */
const char *token_types_difference(const model_config *a, const model_config *b);

/* Reads "token_types" and "pictures" of config.json; they are absent where there is nothing to
 * say */
cadre_status token_types_read(const json_node *root, model_config *config);
void token_types_write(const model_config *config, json_writer *w);

/* ---- images as tokens ---- */

static inline int32_t image_begin(const image_tokens *p) { return p->first; }
static inline int32_t image_end(const image_tokens *p) { return p->first + 1; }
static inline int32_t image_code(const image_tokens *p, int32_t code)
{
    return p->first + 2 + code;
}
/* Returns how many patches an image has, without its begin and its end. */
static inline int32_t image_patches(const image_tokens *p)
{
    return (p->side / p->patch) * (p->side / p->patch);
}
/* Returns how many elements a patch has: red, green and blue of every pixel. */
static inline int32_t image_patch_numbers(const image_tokens *p) { return 3 * p->patch * p->patch; }

#endif
