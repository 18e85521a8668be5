/* modality.h - what held-out texts show of a model whose tokens are of several types: who takes
 * which, how well each is predicted, images that it draws of texts, and texts that it writes of
 * images. */
#ifndef CADRE_INFER_MODALITY_H
#define CADRE_INFER_MODALITY_H

#include "format/json_writer.h"
#include "infer/route_census.h"
#include "model/model.h"

typedef struct modality_text {
    const char *name;
    const token_list *ids;
    const route_census *census;
    const type_losses *by_type; /* [types] */
} modality_text;

/* Members "types", "type_expert", and of a model that reads images "pictures" and "captions";
 * nothing where all tokens are alike. end: the token after a document, -1: none. */
cadre_status modality_write(cadre_model *model, const tokenizer *t, int32_t end,
    const modality_text *texts, int count, json_writer *w);

#endif
