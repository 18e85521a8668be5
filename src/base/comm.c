/* comm.c - errors that stick, in front of any table of methods, and the table for one rank. */
#include "base/comm.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

/* ---- errors ---- */

static void keep(comm *c, cadre_status status)
{
    comm *w = comm_world(c);
    if (w->status != CADRE_OK) return;
    w->status = status;
    snprintf(w->sentence, sizeof w->sentence, "%s", cadre_last_error());
}

cadre_status comm_status(const comm *c)
{
    const comm *w = c->world ? c->world : c;
    return w->status == CADRE_OK ? CADRE_OK : cadre_fail(w->status, NULL, "%s", w->sentence);
}

void comm_fail(comm *c, cadre_status code)
{
    comm *w = comm_world(c);
    if (code == CADRE_OK || w->status != CADRE_OK) return;
    if (w->size > 1) {
        char own[COMM_SENTENCE];
        snprintf(own, sizeof own, "%s", cadre_last_error());
        cadre_fail(code, NULL, "rank %d: %s", w->rank, own);
    }
    keep(w, code);
    w->methods->fail(w, code, w->sentence);
}

static bool works(comm *c) { return comm_world(c)->status == CADRE_OK; }

/* Whether the call succeeded. If not, the caller fills what it should have received with zeros. */
static bool done(comm *c, cadre_status status)
{
    if (status != CADRE_OK) keep(c, status);
    return status == CADRE_OK;
}

static void clear(void *data, int64_t count, size_t size)
{
    if (data && count > 0) memset(data, 0, (size_t)count * size);
}

/* ---- the tally ---- */

comm_tally comm_tally_of(const comm *c) { return c->world ? c->world->tally : c->tally; }

comm_tally comm_tally_since(const comm *c, const comm_tally *before)
{
    comm_tally now = comm_tally_of(c);
    return (comm_tally){ now.rows_sent - before->rows_sent,
        now.rows_received - before->rows_received, now.bytes_sent - before->bytes_sent,
        now.bytes_received - before->bytes_received, now.seconds - before->seconds };
}

static double begin(const comm *c) { return c->size > 1 ? clock_seconds() : 0; }

/* Adds a call that began then to the tally. */
static void tally(comm *c, double begun, int64_t sent, int64_t received)
{
    comm_tally *t = &comm_world(c)->tally;
    if (c->size == 1) return;
    t->bytes_sent += sent;
    t->bytes_received += received;
    t->seconds += clock_seconds() - begun;
}

/* Rows of `first` that are not this rank's own */
static int64_t others(const comm *c, const int64_t *first)
{
    return first[c->size] - first[0] - (first[c->rank + 1] - first[c->rank]);
}

static void tally_rows(comm *c, double begun, const comm_rows *rows)
{
    comm_tally *t = &comm_world(c)->tally;
    int64_t sent = others(c, rows->send_first), received = others(c, rows->receive_first);
    if (rows->tokens) t->rows_sent += sent, t->rows_received += received;
    tally(c, begun, sent * (int64_t)rows->row, received * (int64_t)rows->row);
}

void comm_tally_tokens(comm *c, const int64_t *first)
{
    comm_tally *t = &comm_world(c)->tally;
    t->rows_sent += (first[c->rank + 1] - first[c->rank]) * (c->size - 1);
    t->rows_received += others(c, first);
}

/* ---- the calls ---- */

/* Each call does its work, and counts it. What it should have received after an error is zeros. */

void comm_all_reduce_counts(comm *c, int64_t *values, int64_t count)
{
    double begun = begin(c);
    int64_t bytes = count * (int64_t)sizeof *values;
    if (works(c)) done(c, c->methods->all_reduce_counts(c, values, count));
    tally(c, begun, bytes, bytes);
}

void comm_all_gather(comm *c, const void *own, size_t bytes, void *all)
{
    double begun = begin(c);
    int64_t moved = (int64_t)bytes * (c->size - 1);
    bool came = works(c) && done(c, c->methods->all_gather(c, own, bytes, all));
    if (!came) clear(all, c->size, bytes);
    tally(c, begun, moved, moved);
}

void comm_all_gather_v(comm *c, const void *own, const int64_t *first, size_t row, void *all)
{
    double begun = begin(c);
    int64_t rows = first[c->rank + 1] - first[c->rank], bytes = (int64_t)row;
    bool came = works(c) && done(c, c->methods->all_gather_v(c, own, first, row, all));
    if (!came) clear(all, first[c->size], row);
    tally(c, begun, rows * bytes * (c->size - 1), others(c, first) * bytes);
}

