/* result.h - the line that a benchmark reports: one JSON object, whose members are its own. */
#ifndef CADRE_BENCH_RESULT_H
#define CADRE_BENCH_RESULT_H

#include "cadre/measure.h"
#include "format/json_writer.h"

json_writer result_new(void); /* an object that is open */

/* Closes the object and gives its line to the listener. Frees w. */
cadre_status result_put(json_writer *w, cadre_line_listener line, void *arg);

#endif
