/* thread_comm.c - every collective call in three parts: all show their arguments and meet; each
 * does its share of the copying and adding; all meet again, for arguments are the caller's until
 * then.
 *
 * One lock for all communicators of a run. Whoever waits sits down with what it waits for: a
 * meeting, or one message. When its time is up, it follows that from rank to rank to the one that
 * waits for nothing: that one is silent, not the one that it was waiting for. The second meeting
 * has no limit: who came to the first is computing, and others read its arguments. */
#define _GNU_SOURCE
#include "support/thread_comm.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

/* What a rank shows to the others in a collective call. */
typedef struct shown {
    const char *call;
    int64_t count; /* which all must agree on */
    const void *in;
    void *out;
    const int64_t *in_first; /* [size + 1] of what is sent, all_to_all_v */
    int colour, key;
    struct group *part; /* made by the first of a colour */
} shown;

typedef struct mail {
    const void *data;
    size_t bytes;
    bool posted; /* and not taken yet */
} mail;

/* A communicator as its ranks share it. */
typedef struct group {
    struct run *run;
    int size, users;
    int member[THREAD_COMM_MOST]; /* [size] ranks of the world */
    bool here[THREAD_COMM_MOST];  /* at the meeting */
    int arrived;
    uint64_t meeting; /* how many there were */
    shown shown[THREAD_COMM_MOST];
    mail *mail; /* [size, size] from, to */
} group;

/* What a rank of the world waits for; `in` NULL: nothing. */
typedef struct seat {
    const group *in;
    uint64_t meeting;
    const mail *mail; /* NULL: a meeting */
    bool posted;      /* what the mail is to become */
    int peer;         /* in the group, for mail */
    bool ended;
} seat;

typedef struct run {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    seat seat[THREAD_COMM_MOST];
    cadre_status status;
    char sentence[COMM_SENTENCE];
} run;

/* ---- failing; the lock is held ---- */

static cadre_status told(const run *r) { return cadre_fail(r->status, NULL, "%s", r->sentence); }

static cadre_status fail_run(run *r, cadre_status code)
{
    if (r->status == CADRE_OK) {
        r->status = code;
        snprintf(r->sentence, sizeof r->sentence, "%s", cadre_last_error());
        pthread_cond_broadcast(&r->changed);
    }
    return told(r);
}

static bool is_over(const seat *s)
{
    return s->mail ? s->mail->posted == s->posted : s->in->meeting != s->meeting;
}

/* The rank that `rank` waits for in the end; -1: they wait for each other. */
static int silent_behind(const run *r, int rank, uint64_t *seen)
{
    const seat *s = &r->seat[rank];
    if (!s->in || is_over(s)) return rank;
    if (*seen >> rank & 1) return -1;
    *seen |= (uint64_t)1 << rank;
    for (int i = 0; i < s->in->size; i++) {
        if (s->mail ? i != s->peer : s->in->here[i]) continue;
        int found = silent_behind(r, s->in->member[i], seen);
        if (found >= 0) return found;
    }
    return -1;
}

static cadre_status give_up(run *r, int rank, double limit)
{
    uint64_t seen = 0;
    int silent = silent_behind(r, rank, &seen);
    if (silent < 0) cadre_fail(CADRE_EIO, NULL, "rank %d: all ranks wait for each other", rank);
    else
        cadre_fail(CADRE_EIO, NULL, "rank %d is silent: rank %d has waited %g s for it", silent,
            rank, limit);
    return fail_run(r, CADRE_EIO);
}

/* Who has ended never comes. */
static cadre_status check_ended(run *r, int rank)
{
    uint64_t seen = 0;
    int silent = silent_behind(r, rank, &seen);
    if (silent < 0 || !r->seat[silent].ended) return CADRE_OK;
    cadre_fail(CADRE_EIO, NULL, "rank %d has ended: rank %d waits for it", silent, rank);
    return fail_run(r, CADRE_EIO);
}

/* ---- waiting; the lock is held ---- */

static struct timespec after(double seconds)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    double whole = (double)t.tv_sec + (double)t.tv_nsec * 1e-9 + seconds;
    t.tv_sec = (time_t)whole;
    t.tv_nsec = (long)((whole - (double)t.tv_sec) * 1e9);
    return t;
}

static cadre_status sit(run *r, int rank, const seat *s, double limit, const struct timespec *end)
{
    while (!is_over(s)) {
        if (r->status != CADRE_OK) return told(r);
        CADRE_TRY(check_ended(r, rank));
        int late = limit > 0 ? pthread_cond_timedwait(&r->changed, &r->lock, end)
                             : pthread_cond_wait(&r->changed, &r->lock);
        if (late == ETIMEDOUT && !is_over(s) && r->status == CADRE_OK)
            return give_up(r, rank, limit);
    }
    return CADRE_OK;
}

