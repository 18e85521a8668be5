/* completion_prompt.h - the ids of what a request is to go on from. */
#ifndef CADRE_SERVE_COMPLETION_PROMPT_H
#define CADRE_SERVE_COMPLETION_PROMPT_H

#include "serve/completion.h"

/* Fills in the prompts, and of a chat the template. What cannot be is written to the completion's
 * error. */
cadre_status completion_encode(completion *x);

#endif
