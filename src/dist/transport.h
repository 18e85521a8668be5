/* transport.h - what moves bytes between ranks: a table of calls that a plug-in fills with MPI, and
 * a test with threads.
 *
 * No call waits. A message is begun in a slot of a box and is under way until box_test says that
 * all messages of the box are done; its bytes belong to the transport until then. Messages from one
 * rank to another with the same channel and tag arrive in the order in which they were sent.
 *
 * Calls return 0, or a number that `describe` can explain. They are made by one thread at a
 * time. */
#ifndef CADRE_DIST_TRANSPORT_H
#define CADRE_DIST_TRANSPORT_H

#include <stddef.h>

/* A library loads a plug-in of its own version alone: the name of the function says which. */
#define TRANSPORT_JOIN cadre_transport_join_1
#define TRANSPORT_JOIN_NAME "cadre_transport_join_1"

enum { TRANSPORT_ANY = -1 };

typedef enum transport_channel { CHANNEL_DATA, CHANNEL_CONTROL, CHANNELS } transport_channel;

typedef struct transport_address {
    transport_channel channel;
    int rank, tag; /* rank: TRANSPORT_ANY where any may have sent */
} transport_address;

/* The two sides of an exchange of bytes, as MPI_Alltoallv has them; [size] each */
typedef struct transport_exchange {
    const void *send;
    const int *send_bytes, *send_first;
    void *receive;
    const int *receive_bytes, *receive_first;
} transport_exchange;

typedef struct transport {
    const char *name; /* static: "Open MPI" */
    void *state;
    int rank, size;
    void *(*box_new)(void *state, int slots); /* NULL: out of memory */
    void (*box_free)(void *state, void *box); /* with nothing under way in it */
    /* at: the slot */
    int (*send)(
        void *state, const transport_address *to, const void *data, int bytes, void *box, int at);
    int (*receive)(
        void *state, const transport_address *from, void *data, int bytes, void *box, int at);
    /* Are the messages in slots first .. first + count - 1 done? */
    int (*box_test)(void *state, void *box, int first, int count, int *done);
    void (*cancel)(void *state, void *box, int at); /* of a message that is to be received */
    /* MPI's own exchange, to compare with; it waits. NULL: there is none */
    int (*exchange)(void *state, const transport_exchange *e);
    void (*describe)(void *state, int code, char *text, int size);
    void (*leave)(void *state);             /* waits for the other ranks, which must call it too */
    void (*end_all)(void *state, int code); /* ends every process of the job */
} transport;

/* What a plug-in exports: joins the processes that the launcher started. Waits until they are
 * there. On failure, `error` says why. */
typedef int transport_join(transport *t, char *error, int size);

#endif
