/* store.h - models larger than memory: what stays in memory, and what is read when it is needed.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_STORE_PUBLIC_H
#define CADRE_STORE_PUBLIC_H

#include "cadre/evaluate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A model that was opened with less memory than its weights take reads experts into slots, each of
 * which holds any one expert. Any thread may ask at any time. */
typedef struct cadre_store {
    size_t size;              /* sizeof(cadre_store) */
    int64_t memory;           /* as it was opened with */
    int64_t resident;         /* bytes of weights that always are in memory */
    int64_t least;            /* the least memory that it can be opened with */
    int64_t expert_bytes;     /* of one slot */
    int64_t slots;            /* 0: all weights are in memory, and the rest of this is 0 too */
    int64_t experts, layers;  /* that are read when they are needed; layers that have them */
    const char *policy;       /* which expert gives its slot up; static */
    const char *reads;        /* "io_uring" or "threads"; static */
    double expected_hit_rate; /* with this share of all experts in slots, on a usual text */
    /* These count all that was run so far: */
    int64_t held;       /* slots in use */
    int64_t picks;      /* of experts, by tokens */
    int64_t hits;       /* picks of an expert that was not read since it was last used */
    int64_t read_bytes; /* from the files */
    double reading;     /* seconds in which any read was in flight */
    double waiting;     /* seconds in which nothing could be computed for want of an expert */
} cadre_store;

/* Describes what of a model stays in memory, and what was read so far. */
CADRE_API cadre_status cadre_model_store(const cadre_model *model, cadre_store *store);

/* Before anything is run: reads the experts that a file says were used most, as many as have room,
 * so that they need not be waited for. The file is a recording of routes, or what
 * cadre_model_keep_use wrote; NULL: what the last run of this model left beside it, and nothing is
 * done if there is none. Refused is a file of a model with other layers. progress counts experts.
 * Results are the same. Of a model all of whose weights are in memory, nothing is done, and
 * progress hears of 0 experts. */
CADRE_API cadre_status cadre_model_warm(
    cadre_model *model, const char *path, cadre_progress_listener progress, void *arg);

/* After the last run, before the model is closed: writes how much each expert was used, and in
 * earlier runs if it was warmed by what they left, to a file of the folder .cadre beside the model.
 * Where that cannot be written, or nothing was run, nothing is done. */
CADRE_API cadre_status cadre_model_keep_use(cadre_model *model);

/* Measures how many bytes a second the disk gives of the file of such a model, for about `seconds`;
 * 0: it is too small. */
CADRE_API cadre_status cadre_model_disk(const cadre_model *model, double seconds, double *bytes);

#ifdef __cplusplus
}
#endif
#endif
