/* comparison.h - two training runs side by side: the settings that differ, and the results. */
#ifndef CADRE_REPORT_COMPARISON_H
#define CADRE_REPORT_COMPARISON_H

#include "base/buffer.h"
#include "report/affinity.h"
#include "report/training_run.h"

typedef struct run_side {
    const char *name;
    training_run run;
    affinity affinity;
    double *loads; /* [experts of all layers] at the end of the run; NULL: none were logged */
} run_side;

void comparison_header(byte_buffer *page, const run_side side[2]);
void comparison_curves(byte_buffer *page, const run_side side[2]);
void comparison_domains(byte_buffer *page, const run_side side[2]); /* bits per byte, and sharing */
void comparison_loads(byte_buffer *page, const run_side side[2]);
void comparison_settings(byte_buffer *page, const run_side side[2]);

#endif
