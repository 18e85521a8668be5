/* scores.h - how likely tokens were, in the two forms that OpenAI's interfaces tell it in. */
#ifndef CADRE_SERVE_SCORES_H
#define CADRE_SERVE_SCORES_H

#include "cadre/batcher.h"
#include "format/json_writer.h"
#include "text/tokenizer.h"

typedef struct scores {
    const tokenizer *tokenizer; /* borrowed */
    token_stream *stream;       /* tells the bytes of one token behind another */
    int32_t top;
    token_list ids, before; /* [count] and the id before each, -1: none */
    byte_buffer shares;     /* [count] float; of a text's first token no number */
    byte_buffer best;       /* [count, top] cadre_logprob */
    int64_t characters;     /* that begin in the tokens that were told */
} scores;

cadre_status scores_open(const tokenizer *t, int32_t top, scores *s);
void scores_close(scores *s);

/* best [top]. share NaN: nothing is known of the token. */
cadre_status scores_add(
    scores *s, int32_t before, int32_t id, float share, const cadre_logprob *best);
static inline size_t scores_count(const scores *s) { return s->ids.count; }

/* {"content": [{"token", "logprob", "bytes", "top_logprobs"}]} of the entries from .. to - 1. */
void scores_put_chat(scores *s, size_t from, size_t to, json_writer *w);
/* {"tokens", "token_logprobs", "top_logprobs", "text_offset"}; each entry is told once, in order:
 * offsets go on from the last one that was. */
void scores_put_text(scores *s, size_t from, size_t to, json_writer *w);

#endif
