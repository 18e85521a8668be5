/* interrupt.h - long work asks here whether it should stop; cadre_interrupt makes the request. */
#ifndef CADRE_BASE_INTERRUPT_H
#define CADRE_BASE_INTERRUPT_H

#include "cadre/status.h"
#include "base/status.h"

/* Returns CADRE_EINTERRUPTED if a stop was requested. `path` is what is being worked on, for the
 * error, or NULL. */
cadre_status interrupt_check(const char *path);

/* Between these two calls a thread cannot ask, perhaps for seconds, and nothing is left undone if
 * the process ends (cadre_interrupt_unheard). */
void interrupt_unheard_begin(void);
void interrupt_unheard_end(void);

#endif
