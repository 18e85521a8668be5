/* session_public.h - what the public cadre_session is made of: a past, and what takes it further
 * alone when that is asked for. */
#ifndef CADRE_INFER_SESSION_PUBLIC_H
#define CADRE_INFER_SESSION_PUBLIC_H

#include "infer/batcher.h"

struct cadre_session {
    cadre_model *model; /* borrowed */
    int64_t capacity;
    session session;
    batcher batcher; /* of this session alone; all zero until it generates */
    bool in_use;     /* by a call that has not returned: its listener calls back */
};

/* A thread, and a listener, may use the session; CADRE_EBUSY if not. The context is entered until
 * session_leave. */
cadre_status session_enter(cadre_session *s);
cadre_status session_leave(cadre_session *s, cadre_status status); /* returns the status */

#endif