void comm_all_to_all_v(comm *c, const comm_rows *rows)
{
    double begun = begin(c);
    bool came = works(c) && done(c, c->methods->all_to_all_v(c, rows));
    if (!came) clear(rows->receive, rows->receive_first[c->size], rows->row);
    tally_rows(c, begun, rows);
}

void comm_broadcast(comm *c, void *data, size_t bytes, int root)
{
    double begun = begin(c);
    bool sends = c->rank == root,
         came = works(c) && done(c, c->methods->broadcast(c, data, bytes, root));
    if (!came && !sends) clear(data, 1, bytes);
    tally(c, begun, sends ? (int64_t)bytes : 0, sends ? 0 : (int64_t)bytes);
}

void comm_send_receive(comm *c, const comm_message *m)
{
    double begun = begin(c);
    assert(m->to != c->rank && m->from != c->rank && "a rank has its own data already");
    bool came = works(c) && done(c, c->methods->send_receive(c, m));
    if (!came && m->from >= 0) clear(m->receive, 1, m->receive_bytes);
    tally(c, begun, m->to < 0 ? 0 : (int64_t)m->send_bytes,
        m->from < 0 ? 0 : (int64_t)m->receive_bytes);
}

void comm_send(comm *c, int to, const void *data, size_t bytes)
{
    comm_message m = { .to = to, .from = -1, .send = data, .send_bytes = bytes };
    comm_send_receive(c, &m);
}

void comm_receive(comm *c, int from, void *data, size_t bytes)
{
    comm_message m = { .to = -1, .from = from, .receive = data, .receive_bytes = bytes };
    comm_send_receive(c, &m);
}

void comm_barrier(comm *c)
{
    double begun = begin(c);
    if (works(c)) done(c, c->methods->barrier(c));
    tally(c, begun, 0, 0);
}

cadre_status comm_split(comm *c, int colour, int key, comm **part)
{
    *part = NULL;
    if (works(c)) done(c, c->methods->split(c, colour, key, part));
    return comm_status(c);
}

void comm_free(comm *part)
{
    if (part) part->methods->free(part);
}

/* ---- one rank ---- */

static cadre_status keep_counts(comm *c, int64_t *values, int64_t count)
{
    (void)c, (void)values, (void)count;
    return CADRE_OK;
}

static void copy(void *to, const void *from, size_t bytes)
{
    if (to != from && bytes) memcpy(to, from, bytes);
}

static cadre_status copy_own(comm *c, const void *own, size_t bytes, void *all)
{
    (void)c;
    copy(all, own, bytes);
    return CADRE_OK;
}

static cadre_status copy_rows(comm *c, const void *own, const int64_t *first, size_t row, void *all)
{
    (void)c;
    copy((char *)all + (size_t)first[0] * row, own, (size_t)(first[1] - first[0]) * row);
    return CADRE_OK;
}

static cadre_status copy_sent(comm *c, const comm_rows *r)
{
    int64_t count = r->send_first[1] - r->send_first[0];
    (void)c;
    assert(count == r->receive_first[1] - r->receive_first[0]);
    copy((char *)r->receive + (size_t)r->receive_first[0] * r->row,
        (const char *)r->send + (size_t)r->send_first[0] * r->row, (size_t)count * r->row);
    return CADRE_OK;
}

static cadre_status keep_bytes(comm *c, void *data, size_t bytes, int root)
{
    (void)c, (void)data, (void)bytes, (void)root;
    return CADRE_OK;
}

static cadre_status no_message(comm *c, const comm_message *m)
{
    (void)c, (void)m;
    assert(m->to < 0 && m->from < 0 && "there is no other rank");
    return CADRE_OK;
}

static cadre_status pass(comm *c)
{
    (void)c;
    return CADRE_OK;
}

static cadre_status split_self(comm *c, int colour, int key, comm **part)
{
    (void)key;
    if (colour < 0) return CADRE_OK;
    comm *made = MEM_ARRAY(comm, 1);
    if (!made) return CADRE_ENOMEM;
    *made = comm_self();
    made->world = comm_world(c);
    *part = made;
    return CADRE_OK;
}

static void free_part(comm *part) { mem_free(part); }

static void tell_nobody(comm *world, cadre_status code, const char *sentence)
{
    (void)world, (void)code, (void)sentence;
}

comm comm_self(void)
{
    static const comm_methods self = { keep_counts, copy_own, copy_rows, copy_sent, keep_bytes,
        no_message, pass, split_self, free_part, tell_nobody };
    return (comm){ .rank = 0, .size = 1, .methods = &self };
}
