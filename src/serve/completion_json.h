/* completion_json.h - writes completions as JSON: whole ones, and the chunks of streams. */
#ifndef CADRE_SERVE_COMPLETION_JSON_H
#define CADRE_SERVE_COMPLETION_JSON_H

#include "serve/completion.h"

/* The response of a request that is not streamed. */
void completion_put_whole(completion *x, json_writer *w);

/* A chunk with what has not been sent of this choice; last: with the finish_reason. */
void completion_put_chunk(completion *x, choice *c, bool last, json_writer *w);
/* The first chunk of a chat's choice, which has only the role. */
void completion_put_role(completion *x, choice *c, json_writer *w);
/* The last chunk of a stream, which has only the usage. */
void completion_put_usage_chunk(completion *x, json_writer *w);

#endif
