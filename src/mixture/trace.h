/* trace.h - the course of a fit: the parameters of every iteration, for a file. */
#ifndef CADRE_MIXTURE_TRACE_H
#define CADRE_MIXTURE_TRACE_H

#include "mixture/model.h"

typedef struct trace {
    int64_t records, taken;
    double *parameters; /* [records, layout.count] */
} trace;

/* Allocates room for this many records; refuses a path that cannot be written. */
cadre_status trace_open(const char *path, int64_t records, const mixture_layout *l, trace *t);
void trace_close(trace *t);

void trace_take(trace *t, const mixture_layout *l, const double *parameters);

/* Writes F64 tensors: log_likelihood [records], loss [records] if the method has one, each part
 * [records, ...], and prediction [N, O] of the rows. */
cadre_status trace_write(const trace *t, const char *path, const cadre_mixture *m,
    const double *prediction, int64_t rows);

#endif
