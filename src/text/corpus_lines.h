/* corpus_lines.h - lines of JSON as documents: texts, conversations, prompts with completions. */
#ifndef CADRE_TEXT_CORPUS_LINES_H
#define CADRE_TEXT_CORPUS_LINES_H

#include "text/corpus_domain.h"

/* Lines of one file, as they come in pieces. */
typedef struct corpus_lines {
    corpus_domain *domain;
    const char *path;
    int64_t number;   /* of the line given last, from 1 */
    byte_buffer line; /* what has come of it */
} corpus_lines;

/* Whether a file's name says that it has such lines. */
bool corpus_lines_named(const char *path);
/* Whether the first line that is not blank begins with an object: then all lines must be one. */
bool corpus_lines_begin(const char *text, size_t size);
/* Whether that line is a conversation. Of a file's first bytes, it must be there whole. */
bool corpus_lines_begin_conversation(const char *text, size_t size);

/* The next bytes of the file. A line that is no object with a "text", with "messages" or with
 * "prompt" and "completion" is refused by file and line. */
cadre_status corpus_lines_put(corpus_lines *l, const char *text, size_t size);
cadre_status corpus_lines_end(corpus_lines *l); /* the last line may have no end */
void corpus_lines_free(corpus_lines *l);

#endif
