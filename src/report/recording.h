/* recording.h - the routes that a model took while it read and wrote: who got how much, who was
 * picked together, how often a token keeps the experts of the one before, and the first of the text
 * itself. */
#ifndef CADRE_REPORT_RECORDING_H
#define CADRE_REPORT_RECORDING_H

#include "report/pairs.h"
#include "report/passage.h"
#include "report/shape.h"

typedef struct recording {
    const char *model, *architecture; /* "" if not said; borrowed from head */
    model_shape shape;
    int64_t tokens, given; /* all; of the prompt */
    expert_pairs pairs;
    int64_t *kept, *comparable; /* [layers] picks that the token before had too, of so many */
    int64_t written;            /* seconds since 1970 when the file was written; 0: not known */
    passage text;
    json_document *head;
} recording;

/* A file whose first line holds "cadre_routes". */
cadre_status recording_read(const char *path, recording *r);
void recording_free(recording *r);

#endif
