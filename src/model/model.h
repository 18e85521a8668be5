/* model.h - an opened model: its configuration, its weights where they lie in the mapped file, and
 * its tokenizer. */
#ifndef CADRE_MODEL_MODEL_H
#define CADRE_MODEL_MODEL_H

#include "cadre/model.h"
#include "kernel/context.h"
#include "model/model_adapter.h"
#include "model/model_store.h"
#include "model/ranks.h"
#include "text/token_trie.h"
#include "text/tokenizer.h"
#include "weights/placement.h"

struct cadre_model {
    cadre_context *context; /* borrowed */
    char *path;
    model_config config;
    param_table table;
    model_weights weights;
    weight_file file;    /* the weights are views of the file ... */
    placement placement; /* ... or of copies */
    bool repacked;       /* what can be repacked was asked to be */
    /* The encoder of an encoder-decoder, from the same file; NULL: there is none. */
    cadre_model *encoder;
    model_ranks *ranks;      /* NULL: one process has all of it; an encoder's is its decoder's */
    const model_config *own; /* with the heads that this rank has: config, or one of the ranks' */
    tokenizer *tokenizer;    /* NULL until some thread asks for it, under the lock */
    token_trie *tokens;      /* what its tokens are in bytes; in the same way */
    lock open_lock;
    model_store store;
    model_adapter adapter;                 /* beside the weights; all zero: there is none */
    int64_t opened_bytes, tokenizer_bytes; /* of memory, measured when each was opened */
};

/* Whether all ranks that share it are there */
cadre_status model_status(const cadre_model *m);

/* A transformer on what this rank has of the model */
cadre_status model_transformer_new(const cadre_model *m, const batch_limits *most, transformer **t);

/* The file that says how much earlier runs used each expert; the caller frees it. */
cadre_status model_kept_use_path(const cadre_model *m, char **path);

bool model_has_tokenizer(const cadre_model *m);

/* The bytes of the tokens of its tokenizer, made when first asked for. Borrowed. */
cadre_status model_token_trie(cadre_model *m, const token_trie **tokens);

#endif
