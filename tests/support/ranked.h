/* ranked.h - a model run by several ranks, which are threads. */
#ifndef CADRE_TESTS_RANKED_H
#define CADRE_TESTS_RANKED_H

#include "cadre.h"

enum { RANKED_SENTENCE = 512 };

typedef struct ranked_result {
    cadre_status status; /* the first of the ranks that failed */
    char sentence[RANKED_SENTENCE];
} ranked_result;

/* Opens the model on `ranks` ranks with this layout ("expert=2,tensor=2"; NULL: none is given),
 * lets the others follow, and calls work on rank 0 alone. With one rank it is an ordinary model. */
ranked_result ranked_run(const char *model, int ranks, const char *layout,
    cadre_status (*work)(cadre_model *model, void *arg), void *arg);

/* A placement of experts (cadre_context_place) */
typedef struct ranked_placement {
    const char *word, *loads;
    int replicas;
} ranked_placement;

/* A case of tests that try several layouts with a placement */
typedef struct ranked_case {
    int ranks;
    const char *layout, *word;
    int replicas;
} ranked_case;

/* Does what ranked_run does, with a placement. */
ranked_result ranked_run_placed(const char *model, int ranks, const char *layout,
    const ranked_placement *placed, cadre_status (*work)(cadre_model *model, void *arg), void *arg);

#endif
