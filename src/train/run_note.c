/* run_note.c - formats notes, sentences about a run, and passes them to the listener. */
#include <stdarg.h>
#include <stdio.h>

#include "train/run.h"

void train_note(const train_run *r, const char *format, ...)
{
    if (!r->listener || !r->listener->note) return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    r->listener->note(r->listener->arg, text);
}
