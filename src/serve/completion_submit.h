/* completion_submit.h - the choices of a request, handed to the batcher. */
#ifndef CADRE_SERVE_COMPLETION_SUBMIT_H
#define CADRE_SERVE_COMPLETION_SUBMIT_H

#include "serve/completion.h"

/* Of a completion with its prompts: makes its choices and submits them all. A schema that cannot be
 * followed is written to its error; after a failure, what was submitted is in its choices. */
cadre_status completion_submit(completion *x);

#endif
