/* comm.h - the communicator: what ranks do together.
 *
 * One rank, threads in a test, or MPI each fill the table comm_methods; the layers above call the
 * functions below alone, so there is one code path for all.
 *
 * Errors stick. The first one, this rank's own or what another told, stays in the communicator with
 * its sentence; calls after it return at once, and where something would have been received there
 * are zeros: counts stay sane, and the computation runs on to the end of its step without a check a
 * call. There comm_status is asked, once, before anything is changed that cannot be changed back.
 *
 * Every call but the messages is collective: all ranks of a communicator make the same calls in the
 * same order with sizes that agree. Rows and counts cut by rank are given as `first` [size + 1]:
 * rank r's are first[r] .. first[r + 1] - 1. */
#ifndef CADRE_BASE_COMM_H
#define CADRE_BASE_COMM_H

#include <stddef.h>
#include <stdint.h>

#include "base/real.h"
#include "base/status.h"

typedef struct comm comm;
struct comm_methods;

enum { COMM_SENTENCE = 512 };

struct comm {
    int rank, size;
    const struct comm_methods *methods;
    void *state; /* of the methods */
    comm *world; /* that this one is a part of, which keeps its error and limit; NULL: it is one */
    /* Seconds that a call waits for other ranks, then fails and names who is silent; 0: no end */
    double limit;
    cadre_status status; /* the first error */
    char sentence[COMM_SENTENCE];
};

/* The world of one rank: every sum is what it was. Nothing to free. */
comm comm_self(void);

/* ---- errors ---- */

cadre_status comm_status(const comm *c); /* the first error; it is this thread's last one again */
/* This rank cannot go on, for what its last error says: all ranks are told, by their next call. */
void comm_fail(comm *c, cadre_status code);

/* ---- sums: in rank order, so that they do not depend on the method ---- */

void comm_all_reduce_counts(comm *c, int64_t *values /* [count] in place */, int64_t count);
void comm_all_reduce_reals(comm *c, real *values /* [count] in place */, int64_t count);
/* own [first[rank + 1] - first[rank]] = this rank's part of the sum of all ranks' values
 * [first[size]] */
void comm_reduce_scatter(comm *c, const real *values, const int64_t *first, real *own);

/* ---- rows ---- */

/* all [size, bytes] = every rank's own [bytes]; own may lie at its place in all */
void comm_all_gather(comm *c, const void *own, size_t bytes, void *all);
/* all [first[size], row] = every rank's own [first[rank + 1] - first[rank], row]; row in bytes */
void comm_all_gather_v(comm *c, const void *own, const int64_t *first, size_t row, void *all);

/* The two sides of an exchange of all with all. Rank r is sent rows send_first[r] .. of send, and
 * its rows for this one become receive_first[r] .. of receive. */
typedef struct comm_rows {
    const void *send; /* [send_first[size], row] */
    const int64_t *send_first;
    void *receive; /* [receive_first[size], row] */
    const int64_t *receive_first;
    size_t row; /* bytes */
} comm_rows;
void comm_all_to_all_v(comm *c, const comm_rows *rows);

void comm_broadcast(comm *c, void *data /* [bytes] */, size_t bytes, int root);

/* ---- messages between two ranks, in the order in which they are sent ---- */

void comm_send(comm *c, int to, const void *data, size_t bytes); /* back when data is free again */
void comm_receive(comm *c, int from, void *data, size_t bytes);

/* Both at once, as neighbours in a pipeline need: neither waits for the other to be first. */
typedef struct comm_message {
    int to, from; /* -1: nothing is sent, or received */
    const void *send;
    size_t send_bytes;
    void *receive;
    size_t receive_bytes;
} comm_message;
void comm_send_receive(comm *c, const comm_message *m);

/* ---- the ranks themselves ---- */

void comm_barrier(comm *c);

/* The ranks of equal colour, in order of (key, rank), as a communicator of their own; a colour
 * below 0: in none, NULL. Its errors are those of the world. Freed before it. */
cadre_status comm_split(comm *c, int colour, int key, comm **part);
void comm_free(comm *part); /* NULL is fine */

/* ---- the table ---- */

/* Each as the function above. A status other than CADRE_OK goes with a sentence in this thread's
 * last error, and is the last that the method is asked for. */
typedef struct comm_methods {
    cadre_status (*all_reduce_counts)(comm *c, int64_t *values, int64_t count);
    cadre_status (*all_reduce_reals)(comm *c, real *values, int64_t count);
    cadre_status (*reduce_scatter)(comm *c, const real *values, const int64_t *first, real *own);
    cadre_status (*all_gather)(comm *c, const void *own, size_t bytes, void *all);
    cadre_status (*all_gather_v)(
        comm *c, const void *own, const int64_t *first, size_t row, void *all);
    cadre_status (*all_to_all_v)(comm *c, const comm_rows *rows);
    cadre_status (*broadcast)(comm *c, void *data, size_t bytes, int root);
    cadre_status (*send_receive)(comm *c, const comm_message *m);
    cadre_status (*barrier)(comm *c);
    cadre_status (*split)(comm *c, int colour, int key, comm **part);
    void (*free)(comm *part);
    void (*fail)(comm *world, cadre_status code, const char *sentence); /* tells all ranks */
} comm_methods;

/* The communicator whose error and limit hold for c. */
static inline comm *comm_world(comm *c) { return c->world ? c->world : c; }

#endif
