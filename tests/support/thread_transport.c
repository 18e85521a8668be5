/* thread_transport.c - a list of letters for each rank. A message that is sent is done when it lies
 * there, but for long ones, which are done when they have been taken. */
#define _GNU_SOURCE
#include "support/thread_transport.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

enum { EAGER = 4096 }; /* bytes: longer letters wait to be taken */

typedef struct letter {
    struct letter *next;
    transport_channel channel;
    int from, tag, bytes;
    const void *data; /* of the sender, until it is taken; or after this struct */
    bool *taken;      /* the sender's; NULL: it does not wait */
} letter;

typedef struct slot {
    enum { FREE, SENDS, RECEIVES } kind;
    transport_address from;
    void *data;
    int bytes;
    bool taken;
} slot;

typedef struct box {
    struct box *next;
    int slots;
    slot slot[];
} box;

typedef struct post {
    pthread_mutex_t lock;
    int size, aborted;
    box *boxes; /* all there were: messages may be under way in them to the end */
    letter *first[THREAD_TRANSPORT_MOST];
    bool stopped[THREAD_TRANSPORT_MOST];
} post;

typedef struct seat {
    post *post;
    int rank;
} seat;

static void *requests_new(void *state, int slots)
{
    post *p = ((seat *)state)->post;
    box *b = mem_alloc(1, sizeof *b + (size_t)slots * sizeof(slot));
    if (!b) return NULL;
    b->slots = slots;
    pthread_mutex_lock(&p->lock);
    b->next = p->boxes;
    p->boxes = b;
    pthread_mutex_unlock(&p->lock);
    return b;
}

static void requests_free(void *state, void *b) { (void)state, (void)b; }

static letter *letter_new(const transport_address *to, int from, const void *data, int bytes)
{
    letter *l = mem_alloc(1, sizeof *l + (bytes > EAGER ? 0 : (size_t)bytes));
    if (!l) return NULL;
    *l = (letter){ .channel = to->channel, .from = from, .tag = to->tag, .bytes = bytes };
    l->data = data;
    if (bytes <= EAGER) {
        memcpy(l + 1, data, (size_t)bytes);
        l->data = l + 1;
    }
    return l;
}

static int send_letter(
    void *state, const transport_address *to, const void *data, int bytes, void *b, int at)
{
    seat *s = state;
    slot *own = &((box *)b)->slot[at];
    letter *l = letter_new(to, s->rank, data, bytes), **end;
    if (!l) return 1;
    pthread_mutex_lock(&s->post->lock);
    *own = (slot){ .kind = SENDS, .taken = bytes <= EAGER };
    if (bytes > EAGER) l->taken = &own->taken;
    for (end = &s->post->first[to->rank]; *end;) end = &(*end)->next;
    *end = l;
    pthread_mutex_unlock(&s->post->lock);
    return 0;
}

static int receive_letter(
    void *state, const transport_address *from, void *data, int bytes, void *b, int at)
{
    (void)state;
    ((box *)b)->slot[at] = (slot){ RECEIVES, *from, data, bytes, false };
    return 0;
}

static bool matches(const letter *l, const transport_address *from)
{
    return l->channel == from->channel && l->tag == from->tag &&
           (from->rank == TRANSPORT_ANY || from->rank == l->from);
}

/* Takes the first letter that a slot waits for. Returns -1 if it does not fit. */
static int take_letter(post *p, int rank, slot *s)
{
    for (letter **at = &p->first[rank]; *at; at = &(*at)->next) {
        letter *l = *at;
        if (!matches(l, &s->from)) continue;
        if (l->bytes != s->bytes) return -1;
        memcpy(s->data, l->data, (size_t)l->bytes);
        if (l->taken) *l->taken = true;
        *at = l->next;
        mem_free(l);
        s->taken = true;
        return 0;
    }
    return 0;
}

