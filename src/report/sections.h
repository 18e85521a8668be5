/* sections.h - the sections of the page, in their order. Each writes itself, or nothing if its data
 * is missing. Running out of memory stays in the page's status. */
#ifndef CADRE_REPORT_SECTIONS_H
#define CADRE_REPORT_SECTIONS_H

#include "base/buffer.h"
#include "report/affinity.h"
#include "report/recording.h"
#include "report/training_run.h"

void section_run_header(
    byte_buffer *page, const char *name, const training_run *r, const affinity *a);
void section_learning(byte_buffer *page, const training_run *r);
void section_domains(byte_buffer *page, const training_run *r, const affinity *a);
void section_types(byte_buffer *page, const training_run *r);
void section_passages(byte_buffer *page, const passage *passages, int count,
    const model_shape *shape, const affinity *a);
void section_experts(byte_buffer *page, const training_run *r, const affinity *a);
void section_load(byte_buffer *page, const training_run *r);
void section_balance(byte_buffer *page, const training_run *r);
/* It writes nothing unless several ranks trained together. */
void section_ranks(byte_buffer *page, const training_run *r);
void section_compression(byte_buffer *page, const training_run *r);
void section_samples(byte_buffer *page, const training_run *r);
void section_options(byte_buffer *page, const training_run *r);

void section_recording_header(byte_buffer *page, const char *name, const recording *r);
void section_recorded_load(byte_buffer *page, const recording *r);

/* For either kind of page; writes nothing if no pairs were counted. */
void section_together(byte_buffer *page, const model_shape *shape, const expert_pairs *pairs);

#endif
