/* session_public.h - the parts of the public cadre_session: a past, and a batcher that continues it
 * when that is asked for. */
#ifndef CADRE_INFER_SESSION_PUBLIC_H
#define CADRE_INFER_SESSION_PUBLIC_H

#include "infer/batcher.h"

struct cadre_session {
    cadre_model *model; /* borrowed */
    int64_t capacity;
    int64_t blocks; /* of a cache that the batcher has instead of the session; 0: it has none */
    session session;
    batcher batcher; /* for this session alone; all zero until it generates */
    bool in_use;     /* by a call that has not returned, whose listener may call back */
};

/* Makes one that only generates, and that goes on from any text that it has read before, as far as
 * that was kept: where texts part, recurrent layers and windows cannot go back (slot_cache.h). */
cadre_status session_new_cached(cadre_model *model, int64_t capacity, cadre_session **out);

/* Lets a thread, or a listener, use the session; CADRE_EBUSY if another does. The context stays
 * entered until session_leave. */
cadre_status session_enter(cadre_session *s);
cadre_status session_leave(cadre_session *s, cadre_status status); /* returns the status */

#endif
