/* completion_submit.h - submits the choices of a request to the batcher. */
#ifndef CADRE_SERVE_COMPLETION_SUBMIT_H
#define CADRE_SERVE_COMPLETION_SUBMIT_H

#include "serve/completion.h"

/* Whether the answer follows a schema or may call functions. Its constraint is then compiled before
 * it is submitted, which can take long. If that fails, the completion's error says why. */
bool completion_is_constrained(const completion *x);
cadre_status completion_constrain(completion *x);

/* Makes the choices of a completion with encoded prompts, and submits them all. After a failure,
 * its choices hold those that were submitted. */
cadre_status completion_submit(completion *x);

#endif
