/* port.c - begins messages and waits for them. */
#include "dist/port.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"

enum { FIRST_LOOKS = 20, LOOKS = 64 }; /* before the first sleep; while the control is held */
static const double NAP = 20e-6;       /* between two looks */
enum { NAPS = 32 };                    /* between two looks at the control channel and the clock */

port port_open(const transport *t, control *c) { return (port){ .transport = t, .control = c }; }

void port_close(port *p)
{
    if (p->box && !p->control->cut_short) p->transport->box_free(p->transport->state, p->box);
    *p = (port){ 0 };
}

int port_pieces(size_t bytes) { return (int)((bytes + PORT_PIECE - 1) / PORT_PIECE); }

static cadre_status make_room(port *p, int messages)
{
    const transport *t = p->transport;
    if (messages <= p->room) return CADRE_OK;
    void *box = t->box_new(t->state, 2 * messages);
    if (!box) return cadre_fail(CADRE_ENOMEM, NULL, "out of memory");
    if (p->box) t->box_free(t->state, p->box);
    p->box = box;
    p->room = 2 * messages;
    return CADRE_OK;
}

cadre_status port_begin(port *p, int messages)
{
    CADRE_TRY(make_room(p, messages));
    p->used = p->error = 0;
    ticker_hold(p->control->ticker);
    return CADRE_OK;
}

static void keep_error(port *p, int error)
{
    if (error && !p->error) p->error = error;
}

void port_send(port *p, int to, int tag, const void *data, size_t bytes)
{
    const transport *t = p->transport;
    const transport_address at = { CHANNEL_DATA, to, tag };
    const char *from = data;
    for (size_t done = 0; done < bytes; done += PORT_PIECE) {
        size_t piece = bytes - done < PORT_PIECE ? bytes - done : PORT_PIECE;
        keep_error(p, t->send(t->state, &at, from + done, (int)piece, p->box, p->used++));
    }
}

void port_receive(port *p, int from, int tag, void *data, size_t bytes)
{
    const transport *t = p->transport;
    const transport_address at = { CHANNEL_DATA, from, tag };
    char *to = data;
    for (size_t done = 0; done < bytes; done += PORT_PIECE) {
        size_t piece = bytes - done < PORT_PIECE ? bytes - done : PORT_PIECE;
        keep_error(p, t->receive(t->state, &at, to + done, (int)piece, p->box, p->used++));
    }
}

/* ---- waiting ---- */

static cadre_status tell_error(port *p)
{
    char words[256];
    const transport *t = p->transport;
    t->describe(t->state, p->error, words, sizeof words);
    p->control->cut_short = true;
    return cadre_fail(CADRE_EIO, NULL, "%s: %s", t->name, words);
}

/* Looks so many times, with the control held. */
static bool look(port *p, int times)
{
    const transport *t = p->transport;
    int done = 0;
    for (int i = 0; i < times && !done && !p->error; i++)
        keep_error(p, t->box_test(t->state, p->box, 0, p->used, &done));
    return done;
}

typedef struct vigil {
    double begin, asked; /* asked: when all were asked whether they live; 0: not yet */
} vigil;

static void give_up(port *p, int silent)
{
    char text[CONTROL_TEXT];
    control_word_silent(p->control, silent, p->limit, text);
    control_fail(p->control, text, silent);
}

/* All live, and have answered: work goes on, unless there is nobody who works. */
static void check_waiting(port *p, const vigil *v)
{
    char text[CONTROL_TEXT];
    control *c = p->control;
    int ended = control_find_ended(c);
    if (ended >= 0)
        snprintf(text, sizeof text, "rank %d has ended while rank %d waits for it", ended,
            p->transport->rank);
    else if (clock_seconds() - v->begin > 2 * p->limit && control_all_wait(c, p->limit))
        snprintf(text, sizeof text, "all ranks wait for each other");
    else return;
    control_fail(c, text, -1);
}

/* Towards the end of the limit all ranks are asked; when it has passed, those that did not answer
 * are silent. */
static void keep_vigil(port *p, vigil *v)
{
    double now = clock_seconds(), answer_in = fmin(2, p->limit / 3);
    control *c = p->control;
    if (p->limit <= 0) return;
    if (v->asked <= 0 && now - v->begin >= p->limit - answer_in) {
        control_ask_all(c);
        v->asked = now;
    } else if (v->asked > 0 && now - v->asked >= answer_in) {
        int silent = control_find_silent(c, v->asked);
        if (silent >= 0) give_up(p, silent);
        else check_waiting(p, v);
        control_ask_all(c);
        v->asked = now;
    }
}

static cadre_status told(port *p)
{
    p->control->cut_short = true;
    return cadre_fail(CADRE_EIO, NULL, "%s", p->control->sentence);
}

/* One look after each nap; returns whether it is over, one way or the other. */
static bool nap_and_look(port *p, vigil *v, int naps)
{
    control *c = p->control;
    clock_sleep(NAP);
    ticker_hold(c->ticker);
    bool over = look(p, 1) || p->error;
    if (!over && naps % NAPS == 0) {
        control_read(c);
        keep_vigil(p, v);
    }
    over = over || atomic_load(&c->faulty);
    ticker_release(c->ticker);
    return over;
}

static bool look_patiently(port *p, double begin)
{
    control *c = p->control;
    bool done = false;
    while (!done && !p->error && clock_seconds() - begin < p->looking && !atomic_load(&c->faulty)) {
        ticker_hold(c->ticker);
        done = look(p, LOOKS);
        ticker_release(c->ticker);
    }
    return done;
}

static void set_waiting(port *p, double since)
{
    ticker_hold(p->control->ticker);
    p->control->waiting = since;
    ticker_release(p->control->ticker);
}

/* Until the messages are there, or nothing more will come. */
static void wait_long(port *p)
{
    vigil v = { .begin = clock_seconds() };
    if (!look_patiently(p, v.begin)) {
        set_waiting(p, v.begin);
        for (int naps = 1; !nap_and_look(p, &v, naps);) naps++;
        set_waiting(p, 0);
    }
    bool soon = clock_seconds() - v.begin < p->patience;
    p->looking = soon ? fmin(p->patience, 2 * p->looking + NAP) : p->looking / 2;
}

cadre_status port_wait(port *p)
{
    bool done = !p->used || look(p, FIRST_LOOKS);
    ticker_release(p->control->ticker);
    if (!done && !p->error) wait_long(p);
    if (p->error) return tell_error(p);
    return done || !atomic_load(&p->control->faulty) ? CADRE_OK : told(p);
}

cadre_status port_exchange(port *p, int tag, const comm_message *m)
{
    size_t in = m->from < 0 ? 0 : m->receive_bytes, out = m->to < 0 ? 0 : m->send_bytes;
    CADRE_TRY(port_begin(p, port_pieces(in) + port_pieces(out)));
    if (in) port_receive(p, m->from, tag, m->receive, in);
    if (out) port_send(p, m->to, tag, m->send, out);
    return port_wait(p);
}
