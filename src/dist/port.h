/* port.h - a rank's messages on the channel of data: many are begun, then all are awaited.
 *
 * Between port_begin and port_wait the control channel is held. Waiting looks at once, many times,
 * and then sleeps between two looks, because the cores may be those that other ranks compute on. It
 * ends when the messages are there, when a rank fails, or when one does not answer. */
#ifndef CADRE_DIST_PORT_H
#define CADRE_DIST_PORT_H

#include <stddef.h>

#include "base/comm.h"
#include "dist/control.h"

enum { PORT_PIECE = 1 << 26 }; /* longer messages are cut, for counts are int */

typedef struct port {
    const transport *transport; /* borrowed */
    control *control;           /* borrowed */
    void *box;
    int room, used; /* slots of the box */
    /* Seconds of looking without sleeping: at most; and now, for it shrinks where waits are longer,
     * so that others can have the core */
    double patience, looking;
    double limit; /* seconds that a rank may be silent; 0: for ever */
    int error;    /* the first of the transport's, since port_begin */
} port;

port port_open(const transport *t, control *c);
void port_close(port *p); /* leaves the box to messages that are under way */

int port_pieces(size_t bytes); /* messages that so many bytes need; 0 bytes: none */

/* Makes room for so many messages, none of which is under way now. */
cadre_status port_begin(port *p, int messages);
/* Ranks are of the world. Zero bytes are no message. */
void port_send(port *p, int to, int tag, const void *data, size_t bytes);
void port_receive(port *p, int from, int tag, void *data, size_t bytes);
cadre_status port_wait(port *p); /* for all since port_begin */

/* port_begin, the two messages, port_wait */
cadre_status port_exchange(port *p, int tag, const comm_message *m);

#endif
