/* endpoint.h - a rank's messages on the data channel: many are begun, and then all are waited for.
 *
 * The control channel's lock is held between endpoint_begin and endpoint_wait. Waiting first spins,
 * testing the messages again and again, and then sleeps between two tests, because other ranks may
 * compute on the same cores. Waiting ends when the messages are done, when a rank fails, or when a
 * rank is silent. */
#ifndef CADRE_DIST_ENDPOINT_H
#define CADRE_DIST_ENDPOINT_H

#include <stddef.h>

#include "base/comm.h"
#include "dist/control.h"

enum { ENDPOINT_PIECE = 1 << 26 }; /* longer messages are split, because counts are of type int */

typedef struct endpoint {
    const transport *transport; /* borrowed */
    control *control;           /* borrowed */
    void *requests;
    bool *receives; /* [room] whether the message in this slot is being received */
    int room, used; /* slots of `requests` */
    /* Seconds of spinning before the first sleep: the maximum, and the current value. It shrinks
     * after long waits, so that other ranks can use the core */
    double max_spin, spin;
    double limit; /* seconds for which a rank may be silent; 0: for ever */
    int error;    /* the transport's first error since endpoint_begin */
} endpoint;

endpoint endpoint_open(const transport *t, control *c);
void endpoint_close(endpoint *p); /* does not free requests that are in flight */

int endpoint_pieces(size_t bytes); /* the number of messages for this many bytes; 0 for 0 bytes */

/* Makes room for this many messages. No message may be in flight. */
cadre_status endpoint_begin(endpoint *p, int messages);
/* Begin a message to or from a world rank. Nothing is sent for 0 bytes. */
void endpoint_send(endpoint *p, int to, int tag, const void *data, size_t bytes);
void endpoint_receive(endpoint *p, int from, int tag, void *data, size_t bytes);
cadre_status endpoint_wait(endpoint *p); /* waits for all messages since endpoint_begin */

/* Does both messages of `m`, with endpoint_begin and endpoint_wait. */
cadre_status endpoint_exchange(endpoint *p, int tag, const comm_message *m);

#endif
