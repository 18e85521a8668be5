/* token_paths.h - /tokenize and /detokenize: texts as ids, and ids as texts. */
#ifndef CADRE_SERVE_TOKEN_PATHS_H
#define CADRE_SERVE_TOKEN_PATHS_H

#include "serve/completion.h"

/* Of the body that the connection's reader holds. */
void answer_tokenize(const completions *all, connection *c);
void answer_detokenize(const completions *all, connection *c);

#endif
