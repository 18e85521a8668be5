/* result.h - the line that a benchmark reports, one JSON object with contents of its own. */
#ifndef CADRE_BENCH_RESULT_H
#define CADRE_BENCH_RESULT_H

#include "format/json_writer.h"

json_writer result_new(void); /* an object that has begun */

/* Ends the object and hands its line on. Frees w. */
cadre_status result_put(json_writer *w, cadre_line_listener line, void *arg);

#endif
