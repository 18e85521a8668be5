/* interrupt.c - the request to stop: one flag of the process, because a signal belongs to the
 * process. */
#include <stdatomic.h>

#include "base/interrupt.h"

static atomic_bool requested;

void cadre_interrupt(void) { atomic_store(&requested, true); }
bool cadre_interrupted(void) { return atomic_load(&requested); }
void cadre_interrupt_clear(void) { atomic_store(&requested, false); }

cadre_status interrupt_check(const char *path)
{
    return cadre_interrupted() ? cadre_fail(CADRE_EINTERRUPTED, path, "stopped on request")
                               : CADRE_OK;
}
