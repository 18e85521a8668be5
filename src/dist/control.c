/* control.c - the control channel: messages of one size, sent without waiting for anybody. */
#include "dist/control.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

static const double TICK = 0.05, /* seconds between two checks of the channel */
    GRACE = 4;                   /* seconds that live ranks have to end after one has failed */

static transport_address address(int rank)
{
    return (transport_address){ CHANNEL_CONTROL, rank, 0 };
}

static void receive_next(control *c)
{
    const transport *t = c->transport;
    const transport_address any = address(TRANSPORT_ANY);
    t->receive(t->state, &any, &c->incoming, (int)sizeof c->incoming, c->requests, 0);
}

/* Sends a message without waiting. If no slot is free, the message is dropped: slots run out only
 * when the receiving rank reads nothing. */
static void post(control *c, int to, const control_message *m)
{
    const transport *t = c->transport;
    int slot = 1 + c->next, done = 0;
    if (t->requests_test(t->state, c->requests, slot, 1, &done) || !done) return;
    c->outgoing[c->next] = *m;
    const transport_address at = address(to);
    t->send(t->state, &at, &c->outgoing[c->next], (int)sizeof *m, c->requests, slot);
    c->next = (c->next + 1) % CONTROL_SENDS;
}

static control_message message(const control *c, control_kind kind, const char *text)
{
    control_message m = {
        .kind = (int32_t)kind, .from = c->transport->rank, .silent = -1, .abandoned = c->abandoned
    };
    snprintf(m.text, sizeof m.text, "%s", text);
    return m;
}

static void post_all(control *c, const control_message *m)
{
    for (int r = 0; r < c->transport->size; r++)
        if (r != c->transport->rank && !c->peers[r].silent) post(c, r, m);
}

void control_send_all(control *c, control_kind kind, int code, const char *text)
{
    control_message m = message(c, kind, text);
    m.code = code;
    post_all(c, &m);
}

/* ---- messages that arrive ---- */

static void keep_fault(control *c, const char *sentence)
{
    if (atomic_load(&c->faulty)) return;
    snprintf(c->sentence, sizeof c->sentence, "%s", sentence);
    atomic_store(&c->faulty, true);
}

static void keep_sentence(peer *p, const control_message *m)
{
    p->code = m->code;
    if (!p->sentence && *m->text) p->sentence = mem_strdup(m->text);
}

static void handle_end(control *c, peer *p, const control_message *m)
{
    p->ended = true;
    p->abandoned = m->abandoned;
    keep_sentence(p, m);
    if (!m->code) return;
    char sentence[CONTROL_TEXT];
    snprintf(sentence, sizeof sentence, "rank %d: %.*s", m->from, CONTROL_TEXT - 32,
        *m->text ? m->text : "it has ended");
    keep_fault(c, sentence);
}

static void send_pong(control *c, int to)
{
    control_message m = message(c, CONTROL_PONG, "");
    m.waiting = c->waiting > 0 ? clock_seconds() - c->waiting : 0;
    post(c, to, &m);
}

static void handle(control *c, const control_message *m)
{
    peer *p = &c->peers[m->from];
    p->last_heard = clock_seconds();
    switch ((control_kind)m->kind) {
    case CONTROL_PING: send_pong(c, m->from); break;
    case CONTROL_PONG: p->waiting = m->waiting; break;
    case CONTROL_FAULT:
        if (m->silent >= 0) c->peers[m->silent].silent = true;
        keep_fault(c, m->text);
        break;
    case CONTROL_END: handle_end(c, p, m); break;
    case CONTROL_RELEASE: c->released = true; break;
    }
}

void control_read(control *c)
{
    const transport *t = c->transport;
    int done = 1;
    while (!t->requests_test(t->state, c->requests, 0, 1, &done) && done) {
        control_message m = c->incoming;
        receive_next(c);
        m.text[CONTROL_TEXT - 1] = 0;
        if (m.from >= 0 && m.from < t->size && m.silent < t->size) handle(c, &m);
    }
}

/* ---- silent ranks ---- */

void control_ping_all(control *c) { control_send_all(c, CONTROL_PING, 0, ""); }

int control_find_silent(control *c, double since)
{
    int first = -1;
    for (int r = 0; r < c->transport->size; r++) {
        peer *p = &c->peers[r];
        if (r == c->transport->rank || p->ended || p->last_heard >= since) continue;
        p->silent = true;
        if (first < 0) first = r;
    }
    return first;
}

void control_describe_silent(const control *c, int rank, double limit, char text[CONTROL_TEXT])
{
    const peer *p = &c->peers[rank];
    bool here = !strcmp(p->host, c->peers[c->transport->rank].host);
    const char *trouble = here && p->process ? machine_process_trouble(p->process) : NULL;
    if (!trouble)
        trouble = here ? "its process does not run"
                       : "its process or machine is stopped, or the network to it is gone";
    snprintf(text, CONTROL_TEXT, "rank %d on host %s is silent: %s; it has not answered for %g s",
        rank, p->host, trouble, limit);
}

int control_find_ended(const control *c)
{
    for (int r = 0; r < c->transport->size; r++)
        if (c->peers[r].ended) return r;
    return -1;
}

bool control_all_wait(const control *c, double seconds)
{
    for (int r = 0; r < c->transport->size; r++)
        if (r != c->transport->rank && c->peers[r].waiting < seconds) return false;
    return true;
}

void control_fail(control *c, const char *sentence, int silent)
{
    control_message m = message(c, CONTROL_FAULT, sentence);
    m.silent = silent;
    m.code = 1;
    keep_fault(c, sentence);
    post_all(c, &m);
}

