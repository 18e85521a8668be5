/* training_run.h - the folder of a training run: what it is (run.json), how it went (history), and
 * what came of it (analysis). */
#ifndef CADRE_REPORT_TRAINING_RUN_H
#define CADRE_REPORT_TRAINING_RUN_H

#include "report/analysis.h"
#include "report/history.h"
#include "report/rank_log.h"
#include "report/shape.h"

typedef struct training_run {
    const char *recipe, *model_type, *command,
        *date; /* "" if not said; borrowed from document, like options and data */
    /* -1: not said */
    int64_t parameters, active_parameters, width, depth, encoder, vocabulary, tokens, steps;
    /* NAN: not said */
    double seconds;
    json_node options, data; /* an object; the paths that were read, a list. Value NULL: not said */
    model_shape shape;
    run_history history;
    run_analysis analysis;
    rank_log ranks;
    json_document *document;
    json_node root;
} training_run;

/* `r` must not be moved: its options borrow from it. */
cadre_status training_run_read(const char *folder, training_run *r);
void training_run_free(training_run *r);

#endif
