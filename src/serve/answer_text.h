/* answer_text.h - the text of an answer from its ids: whole characters only, nothing of a text that
 * stops it, thoughts apart from what is said.
 *
 * What is told depends on the ids alone, not on when they come: a stream's pieces together are the
 * whole. */
#ifndef CADRE_SERVE_ANSWER_TEXT_H
#define CADRE_SERVE_ANSWER_TEXT_H

#include "cadre/text.h"
#include "serve/answer_calls.h"

typedef struct answer_text {
    const chat_template *template; /* borrowed; NULL: all is said */
    chat_reader reader;
    token_stream *stream;
    cadre_stop *stop;   /* NULL: no text stops it; looked for in what is said */
    chat_part part;     /* of the last id */
    bool thought;       /* there was one */
    bool stopped;       /* a stop text was found: nothing more comes */
    bool said;          /* something was */
    answer_calls calls; /* of functions, where any are looked for */
    byte_buffer words;  /* what is said, since it was taken */
    byte_buffer thoughts;
    byte_buffer unmarked; /* of a template that marks all, what stands before the first mark */
} answer_text;

/* template NULL: a text that is continued. goes_on: the answer began in the prompt. stops
 * [stop_count]. */
cadre_status answer_text_open(const tokenizer *t, const chat_template *template, bool goes_on,
    const char *const *stops, int stop_count, answer_text *a);
void answer_text_close(answer_text *a);
/* Before the first id: calls of functions are looked for. */
void answer_text_find_calls(
    answer_text *a, const chat_tool_style *style, const chat_tools *tools, uint64_t names);

/* The next id, which is not the end of the text. */
cadre_status answer_text_put(answer_text *a, int32_t id);
/* No more come: what was held back is told, unless a stop text was found. */
cadre_status answer_text_end(answer_text *a);

/* Whether the last id is one of what is said. */
static inline bool answer_text_says(const answer_text *a)
{
    return a->part == CHAT_ANSWER || a->part == CHAT_UNMARKED;
}

#endif
