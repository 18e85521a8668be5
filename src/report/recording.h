/* recording.h - the routes that a model took while it read and wrote: the load of each expert, the
 * experts that were picked together, how often a token keeps the experts of the previous one, and
 * the beginning of the text itself. */
#ifndef CADRE_REPORT_RECORDING_H
#define CADRE_REPORT_RECORDING_H

#include "report/pairs.h"
#include "report/passage.h"
#include "report/shape.h"

typedef struct recording {
    const char *model, *architecture, *command; /* "" if not said; borrowed from head */
    model_shape shape;
    int64_t tokens, given; /* tokens in all, and those of the prompt */
    expert_pairs pairs;
    int64_t *kept,
        *comparable; /* [layers] picks that the previous token had too, of `comparable` */
    int64_t written; /* seconds since 1970 when the file was written; 0: unknown */
    passage text;
    json_document *head;
} recording;

/* Reads a file whose first line holds "cadre_routes". */
cadre_status recording_read(const char *path, recording *r);
void recording_free(recording *r);

#endif
