/* transport.h - moves bytes between ranks. It is a table of functions, which a plug-in fills with
 * MPI, and a test with threads.
 *
 * No function waits. A message is begun in a slot of a set of requests. It is in flight until
 * requests_test reports that all messages in the tested slots are done; until then its bytes belong
 * to the transport. Messages from one rank to another with the same channel and tag arrive in the
 * order in which they were sent.
 *
 * Functions return 0, or an error code that `describe` can explain. One thread calls them at a
 * time. */
#ifndef CADRE_DIST_TRANSPORT_H
#define CADRE_DIST_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

/* A library loads only a plug-in of its own version: the function's name contains the version. */
#define TRANSPORT_JOIN cadre_transport_join_2
#define TRANSPORT_JOIN_NAME "cadre_transport_join_2"

enum { TRANSPORT_ANY = -1 };

typedef enum transport_channel { CHANNEL_DATA, CHANNEL_CONTROL, CHANNELS } transport_channel;

typedef struct transport_address {
    transport_channel channel;
    int rank, tag; /* rank: TRANSPORT_ANY to receive from any rank */
} transport_address;

/* Both sides of an all-to-all exchange, in the terms of MPI_Alltoallv; every array is [size]. */
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
    void *(*requests_new)(void *state, int slots); /* NULL: out of memory */
    void (*requests_free)(
        void *state, void *requests); /* only if none of its messages is in flight */
    /* Begin a message in this slot. */
    int (*send)(void *state, const transport_address *to, const void *data, int bytes,
        void *requests, int slot);
    int (*receive)(void *state, const transport_address *from, void *data, int bytes,
        void *requests, int slot);
    /* Sets *done: whether the messages in slots first .. first + count - 1 are all done. */
    int (*requests_test)(void *state, void *requests, int first, int count, int *done);
    void (*cancel)(
        void *state, void *requests, int slot); /* cancels a message that is being received */
    /* MPI_Alltoallv, for comparison; it waits. NULL: the transport has none */
    int (*exchange)(void *state, const transport_exchange *e);
    void (*describe)(void *state, int code, char *text, int size);
    void (*leave)(void *state); /* finalises; waits for the other ranks, which must call it too */
    void (*end_all)(void *state, int code); /* ends every process of the job */
    /* Whether any later call may still read or write the bytes of a message that is in flight */
    bool lasting;
} transport;

/* The function that a plug-in exports. It joins the processes that the launcher started and waits
 * until all have joined. If it fails, `error` says why. */
typedef int transport_join(transport *t, char *error, int size);

#endif
