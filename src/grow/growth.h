/* growth.h - how every method of this room begins and ends: texts are read before anything is
 * written, and the result is compared with what it was made of. */
#ifndef CADRE_GROW_GROWTH_H
#define CADRE_GROW_GROWTH_H

#include "cadre/grow.h"
#include "grow/reading.h"

typedef struct growth_run {
    cadre_context *context; /* borrowed */
    const char *path, *out; /* borrowed; the existing model, and the new one */
    const cadre_options *options;
    cadre_output_listener listener;
    cadre_model *before; /* open */
    passage passage;
} growth_run;

/* Takes what a program gave (listener NULL: none), checks the size of the answer, opens the model
 * and reads the texts. The context, path, out and options of *g must be set. *g must be closed in
 * any case. */
cadre_status growth_begin(
    growth_run *g, const cadre_output_listener *listener, const cadre_growth *growth);
void growth_close(growth_run *g);

void growth_note(const growth_run *g, const char *sentence);

/* Compares the model that was written, and fills in the answer. */
cadre_status growth_end(const growth_run *g, cadre_growth *growth);

#endif
