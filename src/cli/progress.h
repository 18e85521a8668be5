/* progress.h - what a person sees while a command works: one line on stderr that is overwritten,
 * and notes.
 *
 * The line is shown only on a terminal and never with --quiet, so that logs hold nothing but notes
 * and results. */
#ifndef CADRE_CLI_PROGRESS_H
#define CADRE_CLI_PROGRESS_H

#include "cli/command.h"

typedef struct progress {
    bool shown, colour;
    double began, drawn; /* seconds of the monotonic clock */
} progress;

progress progress_begin(const invocation *call);

/* Whether the line may be drawn again, which is so a few times a second. Callers ask before they
 * format it. */
bool progress_due(const progress *p);

double progress_seconds(const progress *p); /* since the beginning */

/* Draws "text  2:31 left". `done` is the share of the work that is done, 0..1. */
void progress_draw(progress *p, double done, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void progress_wipe(progress *p); /* called before other output, and at the end */

/* Prints a line on stderr, unless --quiet was given. */
void progress_note(const invocation *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