/* Until what the seat waits for is over, at most as long as the limit, or until a rank fails. */
static cadre_status wait_for(comm *c, seat s)
{
    run *r = s.in->run;
    const comm *world = comm_world(c);
    struct timespec end = after(world->limit);
    r->seat[world->rank] = s;
    cadre_status status = sit(r, world->rank, &s, world->limit, &end);
    r->seat[world->rank] = (seat){ 0 };
    return status;
}

static bool arrive(group *g, int rank)
{
    g->here[rank] = true;
    if (++g->arrived < g->size) return false;
    memset(g->here, 0, sizeof g->here);
    g->arrived = 0;
    g->meeting++;
    pthread_cond_broadcast(&g->run->changed);
    return true;
}

static cadre_status meet(comm *c)
{
    group *g = c->state;
    uint64_t meeting = g->meeting;
    if (arrive(g, c->rank)) return CADRE_OK;
    cadre_status status = wait_for(c, (seat){ .in = g, .meeting = meeting });
    if (status != CADRE_OK) g->here[c->rank] = false, g->arrived--;
    return status;
}

/* Takes as long as it takes. */
static void meet_again(comm *c)
{
    group *g = c->state;
    uint64_t meeting = g->meeting;
    if (arrive(g, c->rank)) return;
    while (g->meeting == meeting) pthread_cond_wait(&g->run->changed, &g->run->lock);
}

/* ---- a collective call ---- */

static cadre_status check_same(group *g)
{
    const shown *a = &g->shown[0];
    for (int i = 1; i < g->size; i++) {
        const shown *b = &g->shown[i];
        if (!strcmp(a->call, b->call) && a->count == b->count) continue;
        cadre_fail(CADRE_EMISMATCH, NULL,
            "ranks do not agree: %s of %lld on rank %d, %s of %lld on rank %d", a->call,
            (long long)a->count, g->member[0], b->call, (long long)b->count, g->member[i]);
        return fail_run(g->run, CADRE_EMISMATCH);
    }
    return CADRE_OK;
}

/* All have come, and agree. */
static cadre_status begin(comm *c, const shown *mine)
{
    group *g = c->state;
    pthread_mutex_lock(&g->run->lock);
    cadre_status status = g->run->status == CADRE_OK ? CADRE_OK : told(g->run);
    if (status == CADRE_OK) {
        g->shown[c->rank] = *mine;
        status = meet(c);
    }
    if (status == CADRE_OK) status = check_same(g);
    pthread_mutex_unlock(&g->run->lock);
    return status;
}

static void end(comm *c)
{
    group *g = c->state;
    pthread_mutex_lock(&g->run->lock);
    meet_again(c);
    pthread_mutex_unlock(&g->run->lock);
}

static const shown *shown_by(const comm *c, int rank)
{
    return &((const group *)c->state)->shown[rank];
}

static void copy(void *to, const void *from, size_t bytes)
{
    if (to != from && bytes) memcpy(to, from, bytes);
}

/* ---- sums: each rank adds its share, into all arrays ---- */

static cadre_status all_reduce_counts(comm *c, int64_t *values, int64_t count)
{
    CADRE_TRY(begin(c, &(shown){ .call = "all_reduce_counts", .count = count, .out = values }));
    for (int64_t i = c->rank; i < count; i += c->size) {
        int64_t sum = 0;
        for (int r = 0; r < c->size; r++) sum += ((int64_t *)shown_by(c, r)->out)[i];
        for (int r = 0; r < c->size; r++) ((int64_t *)shown_by(c, r)->out)[i] = sum;
    }
    end(c);
    return CADRE_OK;
}

/* ---- rows ---- */

static cadre_status all_gather(comm *c, const void *own, size_t bytes, void *all)
{
    CADRE_TRY(begin(c, &(shown){ .call = "all_gather", .count = (int64_t)bytes, .in = own }));
    for (int r = 0; r < c->size; r++)
        copy((char *)all + (size_t)r * bytes, shown_by(c, r)->in, bytes);
    end(c);
    return CADRE_OK;
}

static cadre_status all_gather_v(
    comm *c, const void *own, const int64_t *first, size_t row, void *all)
{
    CADRE_TRY(begin(c, &(shown){ .call = "all_gather_v", .count = first[c->size], .in = own }));
    for (int r = 0; r < c->size; r++)
        copy((char *)all + (size_t)first[r] * row, shown_by(c, r)->in,
            (size_t)(first[r + 1] - first[r]) * row);
    end(c);
    return CADRE_OK;
}

