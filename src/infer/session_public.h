/* session_public.h - the parts of the public cadre_session: a past, and a batcher that continues it
 * when that is asked for. */
#ifndef CADRE_INFER_SESSION_PUBLIC_H
#define CADRE_INFER_SESSION_PUBLIC_H

#include "infer/batcher.h"

struct cadre_session {
    cadre_model *model; /* borrowed */
    int64_t capacity;
    session session;
    batcher batcher; /* for this session alone; all zero until it generates */
    bool in_use;     /* by a call that has not returned, whose listener may call back */
};

/* Lets a thread, or a listener, use the session; CADRE_EBUSY if another does. The context stays
 * entered until session_leave. */
cadre_status session_enter(cadre_session *s);
cadre_status session_leave(cadre_session *s, cadre_status status); /* returns the status */

#endif
