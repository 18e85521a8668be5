/* bench_alltoall.c - measures the exchange of rows among all ranks and, in turns with it,
 * MPI_Alltoallv with the same counts. MPI_Alltoallv does not return if another rank has died; only
 * a benchmark may take that risk. */
#include <math.h>

#include "cadre/measure.h"
#include "base/clock.h"
#include "base/memory.h"
#include "bench/result.h"
#include "dist/all_to_all.h"
#include "kernel/context.h"

enum {
    TURNS = 9,
    LEAST_BYTES = 64,
    MOST_BYTES = 1 << 24,
    STEP = 4,
    TRIAL_TIMES = 4,
    MOST_TIMES = 2000
};
static const double TURN_SECONDS = 0.01, /* seconds that one turn takes, approximately */
    SIZE_SECONDS = 2;                    /* seconds for all turns of one size */

typedef struct measured {
    comm *c;
    int64_t pair;          /* bytes */
    int64_t *first;        /* [size + 1] row offsets for cadre's exchange */
    int *counts, *offsets; /* [size] counts and displacements for MPI_Alltoallv */
    char *send, *receive;  /* [first[size]] */
    double own, raw;       /* the best time of one exchange, in seconds */
    bool has_raw;          /* MPI_Alltoallv is measured too */
} measured;

static double time_own(measured *m, int64_t times)
{
    const comm_rows rows = { m->send, m->first, m->receive, m->first, 1, 0, false };
    comm_barrier(m->c);
    double begin = clock_seconds();
    for (int64_t i = 0; i < times; i++) comm_all_to_all_v(m->c, &rows);
    return (clock_seconds() - begin) / (double)times;
}

static double time_raw(measured *m, int64_t times)
{
    world *w = group_of(m->c)->world;
    const transport *t = &w->transport;
    const transport_exchange e = { m->send, m->counts, m->offsets, m->receive, m->counts,
        m->offsets };
    comm_barrier(m->c);
    ticker_hold(w->control.ticker);
    double begin = clock_seconds();
    for (int64_t i = 0; i < times; i++) t->exchange(t->state, &e);
    double took = (clock_seconds() - begin) / (double)times;
    ticker_release(w->control.ticker);
    return took;
}

/* Returns rank 0's value on all ranks, so that they take the same decision. */
static double value_of_rank_0(comm *c, double value)
{
    comm_broadcast(c, &value, sizeof value, 0);
    return value;
}

static void take_turns(measured *m)
{
    double begin = clock_seconds(), trial = value_of_rank_0(m->c, time_own(m, TRIAL_TIMES));
    int64_t times = (int64_t)fmax(1, fmin(MOST_TIMES, TURN_SECONDS / trial));
    m->own = m->raw = INFINITY;
    for (int i = 0; i < TURNS; i++) {
        m->own = fmin(m->own, time_own(m, times));
        if (m->has_raw) m->raw = fmin(m->raw, time_raw(m, times));
        if (value_of_rank_0(m->c, clock_seconds() - begin) > SIZE_SECONDS) break;
    }
}

static void measure_size(measured *m, int64_t bytes)
{
    int64_t others = m->c->size - 1;
    m->pair = bytes / others > 0 ? bytes / others : 1;
    for (int r = 0; r < m->c->size; r++) {
        int64_t count = r == m->c->rank ? 0 : m->pair;
        m->counts[r] = (int)count;
        m->offsets[r] = (int)m->first[r];
        m->first[r + 1] = m->first[r] + count;
    }
    take_turns(m);
}

static cadre_status put_line(const measured *m, cadre_line_listener line, void *arg)
{
    fabric f = group_fabric(m->c);
    json_writer w = result_new();
    json_put_string(&w, "what", "alltoall");
    json_put_int(&w, "ranks", m->c->size);
    json_put_int(&w, "bytes", m->pair * (m->c->size - 1));
    json_put_real(&w, "seconds", m->own);
    if (m->has_raw) json_put_real(&w, "ratio_raw", m->own / m->raw);
    else json_put_null(&w, "ratio_raw");
    json_put_string(&w, "method", all_to_all_cheapest(&f, (double)m->pair, false)->name);
    return result_put(&w, line, arg);
}

static cadre_status measure_all(measured *m, cadre_line_listener line, void *arg)
{
    if (!m->first || !m->counts || !m->offsets || !m->send || !m->receive) return CADRE_ENOMEM;
    for (int64_t bytes = LEAST_BYTES; bytes <= MOST_BYTES; bytes *= STEP) {
        measure_size(m, bytes);
        CADRE_TRY(comm_status(m->c));
        CADRE_TRY(put_line(m, line, arg));
    }
    return CADRE_OK;
}

cadre_status cadre_bench_alltoall(
    cadre_context *context, bool raw, cadre_line_listener line, void *arg)
{
    comm *c = context->world;
    if (c->size < 2)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "bench alltoall: expected several processes, as 'mpirun -n 2 cadre bench alltoall' "
            "starts them, found one");
    measured m = { .c = c,
        .has_raw = raw && group_of(c)->world->transport.exchange != NULL,
        .first = MEM_ARRAY(int64_t, c->size + 1),
        .counts = MEM_ARRAY(int, c->size),
        .offsets = MEM_ARRAY(int, c->size),
        .send = MEM_ARRAY(char, MOST_BYTES + c->size),
        .receive = MEM_ARRAY(char, MOST_BYTES + c->size) };
    cadre_status status = context_enter(context);
    if (status == CADRE_OK) status = context_leave(context, measure_all(&m, line, arg));
    mem_free(m.first);
    mem_free(m.counts);
    mem_free(m.offsets);
    mem_free(m.send);
    mem_free(m.receive);
    return status;
}
