/* endpoint.c - begins messages and waits for them: first spinning, then sleeping between tests,
 * while the control channel reports ranks that have failed or are silent. */
#include "dist/endpoint.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"

/* tests before the first release of the lock; tests for each time that it is held */
enum { FIRST_TESTS = 20, TESTS = 64 };
static const double SLEEP = 20e-6; /* seconds between two tests */
enum { SLEEPS = 32 }; /* sleeps between two checks of the control channel and the clock */

endpoint endpoint_open(const transport *t, control *c)
{
    return (endpoint){ .transport = t, .control = c };
}

void endpoint_close(endpoint *p)
{
    if (p->requests && !p->control->abandoned)
        p->transport->requests_free(p->transport->state, p->requests);
    mem_free(p->receives);
    *p = (endpoint){ 0 };
}

int endpoint_pieces(size_t bytes) { return (int)((bytes + ENDPOINT_PIECE - 1) / ENDPOINT_PIECE); }

static cadre_status make_room(endpoint *p, int messages)
{
    const transport *t = p->transport;
    if (messages <= p->room) return CADRE_OK;
    bool *receives = MEM_ARRAY(bool, 2 * messages);
    void *requests = receives ? t->requests_new(t->state, 2 * messages) : NULL;
    if (!requests) {
        mem_free(receives);
        return cadre_fail(CADRE_ENOMEM, NULL, "out of memory");
    }
    if (p->requests) t->requests_free(t->state, p->requests);
    mem_free(p->receives);
    p->requests = requests;
    p->receives = receives;
    p->room = 2 * messages;
    return CADRE_OK;
}

cadre_status endpoint_begin(endpoint *p, int messages)
{
    CADRE_TRY(make_room(p, messages));
    p->used = p->error = 0;
    ticker_hold(p->control->ticker);
    return CADRE_OK;
}

static void keep_error(endpoint *p, int error)
{
    if (error && !p->error) p->error = error;
}

void endpoint_send(endpoint *p, int to, int tag, const void *data, size_t bytes)
{
    const transport *t = p->transport;
    const transport_address at = { CHANNEL_DATA, to, tag };
    const char *from = data;
    for (size_t done = 0; done < bytes; done += ENDPOINT_PIECE) {
        size_t piece = bytes - done < ENDPOINT_PIECE ? bytes - done : ENDPOINT_PIECE;
        p->receives[p->used] = false;
        keep_error(p, t->send(t->state, &at, from + done, (int)piece, p->requests, p->used++));
    }
}

void endpoint_receive(endpoint *p, int from, int tag, void *data, size_t bytes)
{
    const transport *t = p->transport;
    const transport_address at = { CHANNEL_DATA, from, tag };
    char *to = data;
    for (size_t done = 0; done < bytes; done += ENDPOINT_PIECE) {
        size_t piece = bytes - done < ENDPOINT_PIECE ? bytes - done : ENDPOINT_PIECE;
        p->receives[p->used] = true;
        keep_error(p, t->receive(t->state, &at, to + done, (int)piece, p->requests, p->used++));
    }
}

/* ---- waiting ---- */

/* Nobody will wait for the messages in flight, but MPI goes on with them in every later call. Those
 * to be received are cancelled as far as they have not begun to arrive: their bytes may lie on the
 * stack. Long ones that have, and those to be sent, lie in allocated memory, which is kept. */
static void abandon(endpoint *p)
{
    const transport *t = p->transport;
    p->control->abandoned = true;
    if (!t->lasting) return;
    mem_keep(true);
    ticker_hold(p->control->ticker);
    for (int i = 0; i < p->used; i++)
        if (p->receives[i]) t->cancel(t->state, p->requests, i);
    ticker_release(p->control->ticker);
}

static cadre_status fail_with_error(endpoint *p)
{
    char sentence[256];
    const transport *t = p->transport;
    t->describe(t->state, p->error, sentence, sizeof sentence);
    abandon(p);
    return cadre_fail(CADRE_EIO, NULL, "%s: %s", t->name, sentence);
}

/* Tests the messages up to `times` times, with the control channel's lock held. */
static bool test_messages(endpoint *p, int times)
{
    const transport *t = p->transport;
    int done = 0;
    for (int i = 0; i < times && !done && !p->error; i++)
        keep_error(p, t->requests_test(t->state, p->requests, 0, p->used, &done));
    return done;
}

