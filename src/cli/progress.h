/* progress.h - what a person sees while a command works: one line on stderr that is written over,
 * and notes.
 *
 * Only on a terminal and never with --quiet, so that logs hold notes and results alone. */
#ifndef CADRE_CLI_PROGRESS_H
#define CADRE_CLI_PROGRESS_H

#include "cli/command.h"

typedef struct progress {
    bool shown, colour;
    double began, drawn; /* seconds of the monotonic clock */
} progress;

progress progress_begin(const invocation *call);

/* True when the line may be drawn again: a few times a second, so that callers spare the work of
 * wording it. */
bool progress_due(const progress *p);

double progress_seconds(const progress *p); /* since it began */

/* Draws "text  2:31 left"; done: the share of the work that is behind, 0..1. */
void progress_draw(progress *p, double done, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void progress_wipe(progress *p); /* before other output, and at the end */

/* A line on stderr, unless --quiet. */
void progress_note(const invocation *call, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
