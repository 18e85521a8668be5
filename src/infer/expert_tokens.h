/* expert_tokens.h - which tokens each expert takes more often than its load would have it, and
 * where they stood. */
#ifndef CADRE_INFER_EXPERT_TOKENS_H
#define CADRE_INFER_EXPERT_TOKENS_H

#include "format/json_writer.h"
#include "infer/route_census.h"
#include "text/tokenizer.h"

/* Writes the array `key`: [S][E] of lists of {"text", "count" (times the expert took it), "of"
 * (times that it occurred), "contexts": [[before, token, after], ...]}, the most telling first: by
 * count * log(count / what chance would give), which is the token's part of the mutual information
 * of token and expert. Over the picks that the texts' censuses kept. */
cadre_status expert_tokens_write(const route_census *const *text, int texts, const tokenizer *t,
    const char *key, json_writer *w);

#endif