static int requests_test(void *state, void *b, int first, int count, int *done)
{
    seat *s = state;
    slot *slots = ((box *)b)->slot;
    int error = 0;
    *done = 1;
    pthread_mutex_lock(&s->post->lock);
    for (int i = first; i < first + count && !error; i++) {
        if (slots[i].kind == RECEIVES && !slots[i].taken && !s->post->stopped[s->rank])
            error = take_letter(s->post, s->rank, &slots[i]);
        if (slots[i].kind != FREE && !slots[i].taken) *done = 0;
    }
    for (int i = first; i < first + count && *done; i++) slots[i].kind = FREE;
    pthread_mutex_unlock(&s->post->lock);
    return error;
}

static void cancel(void *state, void *b, int at)
{
    (void)state;
    ((box *)b)->slot[at].kind = FREE;
}

static void describe(void *state, int code, char *text, int size)
{
    (void)state, (void)code;
    snprintf(text, (size_t)size, "a message of another size than expected");
}

static void leave(void *state) { (void)state; }

static void abort_all(void *state, int code)
{
    seat *s = state;
    pthread_mutex_lock(&s->post->lock);
    s->post->aborted = code;
    pthread_mutex_unlock(&s->post->lock);
}

static void stop_rank(thread_rank *r)
{
    post *p = r->post;
    pthread_mutex_lock(&p->lock);
    p->stopped[r->world.transport.rank] = true;
    pthread_mutex_unlock(&p->lock);
}

/* ---- running ---- */

typedef struct job {
    thread_rank rank;
    seat seat;
    int per_node;
    double limit;
    void (*body)(thread_rank *r, void *arg);
    void *arg;
    cadre_status status;
    pthread_t thread;
} job;

/* Machines' names say which ranks share one. */
static void name_machines(job *j)
{
    int size = j->rank.world.comm.size, n = j->per_node ? j->per_node : size;
    for (int r = 0; r < size; r++)
        snprintf(j->rank.world.control.peers[r].host, MACHINE_NAME, "machine-%d", r / n);
    ((group *)j->rank.world.comm.state)->per_node = size % n ? 1 : n;
}

static void *run_rank(void *arg)
{
    job *j = arg;
    transport t = { "threads", &j->seat, j->seat.rank, j->seat.post->size, requests_new,
        requests_free, send_letter, receive_letter, requests_test, cancel, NULL, describe, leave,
        abort_all, false };
    j->status = world_open(&t, &j->rank.world);
    if (j->status != CADRE_OK) return NULL;
    name_machines(j);
    world_limit(&j->rank.world, j->limit);
    j->body(&j->rank, j->arg);
    world_close(&j->rank.world);
    return NULL;
}

static void throw_away(post *p)
{
    for (int r = 0; r < p->size; r++)
        while (p->first[r]) {
            letter *l = p->first[r];
            p->first[r] = l->next;
            mem_free(l);
        }
    while (p->boxes) {
        box *b = p->boxes;
        p->boxes = b->next;
        mem_free(b);
    }
    pthread_mutex_destroy(&p->lock);
}

cadre_status thread_transport_run(
    int size, int per_node, double limit, void (*body)(thread_rank *r, void *arg), void *arg)
{
    post p = { .size = size };
    job *jobs = MEM_ARRAY(job, size);
    cadre_status status = CADRE_OK;
    if (!jobs) return CADRE_ENOMEM;
    pthread_mutex_init(&p.lock, NULL);
    for (int r = 0; r < size; r++) {
        jobs[r].rank.stop = stop_rank;
        jobs[r].rank.post = &p;
        jobs[r].seat = (seat){ &p, r };
        jobs[r].per_node = per_node;
        jobs[r].limit = limit;
        jobs[r].body = body;
        jobs[r].arg = arg;
        pthread_create(&jobs[r].thread, NULL, run_rank, &jobs[r]);
    }
    for (int r = 0; r < size; r++) {
        pthread_join(jobs[r].thread, NULL);
        if (status == CADRE_OK) status = jobs[r].status;
    }
    throw_away(&p);
    mem_free(jobs);
    return status;
}