bool control_has_silent(const control *c)
{
    for (int r = 0; r < c->transport->size; r++)
        if (c->peers[r].silent) return true;
    return false;
}

bool control_is_quiet(const control *c)
{
    for (int r = 0; r < c->transport->size; r++) {
        const peer *p = &c->peers[r];
        if (r != c->transport->rank && (!p->ended || p->abandoned || p->silent)) return false;
    }
    return !c->abandoned;
}

/* ---- the end ---- */

static int lowest_alive(const control *c)
{
    int r = 0;
    while (r < c->transport->rank && c->peers[r].silent) r++;
    return r;
}

static bool all_ended(const control *c)
{
    for (int r = 0; r < c->transport->size; r++)
        if (r != c->transport->rank && !c->peers[r].ended && !c->peers[r].silent) return false;
    return true;
}

static void report_silent(control *c, double since, double limit)
{
    char text[CONTROL_TEXT];
    int silent = control_find_silent(c, since);
    if (silent < 0) return;
    control_describe_silent(c, silent, limit, text);
    control_fail(c, text, silent);
}

/* Handles messages until all ranks have ended or, on a rank that is not the lowest, until the
 * lowest says so. If a rank has failed, the others get a few seconds to end; otherwise they are
 * asked from time to time whether they are alive. */
static void await_ends(control *c, bool lowest, double limit)
{
    double begin = clock_seconds(), asked = begin;
    for (bool over = false; !over;) {
        ticker_hold(c->ticker);
        control_read(c);
        over = lowest ? all_ended(c) : c->released;
        double now = clock_seconds();
        if (!over && atomic_load(&c->faulty) && now - begin > GRACE + (lowest ? 0 : GRACE))
            over = true;
        else if (!over && limit > 0 && now - asked > limit / 2) {
            if (asked > begin) report_silent(c, asked, limit);
            control_ping_all(c);
            asked = now;
        }
        ticker_release(c->ticker);
        if (!over) clock_sleep(0.001);
    }
}

/* Chooses the error message to print: that of the lowest rank that has one. If other ranks sent
 * another message, or none, it begins with the rank's number. */
static void choose_sentence(const control *c, const char *own, char text[CONTROL_TEXT])
{
    const char *first = NULL;
    int rank = -1;
    bool same = true;
    for (int r = 0; r < c->transport->size; r++) {
        const char *sentence = r == c->transport->rank ? own : c->peers[r].sentence;
        if (!sentence || !*sentence) {
            same &= c->peers[r].silent;
            continue;
        }
        if (!first) first = sentence, rank = r;
        same &= !strcmp(first, sentence);
    }
    bool names_rank = first && !strncmp(first, "rank ", 5);
    if (!first) text[0] = 0;
    else if (same || names_rank) snprintf(text, CONTROL_TEXT, "%s", first);
    else snprintf(text, CONTROL_TEXT, "rank %d: %.*s", rank, CONTROL_TEXT - 32, first);
}

static int code_of_all(const control *c, int own)
{
    int code = own;
    for (int r = 0; r < c->transport->size && !code; r++) code = c->peers[r].code;
    return !code && atomic_load(&c->faulty) ? 1 : code;
}

int control_end(control *c, int code, const char *sentence, double limit, char text[CONTROL_TEXT])
{
    text[0] = 0;
    ticker_hold(c->ticker);
    c->waiting = clock_seconds();
    if (code) keep_fault(c, sentence);
    control_send_all(c, CONTROL_END, code, sentence);
    bool lowest = lowest_alive(c) == c->transport->rank;
    ticker_release(c->ticker);
    await_ends(c, lowest, limit);
    ticker_hold(c->ticker);
    int all = code_of_all(c, code);
    if (lowest || !c->released) {
        if (all) choose_sentence(c, sentence, text);
        if (all && !*text) snprintf(text, CONTROL_TEXT, "%s", c->sentence);
    }
    if (lowest) control_send_all(c, CONTROL_RELEASE, 0, "");
    ticker_release(c->ticker);
    return all;
}

/* ---- opening ---- */

static void tick(void *arg) { control_read(arg); }

cadre_status control_open(const transport *t, control *c)
{
    *c = (control){ .transport = t };
    atomic_init(&c->faulty, false);
    c->outgoing = MEM_ARRAY(control_message, CONTROL_SENDS);
    c->peers = MEM_ARRAY(peer, t->size);
    c->requests = c->outgoing && c->peers ? t->requests_new(t->state, 1 + CONTROL_SENDS) : NULL;
    if (!c->requests) {
        mem_free(c->outgoing);
        mem_free(c->peers);
        return cadre_fail(CADRE_ENOMEM, NULL, "out of memory");
    }
    receive_next(c);
    if ((c->ticker = ticker_new(TICK, tick, c))) return CADRE_OK;
    control_close(c);
    return CADRE_ENOMEM;
}

void control_close(control *c)
{
    const transport *t = c->transport;
    if (!c->requests) return;
    ticker_free(c->ticker);
    t->cancel(t->state, c->requests, 0);
    double begin = clock_seconds();
    int done = 0;
    while (!t->requests_test(t->state, c->requests, 1, CONTROL_SENDS, &done) && !done &&
           clock_seconds() - begin < 1)
        clock_sleep(0.001);
    if (done) t->requests_free(t->state, c->requests);
    for (int r = 0; r < t->size; r++) mem_free(c->peers[r].sentence);
    mem_free(c->peers);
    if (done) mem_free(c->outgoing);
    *c = (control){ 0 };
}
