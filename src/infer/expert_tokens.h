/* expert_tokens.h - the tokens that each expert takes more often than its load would explain, and
 * where they stood. */
#ifndef CADRE_INFER_EXPERT_TOKENS_H
#define CADRE_INFER_EXPERT_TOKENS_H

#include "format/json_writer.h"
#include "infer/route_census.h"
#include "text/tokenizer.h"

/* Writes the array `key`: [S][E] lists of {"text", "count" (how often the expert took it), "of"
 * (how often it occurred), "contexts": [[before, token, after], ...]}. The most telling tokens come
 * first: those with the largest count * log(count / what chance would give), which is the token's
 * part of the mutual information of token and expert. It counts the picks that the texts' censuses
 * kept. */
cadre_status expert_tokens_write(const route_census *const *text, int texts, const tokenizer *t,
    const char *key, json_writer *w);

#endif
