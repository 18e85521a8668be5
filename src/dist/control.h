/* control.h - the control channel, which carries no data: with it ranks check whether the others
 * are alive, report that one has failed and why, and agree to end.
 *
 * A thread of each process reads this channel, so a rank that computes for minutes answers as fast
 * as one that waits. A rank that does not answer is called silent: it is stopped, dead or cut off.
 * A rank that has waited too long asks all ranks, and so finds the rank that is silent, not merely
 * the one that it waits for. */
#ifndef CADRE_DIST_CONTROL_H
#define CADRE_DIST_CONTROL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/machine.h"
#include "base/ticker.h"
#include "dist/transport.h"

enum { CONTROL_TEXT = 1024, CONTROL_SENDS = 256 };

typedef enum control_kind {
    CONTROL_PING, /* asks for a CONTROL_PONG */
    CONTROL_PONG,
    CONTROL_FAULT,  /* this rank cannot continue; `text` says why */
    CONTROL_END,    /* this rank ends with exit code `code`; `text` says why */
    CONTROL_RELEASE /* every rank has reported its end: processes may leave */
} control_kind;

typedef struct control_message {
    int32_t kind, from, code;
    int32_t silent;    /* in a fault: the rank that does not answer; -1: none */
    int32_t abandoned; /* in an end: this rank has abandoned messages in flight */
    double waiting; /* in a pong: for how many seconds this rank has been waiting; 0: it computes */
    char text[CONTROL_TEXT];
} control_message;

/* What this process knows about another rank. */
typedef struct peer {
    char host[MACHINE_NAME];
    int64_t process;
    double last_heard; /* when its last message came */
    double waiting;    /* as its last pong said */
    bool silent, ended, abandoned;
    int code;       /* its exit code, if it has ended or failed */
    char *sentence; /* [CONTROL_TEXT] its error message; NULL: it has sent none */
} peer;

typedef struct control {
    const transport *transport;          /* borrowed */
    ticker *ticker;                      /* its lock protects all fields below */
    void *requests;                      /* slot 0 receives; the other slots send */
    control_message incoming, *outgoing; /* [CONTROL_SENDS] */
    int next;                            /* index of the next free message in outgoing */
    peer *peers;                         /* [size] */
    double waiting;                      /* when this rank began to wait; 0: it computes */
    bool released;
    bool abandoned;              /* this rank has messages in flight that it will not wait for */
    char sentence[CONTROL_TEXT]; /* the error message of the first fault */
    atomic_bool faulty;          /* the only field that is read without the lock */
} control;

cadre_status control_open(const transport *t, control *c);
void control_close(control *c); /* cancels messages in flight */

/* ---- functions that are called with the ticker's lock held ---- */

void control_read(control *c); /* handles all messages that have arrived */
void control_ping_all(control *c);
/* Marks as silent the ranks from which nothing has come since then. Returns the first of them, or
 * -1. */
int control_find_silent(control *c, double since);
/* Writes "rank 1 on host h is silent: ...": the error message after waiting for `limit` seconds. */
void control_describe_silent(const control *c, int rank, double limit, char text[CONTROL_TEXT]);
/* Whether all other ranks, by their last answers, have waited for longer than this. */
bool control_all_wait(const control *c, double seconds);
/* Returns a rank that has ended, for which nobody can wait any longer; -1: there is none. */
int control_find_ended(const control *c);
/* Tells all other ranks that this one cannot continue. */
void control_fail(control *c, const char *sentence, int silent);
void control_send_all(control *c, control_kind kind, int code, const char *text);

/* ---- functions that are called without the lock ---- */

/* Ends this process's part of the job. Tells the others how it ended (an exit code, and an error
 * message or ""), and waits until all have ended or are silent. Returns the exit code of the whole
 * job. `text` is what this rank has to print; it is "" for all but the lowest rank that is
 * alive. */
int control_end(control *c, int code, const char *sentence, double limit, char text[CONTROL_TEXT]);
/* Whether all ranks have ended without messages in flight, so that they can finalise the transport.
 * Called after control_end. */
bool control_is_quiet(const control *c);
bool control_has_silent(const control *c);

#endif
