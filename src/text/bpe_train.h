/* bpe_train.h - learns a byte-level BPE vocabulary from texts (Sennrich et al. 2016, on bytes as in
 * GPT-2).
 *
 * All 256 bytes are in the vocabulary, so there is no unknown token, and any bytes come back as
 * they were. The result is a tokenizer.json as the tokenizers package writes it. The same texts in
 * the same order give the same file: the most frequent pair is merged first, and among equals the
 * one whose left symbol, then right symbol, is older. */
#ifndef CADRE_TEXT_BPE_TRAIN_H
#define CADRE_TEXT_BPE_TRAIN_H

#include <stdint.h>

#include "base/buffer.h"

enum { BPE_TRAIN_MIN = 512, BPE_TRAIN_MAX = 65536 }; /* bounds of the size of a vocabulary */

typedef struct bpe_train_options {
    int32_t vocabulary;          /* pieces wanted, including special tokens and the 256 bytes */
    const char *const *specials; /* [special_count] they get the ids 0, 1, ... */
    int32_t special_count;
} bpe_train_options;

/* Writes the tokenizer.json into `json`, an empty buffer. If the texts hold too few pairs that
 * occur twice, the vocabulary is smaller than asked for. */
cadre_status bpe_train(
    const string_view *texts, int count, const bpe_train_options *options, byte_buffer *json);

#endif
