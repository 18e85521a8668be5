/* bpe_train_write.h - writes a learnt vocabulary as the tokenizer.json that the tokenizers package
 * would write. */
#ifndef CADRE_TEXT_BPE_TRAIN_WRITE_H
#define CADRE_TEXT_BPE_TRAIN_WRITE_H

#include "text/bpe_train.h"
#include "text/table.h"

typedef struct bpe_merge {
    uint32_t left, right; /* places in the list of pieces */
} bpe_merge;

/* pieces: the bytes of each, where 0..255 are the single bytes; merges [merge_count], in order.
 * Special tokens get the first ids. */
cadre_status bpe_train_write(const string_set *pieces, const bpe_merge *merges, size_t merge_count,
    const bpe_train_options *options, byte_buffer *json);

#endif