static void tell_rows(comm *c, int from, int64_t sent, int64_t expected)
{
    group *g = c->state;
    pthread_mutex_lock(&g->run->lock);
    cadre_fail(CADRE_EMISMATCH, NULL,
        "ranks do not agree: rank %d sends %lld rows, rank %d expects %lld", g->member[from],
        (long long)sent, g->member[c->rank], (long long)expected);
    fail_run(g->run, CADRE_EMISMATCH);
    pthread_mutex_unlock(&g->run->lock);
}

static void copy_rows(comm *c, const comm_rows *rows, int from)
{
    const shown *s = shown_by(c, from);
    int64_t first = s->in_first[c->rank], count = s->in_first[c->rank + 1] - first,
            at = rows->receive_first[from], expected = rows->receive_first[from + 1] - at;
    if (count != expected) tell_rows(c, from, count, expected);
    else if (rows->pair && count > rows->pair) tell_rows(c, from, count, rows->pair);
    else
        copy((char *)rows->receive + (size_t)at * rows->row,
            (const char *)s->in + (size_t)first * rows->row, (size_t)count * rows->row);
}

static cadre_status status_of(comm *c)
{
    run *r = ((group *)c->state)->run;
    pthread_mutex_lock(&r->lock);
    cadre_status status = r->status == CADRE_OK ? CADRE_OK : told(r);
    pthread_mutex_unlock(&r->lock);
    return status;
}

static cadre_status all_to_all_v(comm *c, const comm_rows *rows)
{
    CADRE_TRY(begin(c, &(shown){ .call = "all_to_all_v",
                           .count = (int64_t)rows->row,
                           .in = rows->send,
                           .in_first = rows->send_first }));
    for (int r = 0; r < c->size; r++) copy_rows(c, rows, r);
    end(c);
    return status_of(c);
}

static cadre_status broadcast(comm *c, void *data, size_t bytes, int root)
{
    CADRE_TRY(begin(c, &(shown){ .call = "broadcast", .count = (int64_t)bytes, .out = data }));
    copy(data, shown_by(c, root)->out, bytes);
    end(c);
    return CADRE_OK;
}

static cadre_status barrier(comm *c)
{
    CADRE_TRY(begin(c, &(shown){ .call = "barrier" }));
    end(c);
    return CADRE_OK;
}

/* ---- messages; the lock is held ---- */

static cadre_status await_mail(comm *c, mail *m, int peer, bool posted)
{
    return wait_for(c, (seat){ .in = c->state, .mail = m, .posted = posted, .peer = peer });
}

static cadre_status take(comm *c, const comm_message *m)
{
    group *g = c->state;
    mail *from = &g->mail[m->from * g->size + c->rank];
    CADRE_TRY(await_mail(c, from, m->from, true));
    if (from->bytes != m->receive_bytes) {
        cadre_fail(CADRE_EMISMATCH, NULL,
            "ranks do not agree: rank %d sends %zu bytes, rank %d expects %zu", g->member[m->from],
            from->bytes, g->member[c->rank], m->receive_bytes);
        return fail_run(g->run, CADRE_EMISMATCH);
    }
    copy(m->receive, from->data, from->bytes);
    from->posted = false;
    pthread_cond_broadcast(&g->run->changed);
    return CADRE_OK;
}

static cadre_status send_and_take(comm *c, const comm_message *m)
{
    group *g = c->state;
    mail *to = m->to < 0 ? NULL : &g->mail[c->rank * g->size + m->to];
    if (g->run->status != CADRE_OK) return told(g->run);
    if (to) {
        *to = (mail){ m->send, m->send_bytes, true };
        pthread_cond_broadcast(&g->run->changed);
    }
    cadre_status status = m->from < 0 ? CADRE_OK : take(c, m);
    if (to && status == CADRE_OK) status = await_mail(c, to, m->to, false);
    if (to) to->posted = false;
    return status;
}

static cadre_status send_receive(comm *c, const comm_message *m)
{
    run *r = ((group *)c->state)->run;
    pthread_mutex_lock(&r->lock);
    cadre_status status = send_and_take(c, m);
    pthread_mutex_unlock(&r->lock);
    return status;
}

/* ---- groups ---- */

static const comm_methods methods;

static group *group_new(run *r, int size)
{
    group *g = MEM_ARRAY(group, 1);
    mail *post = MEM_ARRAY(mail, size * size);
    if (!g || !post) {
        mem_free(g);
        mem_free(post);
        return NULL;
    }
    *g = (group){ .run = r, .size = size, .users = size, .mail = post };
    return g;
}

static void group_free(group *g)
{
    mem_free(g->mail);
    mem_free(g);
}

static bool comes_before(const shown *s, int a, int b)
{
    return s[a].key != s[b].key ? s[a].key < s[b].key : a < b;
}

/* Of the ranks of this one's colour: how many, which place it has, which is first. */
typedef struct place {
    int size, rank, first;
} place;

