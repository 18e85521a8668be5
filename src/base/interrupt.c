/* interrupt.c - the request to stop. It is one flag of the process, because a signal belongs to the
 * process. */
#include <stdatomic.h>

#include "base/interrupt.h"

static atomic_bool requested;
static atomic_int unheard; /* threads that cannot ask now */

void cadre_interrupt(void) { atomic_store(&requested, true); }
bool cadre_interrupted(void) { return atomic_load(&requested); }
void cadre_interrupt_clear(void) { atomic_store(&requested, false); }

void interrupt_unheard_begin(void) { atomic_fetch_add(&unheard, 1); }
void interrupt_unheard_end(void) { atomic_fetch_sub(&unheard, 1); }
bool cadre_interrupt_unheard(void) { return cadre_interrupted() && atomic_load(&unheard) > 0; }

cadre_status interrupt_check(const char *path)
{
    return cadre_interrupted() ? cadre_fail(CADRE_EINTERRUPTED, path, "stopped on request")
                               : CADRE_OK;
}
