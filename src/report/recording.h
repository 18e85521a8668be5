/* recording.h - the routes that a model took while it read and wrote: who got how much, who was picked together, how often a
 * token keeps the experts of the one before, and the first of the text itself. */
#ifndef CADRE_REPORT_RECORDING_H
#define CADRE_REPORT_RECORDING_H

#include "report/passage.h"
#include "report/shape.h"

#define RECORDING_PAIRS ((int64_t)1 << 24) /* cells of the tables of pairs; with more there is none */

typedef struct recording {
    const char *model, *architecture; /* "" if not said; borrowed from head */
    model_shape shape;
    int64_t tokens, given;       /* all; of the prompt */
    double *loads;               /* [experts of all layers] picks */
    int32_t **together;          /* [layers] [E, E] tokens that picked both; NULL: too many cells */
    int64_t *kept, *comparable;  /* [layers] picks that the token before had too, of so many */
    passage text;
    json_document *head;
} recording;

/* A file whose first line holds "cadre_routes". */
cadre_status recording_read(const char *path, recording *r);
void recording_free(recording *r);

#endif