static place place_of(const comm *c)
{
    const shown *s = shown_by(c, 0);
    place p = { 0, 0, c->rank };
    for (int r = 0; r < c->size; r++) {
        if (s[r].colour != s[c->rank].colour) continue;
        p.size++;
        p.rank += comes_before(s, r, c->rank);
        if (comes_before(s, r, p.first)) p.first = r;
    }
    return p;
}

static void make_part(comm *c, const place *p)
{
    group *g = c->state;
    if (p->first == c->rank) g->shown[c->rank].part = group_new(g->run, p->size);
}

static comm *comm_of(group *g, int rank, comm *world)
{
    comm *made = MEM_ARRAY(comm, 1);
    if (!made) return NULL;
    *made =
        (comm){ .rank = rank, .size = g->size, .methods = &methods, .state = g, .world = world };
    return made;
}

static void group_leave(group *g)
{
    pthread_mutex_t *lock = &g->run->lock;
    pthread_mutex_lock(lock);
    if (--g->users == 0) group_free(g);
    pthread_mutex_unlock(lock);
}

static void free_part(comm *part)
{
    group_leave(part->state);
    mem_free(part);
}

static void fail(comm *world, cadre_status code, const char *sentence)
{
    run *r = ((group *)world->state)->run;
    pthread_mutex_lock(&r->lock);
    cadre_fail(code, NULL, "%s", sentence);
    fail_run(r, code);
    pthread_mutex_unlock(&r->lock);
}

static cadre_status split(comm *c, int colour, int key, comm **part)
{
    group *g = c->state;
    CADRE_TRY(begin(c, &(shown){ .call = "split", .colour = colour, .key = key }));
    place p = place_of(c);
    if (colour >= 0) make_part(c, &p);
    end(c);
    group *mine = colour < 0 ? NULL : g->shown[p.first].part;
    if (mine) mine->member[p.rank] = g->member[c->rank];
    end(c); /* what was shown has been read, and members are complete */
    if (colour < 0) return CADRE_OK;
    *part = mine ? comm_of(mine, p.rank, comm_world(c)) : NULL;
    if (*part) return CADRE_OK;
    if (mine) group_leave(mine);
    fail(comm_world(c), CADRE_ENOMEM, "out of memory for a communicator");
    return CADRE_ENOMEM;
}

static const comm_methods methods = { all_reduce_counts, all_gather, all_gather_v, all_to_all_v,
    broadcast, send_receive, barrier, split, free_part, fail };

/* ---- a run ---- */

typedef struct rank_thread {
    pthread_t thread;
    comm comm;
    void (*body)(comm *world, void *arg);
    void *arg;
} rank_thread;

static void *run_rank(void *arg)
{
    rank_thread *t = arg;
    t->body(&t->comm, t->arg);
    run *r = ((group *)t->comm.state)->run;
    pthread_mutex_lock(&r->lock);
    r->seat[t->comm.rank].ended = true;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* A thread that is not to be had fails the others: as a rank that has ended. */
static cadre_status run_all(rank_thread *threads, group *g)
{
    cadre_status status = CADRE_OK;
    int begun = 0;
    for (; begun < g->size && status == CADRE_OK; begun++)
        if (pthread_create(&threads[begun].thread, NULL, run_rank, &threads[begun])) {
            pthread_mutex_lock(&g->run->lock);
            cadre_fail(CADRE_ENOMEM, NULL, "rank %d: there is no thread for it", begun);
            status = fail_run(g->run, CADRE_ENOMEM);
            pthread_mutex_unlock(&g->run->lock);
            break;
        }
    for (int i = 0; i < begun; i++) pthread_join(threads[i].thread, NULL);
    return status;
}

static void run_open(run *r)
{
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, &clock);
    pthread_condattr_destroy(&clock);
}

cadre_status thread_comm_run(
    int size, double limit, void (*body)(comm *world, void *arg), void *arg)
{
    if (size < 1 || size > THREAD_COMM_MOST)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "ranks: expected 1 to %d, found %d", THREAD_COMM_MOST, size);
    run r = { .status = CADRE_OK };
    rank_thread *threads = MEM_ARRAY(rank_thread, size);
    group *g = threads ? group_new(&r, size) : NULL;
    if (!g) {
        mem_free(threads);
        return CADRE_ENOMEM;
    }
    run_open(&r);
    for (int i = 0; i < size; i++) {
        g->member[i] = i;
        threads[i].comm =
            (comm){ .rank = i, .size = size, .methods = &methods, .state = g, .limit = limit };
        threads[i].body = body;
        threads[i].arg = arg;
    }
    cadre_status status = run_all(threads, g);
    pthread_cond_destroy(&r.changed);
    pthread_mutex_destroy(&r.lock);
    group_free(g);
    mem_free(threads);
    return status;
}
