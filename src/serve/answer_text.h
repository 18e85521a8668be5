/* answer_text.h - turns the ids of an answer into text: only whole characters, nothing of a stop
 * text, and thoughts separate from the content.
 *
 * The text depends only on the ids, not on when they arrive: the pieces of a stream add up to the
 * whole text. */
#ifndef CADRE_SERVE_ANSWER_TEXT_H
#define CADRE_SERVE_ANSWER_TEXT_H

#include "cadre/text.h"
#include "serve/answer_calls.h"

typedef struct answer_text {
    const chat_template *template; /* borrowed; NULL: all text is content */
    chat_reader reader;
    token_stream *stream;
    cadre_stop *stop;    /* NULL: there are no stop texts; only the content is searched for them */
    chat_part part;      /* the part to which the last id belongs */
    bool thought;        /* there has been a thought */
    bool stopped;        /* a stop text was found: no more text is added */
    bool has_content;    /* there has been content */
    answer_calls calls;  /* function calls, if the answer is searched for them */
    byte_buffer content; /* content that the caller has not taken yet */
    byte_buffer thoughts;
    byte_buffer unmarked; /* text before the first mark, for templates that mark every part */
} answer_text;

/* template NULL: a plain text is continued. continues: the answer began in the prompt. stops:
 * [stop_count]. */
cadre_status answer_text_open(const tokenizer *t, const chat_template *template, bool continues,
    const char *const *stops, int stop_count, answer_text *a);
void answer_text_close(answer_text *a);
/* Searches the answer for function calls. Called before the first id. */
void answer_text_find_calls(
    answer_text *a, const chat_tool_style *style, const chat_tools *tools, uint64_t id_seed);

/* Adds the next id, which is not the end-of-text token. */
cadre_status answer_text_put(answer_text *a, int32_t id);
/* Ends the text: adds what was held back as a possible beginning of a stop text, unless a stop text
 * was found. */
cadre_status answer_text_end(answer_text *a);

/* Whether the last id belongs to the content. */
static inline bool answer_text_is_content(const answer_text *a)
{
    return a->part == CHAT_ANSWER || a->part == CHAT_UNMARKED;
}

#endif
