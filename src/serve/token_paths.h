/* token_paths.h - the paths /tokenize and /detokenize. */
#ifndef CADRE_SERVE_TOKEN_PATHS_H
#define CADRE_SERVE_TOKEN_PATHS_H

#include "serve/completion.h"

/* Begin a response to the request that the connection's reader holds. */
void begin_tokenize(const completions *all, connection *c);
void begin_detokenize(const completions *all, connection *c);

#endif
