/* completion_prompt.h - encodes the prompts of a request as ids. */
#ifndef CADRE_SERVE_COMPLETION_PROMPT_H
#define CADRE_SERVE_COMPLETION_PROMPT_H

#include "serve/completion.h"

/* Fills in the prompts, and for a chat the template. If it fails, the completion's error says
 * why. */
cadre_status completion_encode(completion *x);

#endif
