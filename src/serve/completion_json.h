/* completion_json.h - answers to completions as JSON: whole ones, and the chunks of streams. */
#ifndef CADRE_SERVE_COMPLETION_JSON_H
#define CADRE_SERVE_COMPLETION_JSON_H

#include "serve/completion.h"

/* The whole answer. */
void completion_put_whole(completion *x, json_writer *w);

/* A chunk with what is new in this choice; last: why it has ended, too. */
void completion_put_chunk(completion *x, choice *c, bool last, json_writer *w);
/* Of a chat: the role alone, before anything else. */
void completion_put_role(completion *x, choice *c, json_writer *w);
/* The last chunk, with the usage. */
void completion_put_usage_chunk(completion *x, json_writer *w);

#endif
