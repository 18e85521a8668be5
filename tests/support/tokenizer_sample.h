/* tokenizer_sample.h - small tokenizers of each kind. */
#ifndef CADRE_TESTS_TOKENIZER_SAMPLE_H
#define CADRE_TESTS_TOKENIZER_SAMPLE_H

#include "text/tokenizer.h"

typedef enum tokenizer_sample {
    SAMPLE_BYTE_LEVEL, /* learnt from a few lines; any bytes come back */
    /* The same vocabulary; NFC, split by GPT-4o's pattern, several kinds of added tokens */
    SAMPLE_PATTERNS,
    SAMPLE_SENTENCEPIECE, /* BPE with bytes, <s> put before */
    SAMPLE_UNIGRAM,       /* with a compiled normalisation map, </s> put after */
    SAMPLES
} tokenizer_sample;

char *tokenizer_sample_text(tokenizer_sample which); /* a tokenizer.json; to be freed by mem_free */
tokenizer *tokenizer_sample_open(tokenizer_sample which);

#endif
