/* output.h - what commands show while they write a model: the progress, what the file cannot say,
 * and where it lies. */
#ifndef CADRE_CLI_OUTPUT_H
#define CADRE_CLI_OUTPUT_H

#include "cli/progress.h"

typedef struct output_watch {
    const invocation *call;
    progress line;
    cadre_output_listener listener; /* given to the library */
} output_watch;

void output_watch_begin(const invocation *call, output_watch *w);
/* Returns the exit code. */
int output_watch_end(output_watch *w, cadre_status status, const char *out);

#endif
