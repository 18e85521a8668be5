/* completion_submit.h - the choices of a request, handed to the batcher. */
#ifndef CADRE_SERVE_COMPLETION_SUBMIT_H
#define CADRE_SERVE_COMPLETION_SUBMIT_H

#include "serve/completion.h"

/* Whether its answer follows a schema or may call functions: then it is constrained before it is
 * submitted, which takes its time. A schema that cannot be followed is written to its error. */
bool completion_is_constrained(const completion *x);
cadre_status completion_constrain(completion *x);

/* Of a completion with its prompts: makes its choices and submits them all. After a failure, what
 * was submitted is in its choices. */
cadre_status completion_submit(completion *x);

#endif
