/* interrupt.h - where long work looks whether it was asked to stop; cadre_interrupt asks. */
#ifndef CADRE_BASE_INTERRUPT_H
#define CADRE_BASE_INTERRUPT_H

#include "base/status.h"

/* CADRE_EINTERRUPTED where a stop was asked for. path: what is being worked on, for the sentence,
 * or NULL. */
cadre_status interrupt_check(const char *path);

/* Between these a thread cannot look, perhaps for seconds, and leaves nothing undone if the process
 * ends (cadre_interrupt_unheard). */
void interrupt_unheard_begin(void);
void interrupt_unheard_end(void);

#endif
