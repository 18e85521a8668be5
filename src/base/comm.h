/* comm.h - the communicator: what several ranks do together.
 *
 * A method of communication (one rank, threads in a test, or MPI) fills the table comm_methods. The
 * layers above call only the functions below, so there is one code path for all methods.
 *
 * Errors stick. The first error, whether this rank's own or one that another rank reported, stays
 * in the communicator with its sentence. Later calls return at once and fill what they should have
 * received with zeros. Counts therefore stay valid, and the computation runs to the end of its step
 * without a check after every call. There it asks comm_status once, before it changes anything that
 * cannot be undone.
 *
 * Every call is collective, except for messages between two ranks: all ranks of a communicator make
 * the same calls in the same order with sizes that agree. Rows and counts that are divided among
 * ranks are described by `first` [size + 1]: rank r has first[r] .. first[r + 1] - 1. */
#ifndef CADRE_BASE_COMM_H
#define CADRE_BASE_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cadre/status.h"
#include "base/status.h"

typedef struct comm comm;
struct comm_methods;

enum { COMM_SENTENCE = 512 };

/* What a rank has sent to others and received of them since it joined, and the seconds that its
 * calls took: waiting for others, and the exchange itself. `rows` are those of tokens. */
typedef struct comm_tally {
    int64_t rows_sent, rows_received, bytes_sent, bytes_received;
    double seconds;
} comm_tally;

struct comm {
    int rank, size;
    const struct comm_methods *methods;
    void *state; /* belongs to the methods */
    /* The communicator that this one was split from, which keeps error and limit; NULL: itself */
    comm *world;
    /* Seconds that a call waits for other ranks before it fails and names the silent ones; 0: for
     * ever */
    double limit;
    cadre_status status; /* the first error */
    char sentence[COMM_SENTENCE];
    comm_tally tally; /* of this communicator and those split from it */
};

comm_tally comm_tally_of(const comm *c);
/* What came to it since it was `before` */
comm_tally comm_tally_since(const comm *c, const comm_tally *before);

/* Counts rows of a gathering as those of tokens. */
void comm_tally_tokens(comm *c, const int64_t *first);

/* The world of one rank, in which every sum is its only summand. There is nothing to free. */
comm comm_self(void);

/* ---- errors ---- */

/* Returns the first error, which becomes this thread's last error again. */
cadre_status comm_status(const comm *c);
/* Says that this rank cannot go on, for the reason in its last error. The others learn it by their
 * next call. */
void comm_fail(comm *c, cadre_status code);

/* ---- sums ---- */

/* Sums of integers are the same in any order, so a method may choose the order. The bits of sums of
 * floats depend on it. Therefore neither an all-reduce of floats nor a reduce-scatter is among the
 * calls: gradients are summed along a fixed tree of leaves, for which ranks exchange partial sums
 * by comm_all_to_all_v, and the owner of each slice adds those (train/trainer_ranks.c). */

void comm_all_reduce_counts(comm *c, int64_t *values /* [count] in place */, int64_t count);

/* ---- rows ---- */

/* all [size, bytes] = every rank's own [bytes]; own may lie at its place in all */
void comm_all_gather(comm *c, const void *own, size_t bytes, void *all);
/* all [first[size], row] = every rank's own [first[rank + 1] - first[rank], row]; row in bytes */
void comm_all_gather_v(comm *c, const void *own, const int64_t *first, size_t row, void *all);

/* The two sides of an exchange among all ranks. Rank r is sent the rows from send_first[r] on of
 * `send`, and the rows that it sends here are received from receive_first[r] on in `receive`. */
typedef struct comm_rows {
    const void *send; /* [send_first[size], row] */
    const int64_t *send_first;
    void *receive; /* [receive_first[size], row] */
    const int64_t *receive_first;
    size_t row;   /* bytes */
    int64_t pair; /* no pair of ranks exchanges more rows, as all ranks know; 0: nothing is known */
    bool tokens;  /* the rows are those of tokens, which the tally counts */
} comm_rows;
void comm_all_to_all_v(comm *c, const comm_rows *rows);

void comm_broadcast(comm *c, void *data /* [bytes] */, size_t bytes, int root);

/* ---- messages between two ranks, in the order in which they are sent ---- */

void comm_send(comm *c, int to, const void *data, size_t bytes); /* returns when data may change */
void comm_receive(comm *c, int from, void *data, size_t bytes);

/* Sends and receives at once, as neighbours in a pipeline need: neither waits for the other. */
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

/* Makes a communicator of the ranks of equal colour, in the order of (key, rank). A rank whose
 * colour is below 0 is in none and gets NULL. Errors are kept in the world. It is freed before the
 * world. */
cadre_status comm_split(comm *c, int colour, int key, comm **part);
void comm_free(comm *part); /* NULL is fine */

/* ---- the table ---- */

/* Each method does what the function above of the same name says. When one returns a status other
 * than CADRE_OK, it has left a sentence in this thread's last error, and no method is called
 * again. */
typedef struct comm_methods {
    cadre_status (*all_reduce_counts)(comm *c, int64_t *values, int64_t count);
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

/* The communicator that keeps c's error and limit. */
static inline comm *comm_world(comm *c) { return c->world ? c->world : c; }

#endif
