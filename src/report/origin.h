/* origin.h - what a page is about: a training run's data, and titles that say data and date. */
#ifndef CADRE_REPORT_ORIGIN_H
#define CADRE_REPORT_ORIGIN_H

#include "base/buffer.h"
#include "report/recording.h"
#include "report/training_run.h"

/* Whether the run says what it learnt from; if so, writes the names of its domains, as many as fit
 * on a line, and the paths that they were read from. */
bool origin_has_data(const training_run *r);
void origin_put_data(byte_buffer *page, const training_run *r);

/* When a recording was written; "" where that is unknown. */
enum { ORIGIN_DATE = 32 };
void origin_date_of(const recording *r, char date[ORIGIN_DATE]);

/* The window's titles: a run, what it learnt from, and when; a recording, its model, and when.
 * Freed by mem_free; NULL: out of memory. */
char *origin_title(const char *name, const training_run *r);
char *origin_title_of_recording(const char *name, const recording *r);

#endif
