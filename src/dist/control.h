/* control.h - what ranks tell each other beside their work, on a channel of its own: that they
 * live, that one has failed and why, that they end.
 *
 * A thread of each process reads this channel, so that a rank that computes for minutes answers
 * like one that waits. Who does not answer is silent: stopped, dead, or cut off. A rank that waits
 * in vain asks all ranks, and so finds the one that is silent, not the one that it waits for. */
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
    CONTROL_PING, /* are you there? */
    CONTROL_PONG,
    CONTROL_FAULT,  /* this rank cannot go on, because of `text` */
    CONTROL_END,    /* this rank ends with exit code `code`, because of `text` */
    CONTROL_RELEASE /* everything was said: leave */
} control_kind;

typedef struct control_message {
    int32_t kind, from, code;
    int32_t silent;    /* of a fault: a rank that does not answer; -1: none */
    int32_t cut_short; /* of an end: messages of this rank are under way */
    double waiting;    /* of a pong: seconds since this rank has waited; 0: it works */
    char text[CONTROL_TEXT];
} control_message;

/* What is known of another rank */
typedef struct peer {
    char host[MACHINE_NAME];
    int64_t process;
    double heard;   /* when it was last heard of */
    double waiting; /* as it said then */
    bool silent, ended, cut_short;
    int code;    /* of one that has ended, or failed */
    char *words; /* [CONTROL_TEXT] its last sentence; NULL: it has said nothing */
} peer;

typedef struct control {
    const transport *transport;          /* borrowed */
    ticker *ticker;                      /* all that follows is used while it is held */
    void *box;                           /* slot 0 receives, the others send */
    control_message incoming, *outgoing; /* [CONTROL_SENDS] */
    int next;                            /* place in outgoing */
    peer *peers;                         /* [size] */
    double waiting;                      /* since when this rank waits; 0: it works */
    bool released;
    bool cut_short;              /* messages of this rank are under way that nobody will await */
    char sentence[CONTROL_TEXT]; /* of the first fault */
    atomic_bool faulty;          /* the only field that is read without holding the ticker */
} control;

cadre_status control_open(const transport *t, control *c);
void control_close(control *c); /* what is under way is cancelled */

/* ---- with the ticker held ---- */

void control_read(control *c); /* takes what has come */
void control_ask_all(control *c);
/* Marks as silent those that were not heard of since then. Returns the first; -1: there is none. */
int control_find_silent(control *c, double since);
/* "rank 1 on host h is silent: ...": what those who waited so many seconds say. */
void control_word_silent(const control *c, int rank, double limit, char text[CONTROL_TEXT]);
/* Whether all others have waited for longer than so many seconds when they last answered */
bool control_all_wait(const control *c, double seconds);
/* Whether a rank has ended; it cannot be waited for. -1: none has */
int control_find_ended(const control *c);
/* This rank tells all others that it cannot go on. */
void control_fail(control *c, const char *sentence, int silent);
void control_tell_all(control *c, control_kind kind, int code, const char *text);

/* ---- without ---- */

/* The end of a process. Tells the others how it ended (code, and a sentence or ""), and waits until
 * all have, or are silent. Returns the exit code of all together, and in `text` what this rank is
 * to print: "" for all but the lowest rank that lives. */
int control_end(control *c, int code, const char *sentence, double limit, char text[CONTROL_TEXT]);
/* After the end: whether all ranks have ended with nothing under way, so that they can leave the
 * transport as it asks for. */
bool control_is_quiet(const control *c);
bool control_has_silent(const control *c);

#endif