typedef struct silence_check {
    /* asked: when all ranks were last asked whether they are alive; 0: not yet */
    double begin, asked;
} silence_check;

static void report_silent(endpoint *p, int silent)
{
    char text[CONTROL_TEXT];
    control_describe_silent(p->control, silent, p->limit, text);
    control_fail(p->control, text, silent);
}

/* All ranks are alive, so waiting goes on, unless a rank has ended or all ranks wait. */
static void check_waiting(endpoint *p, const silence_check *s)
{
    char text[CONTROL_TEXT];
    control *c = p->control;
    int ended = control_find_ended(c);
    if (ended >= 0)
        snprintf(text, sizeof text, "rank %d has ended while rank %d waits for it", ended,
            p->transport->rank);
    else if (clock_seconds() - s->begin > 2 * p->limit && control_all_wait(c, p->limit))
        snprintf(text, sizeof text, "all ranks wait for each other");
    else return;
    control_fail(c, text, -1);
}

/* Shortly before the limit all ranks are asked; after it, those that did not answer are silent. */
static void check_silence(endpoint *p, silence_check *s)
{
    double now = clock_seconds(), answer_in = fmin(2, p->limit / 3);
    control *c = p->control;
    if (p->limit <= 0) return;
    if (s->asked <= 0 && now - s->begin >= p->limit - answer_in) {
        control_ping_all(c);
        s->asked = now;
    } else if (s->asked > 0 && now - s->asked >= answer_in) {
        int silent = control_find_silent(c, s->asked);
        if (silent >= 0) report_silent(p, silent);
        else check_waiting(p, s);
        control_ping_all(c);
        s->asked = now;
    }
}

static cadre_status fail_with_fault(endpoint *p)
{
    abandon(p);
    return cadre_fail(CADRE_EIO, NULL, "%s", p->control->sentence);
}

/* Sleeps, then tests once. Returns whether waiting is over: done, or failed. */
static bool sleep_and_test(endpoint *p, silence_check *s, int sleeps)
{
    control *c = p->control;
    clock_sleep(SLEEP);
    ticker_hold(c->ticker);
    bool over = test_messages(p, 1) || p->error;
    if (!over && sleeps % SLEEPS == 0) {
        control_read(c);
        check_silence(p, s);
    }
    over = over || atomic_load(&c->faulty);
    ticker_release(c->ticker);
    return over;
}

static bool spin(endpoint *p, double begin)
{
    control *c = p->control;
    bool done = false;
    while (!done && !p->error && clock_seconds() - begin < p->spin && !atomic_load(&c->faulty)) {
        ticker_hold(c->ticker);
        done = test_messages(p, TESTS);
        ticker_release(c->ticker);
    }
    return done;
}

static void set_waiting(endpoint *p, double since)
{
    ticker_hold(p->control->ticker);
    p->control->waiting = since;
    ticker_release(p->control->ticker);
}

/* Waits until the messages are done, or nothing more can come. */
static void wait_long(endpoint *p)
{
    silence_check s = { .begin = clock_seconds() };
    if (!spin(p, s.begin)) {
        set_waiting(p, s.begin);
        for (int sleeps = 1; !sleep_and_test(p, &s, sleeps);) sleeps++;
        set_waiting(p, 0);
    }
    bool soon = clock_seconds() - s.begin < p->max_spin;
    p->spin = soon ? fmin(p->max_spin, 2 * p->spin + SLEEP) : p->spin / 2;
}

cadre_status endpoint_wait(endpoint *p)
{
    bool done = !p->used || test_messages(p, FIRST_TESTS);
    ticker_release(p->control->ticker);
    if (!done && !p->error) wait_long(p);
    if (p->error) return fail_with_error(p);
    return done || !atomic_load(&p->control->faulty) ? CADRE_OK : fail_with_fault(p);
}

cadre_status endpoint_exchange(endpoint *p, int tag, const comm_message *m)
{
    size_t in = m->from < 0 ? 0 : m->receive_bytes, out = m->to < 0 ? 0 : m->send_bytes;
    CADRE_TRY(endpoint_begin(p, endpoint_pieces(in) + endpoint_pieces(out)));
    if (in) endpoint_receive(p, m->from, tag, m->receive, in);
    if (out) endpoint_send(p, m->to, tag, m->send, out);
    return endpoint_wait(p);
}
