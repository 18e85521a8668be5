/* logprob_list.h - the log probabilities of a choice's tokens, written in the forms of OpenAI's two
 * interfaces. */
#ifndef CADRE_SERVE_LOGPROB_LIST_H
#define CADRE_SERVE_LOGPROB_LIST_H

#include "cadre/batcher.h"
#include "format/json_writer.h"
#include "text/tokenizer.h"

typedef struct logprob_list {
    const tokenizer *tokenizer; /* borrowed */
    token_stream *stream;       /* decodes a token after its predecessor */
    int32_t top;
    token_list ids, previous; /* [count] each id, and the id before it; -1: none */
    byte_buffer logprobs;     /* [count] float; NaN for the first token of a text */
    byte_buffer best;         /* [count, top] cadre_logprob: the most likely tokens */
    int64_t characters;       /* characters that begin in the tokens written so far */
} logprob_list;

cadre_status logprob_list_open(const tokenizer *t, int32_t top, logprob_list *s);
void logprob_list_close(logprob_list *s);

/* best: [top]. logprob NaN: it is unknown, as for the first token. */
cadre_status logprob_list_add(
    logprob_list *s, int32_t previous, int32_t id, float logprob, const cadre_logprob *best);
static inline size_t logprob_list_count(const logprob_list *s) { return s->ids.count; }

/* Writes the entries from .. to - 1 as {"content": [{"token", "logprob", "bytes",
 * "top_logprobs"}]}. */
void logprob_list_put_chat(logprob_list *s, size_t from, size_t to, json_writer *w);
/* Writes {"tokens", "token_logprobs", "top_logprobs", "text_offset"}. Each entry is written once,
 * in order: offsets continue from the last entry. */
void logprob_list_put_text(logprob_list *s, size_t from, size_t to, json_writer *w);

#endif
