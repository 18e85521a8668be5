/* world.c - the communicator's collective calls, built from messages between two ranks. */
#include "dist/world.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "dist/all_to_all.h"

/* most ranks for sending to all at once; bytes of a block from which a ring is used */
enum { DIRECT_RANKS = 8, RING_BYTES = 1 << 16 };

/* ---- gathering ---- */

static void copy(void *to, const void *from, size_t bytes)
{
    if (to != from && bytes) memmove(to, from, bytes);
}

/* The result of a gathering: where each rank's block lies in it, and its size. */
typedef struct gathered {
    char *all;
    const int64_t *first; /* NULL: every block has `bytes` bytes */
    size_t row, bytes;
} gathered;

static char *block_at(const gathered *g, int r)
{
    return g->all + (g->first ? (size_t)g->first[r] * g->row : (size_t)r * g->bytes);
}

static size_t block_size(const gathered *g, int r)
{
    return g->first ? rows_bytes(g->first, r, g->row) : g->bytes;
}

static cadre_status gather_at_once(comm *c, const gathered *g)
{
    endpoint *p = endpoint_of(c);
    int messages = 0;
    for (int r = 0; r < c->size; r++)
        messages += endpoint_pieces(block_size(g, r)) + endpoint_pieces(block_size(g, c->rank));
    CADRE_TRY(endpoint_begin(p, messages));
    for (int i = 1; i < c->size; i++) {
        int from = (c->rank + c->size - i) % c->size;
        group_receive(c, from, block_at(g, from), block_size(g, from));
    }
    for (int i = 1; i < c->size; i++)
        group_send(c, (c->rank + i) % c->size, block_at(g, c->rank), block_size(g, c->rank));
    return endpoint_wait(p);
}

/* A ring: in each step every rank sends to the next rank the block that it received last. */
static cadre_status gather_in_ring(comm *c, const gathered *g)
{
    for (int i = 0; i < c->size - 1; i++) {
        int out = (c->rank + c->size - i) % c->size, in = (out + c->size - 1) % c->size;
        CADRE_TRY(group_exchange(c, &(comm_message){ .to = (c->rank + 1) % c->size,
                                        .from = (c->rank + c->size - 1) % c->size,
                                        .send = block_at(g, out),
                                        .send_bytes = block_size(g, out),
                                        .receive = block_at(g, in),
                                        .receive_bytes = block_size(g, in) }));
    }
    return CADRE_OK;
}

/* Bruck's algorithm: the number of blocks that a rank has doubles in every step. They are its own
 * block and those of the ranks after it. */
static cadre_status gather_doubling(comm *c, const gathered *g)
{
    size_t b = g->bytes;
    int p = c->size;
    char *own = group_scratch(c, (size_t)p * b);
    if (!own) return CADRE_ENOMEM;
    copy(own, block_at(g, c->rank), b);
    for (int have = 1; have < p; have *= 2) {
        int more = have < p - have ? have : p - have;
        CADRE_TRY(group_exchange(c, &(comm_message){ .to = (c->rank + p - have) % p,
                                        .from = (c->rank + have) % p,
                                        .send = own,
                                        .send_bytes = (size_t)more * b,
                                        .receive = own + (size_t)have * b,
                                        .receive_bytes = (size_t)more * b }));
    }
    for (int i = 0; i < p; i++) copy(block_at(g, (c->rank + i) % p), own + (size_t)i * b, b);
    return CADRE_OK;
}

static cadre_status gather(comm *c, const void *own, const gathered *g)
{
    copy(block_at(g, c->rank), own, block_size(g, c->rank));
    if (c->size <= DIRECT_RANKS) return gather_at_once(c, g);
    return g->first || g->bytes > RING_BYTES ? gather_in_ring(c, g) : gather_doubling(c, g);
}

static cadre_status all_gather(comm *c, const void *own, size_t bytes, void *all)
{
    return gather(c, own, &(gathered){ .all = all, .bytes = bytes });
}

static cadre_status all_gather_v(
    comm *c, const void *own, const int64_t *first, size_t row, void *all)
{
    return gather(c, own, &(gathered){ .all = all, .first = first, .row = row });
}

static cadre_status all_to_all_v(comm *c, const comm_rows *rows)
{
    return all_to_all_choose(c, rows)->exchange(c, rows);
}

/* ---- sums ---- */

static void add_counts(int64_t *values, const int64_t *more, int64_t count)
{
    for (int64_t i = 0; i < count; i++) values[i] += more[i];
}

/* Recursive doubling, which suits integers, whose sums are the same in any order. First the ranks
 * beyond the largest power of two send their values to a partner; at the end they get the sums. */
static cadre_status all_reduce_counts(comm *c, int64_t *values, int64_t count)
{
    size_t bytes = (size_t)count * sizeof *values;
    int64_t *more = group_scratch(c, bytes);
    int core = 1, r = c->rank;
    if (!more) return CADRE_ENOMEM;
    while (core * 2 <= c->size) core *= 2;
    comm_message m = { -1, -1, values, bytes, more, bytes };
    int partner = r >= core ? r - core : r + core < c->size ? r + core : -1;
    if (partner >= 0) {
        if (r >= core) m.to = partner;
        else m.from = partner;
        CADRE_TRY(group_exchange(c, &m));
        if (r < core) add_counts(values, more, count);
    }
    for (int k = 1; k < core && r < core; k *= 2) {
        m.to = m.from = r ^ k;
        CADRE_TRY(group_exchange(c, &m));
        add_counts(values, more, count);
    }
    if (partner < 0) return CADRE_OK;
    m = (comm_message){ -1, -1, values, bytes, values, bytes };
    if (r >= core) m.from = partner;
    else m.to = partner;
    return group_exchange(c, &m);
}

/* ---- other calls ---- */

/* A binomial tree: a rank that has the data sends it to the ranks 2^k places after it. */
static cadre_status broadcast(comm *c, void *data, size_t bytes, int root)
{
    int p = c->size, at = (c->rank + p - root) % p, step = 1;
    while (step < p && !(at & step)) step *= 2; /* the distance over which this rank receives */
    if (at)
        CADRE_TRY(group_exchange(c, &(comm_message){ .to = -1,
                                        .from = (c->rank + p - step) % p,
                                        .receive = data,
                                        .receive_bytes = bytes }));
    for (step /= 2; step >= 1; step /= 2)
        if (at + step < p)
            CADRE_TRY(group_exchange(c,
                &(comm_message){
                    .to = (c->rank + step) % p, .from = -1, .send = data, .send_bytes = bytes }));
    return CADRE_OK;
}

static cadre_status send_receive(comm *c, const comm_message *m) { return group_exchange(c, m); }

static cadre_status barrier(comm *c)
{
    char out = 0, in;
    for (int k = 1; k < c->size; k *= 2)
        CADRE_TRY(group_exchange(c, &(comm_message){ (c->rank + k) % c->size,
                                        (c->rank + c->size - k) % c->size, &out, 1, &in, 1 }));
    return CADRE_OK;
}

static void fail(comm *c, cadre_status code, const char *sentence)
{
    world *w = group_of(c)->world;
    (void)code;
    ticker_hold(w->control.ticker);
    control_fail(&w->control, sentence, -1);
    ticker_release(w->control.ticker);
}

/* ---- groups ---- */

typedef struct split_entry { /* what each rank sends to the others in a split */
    int colour, key, rank, next_tag;
} split_entry;

static cadre_status split(comm *c, int colour, int key, comm **part);
static void free_part(comm *part);
static const comm_methods methods = { all_reduce_counts, all_gather, all_gather_v, all_to_all_v,
    broadcast, send_receive, barrier, split, free_part, fail };

/* How many neighbouring ranks share each machine; 1 if not all machines have the same number. */
static int ranks_per_node(const world *w, const int *member, int size)
{
    const peer *p = w->control.peers;
    int run = 1;
    while (run < size && !strcmp(p[member[run]].host, p[member[0]].host)) run++;
    if (size % run) return 1;
    for (int r = 0; r < size; r++) {
        bool begins = r % run == 0;
        if (begins && r && !strcmp(p[member[r]].host, p[member[r - 1]].host)) return 1;
        if (!begins && strcmp(p[member[r]].host, p[member[r - 1]].host)) return 1;
    }
    return run;
}

/* Takes ownership of `member`, also if it fails. */
static cadre_status open_group(world *w, int tag, int *member, int size, comm *c)
{
    group *g = MEM_ARRAY(group, 1);
    if (!g) {
        mem_free(member);
        return CADRE_ENOMEM;
    }
    *g = (group){ w, tag, member, ranks_per_node(w, member, size) };
    *c = (comm){ .size = size, .methods = &methods, .state = g };
    while (member[c->rank] != w->transport.rank) c->rank++;
    return CADRE_OK;
}

static void close_group(comm *c)
{
    group *g = c->state;
    if (!g) return;
    mem_free(g->member);
    mem_free(g);
    c->state = NULL;
}

static bool comes_before(const split_entry *a, const split_entry *b)
{
    return a->key != b->key ? a->key < b->key : a->rank < b->rank;
}

/* Lists the members of this rank's colour in order. Sets `tag`, which no other communicator with a
 * common rank has. NULL: out of memory. */
static int *choose_members(const comm *c, const split_entry *all, int *size, int *tag)
{
    const group *g = group_of(c);
    int *member = MEM_ARRAY(int, c->size);
    if (!member) return NULL;
    *size = *tag = 0;
    for (int r = 0; r < c->size; r++) {
        int place = 0;
        if (all[r].colour != all[c->rank].colour) continue;
        for (int q = 0; q < c->size; q++)
            place += all[q].colour == all[r].colour && comes_before(&all[q], &all[r]);
        member[place] = g->member[r];
        if (all[r].next_tag > *tag) *tag = all[r].next_tag;
        ++*size;
    }
    return member;
}

static cadre_status make_part(comm *c, const split_entry *all, comm **part)
{
    world *w = group_of(c)->world;
    int size, tag, *member = choose_members(c, all, &size, &tag);
    comm *made = MEM_ARRAY(comm, 1);
    cadre_status status = member && made ? open_group(w, tag, member, size, made) : CADRE_ENOMEM;
    if (status != CADRE_OK) {
        if (!made) mem_free(member);
        mem_free(made);
        return status;
    }
    w->next_tag = tag + 1;
    made->world = &w->comm;
    *part = made;
    return CADRE_OK;
}

static cadre_status split(comm *c, int colour, int key, comm **part)
{
    split_entry own = { colour, key, c->rank, group_of(c)->world->next_tag };
    split_entry *all = MEM_ARRAY(split_entry, c->size);
    if (!all) return CADRE_ENOMEM;
    cadre_status status = all_gather(c, &own, sizeof own, all);
    if (status == CADRE_OK && colour >= 0) status = make_part(c, all, part);
    mem_free(all);
    return status;
}

static void free_part(comm *part)
{
    close_group(part);
    mem_free(part);
}

/* ---- the world ---- */

typedef struct rank_location {
    char host[MACHINE_NAME];
    int64_t process;
} rank_location;

/* All ranks exchange their hosts and process numbers, from which follows who shares a machine. */
static cadre_status exchange_locations(world *w)
{
    rank_location own = { .process = machine_process() },
                  *all = MEM_ARRAY(rank_location, w->comm.size);
    if (!all) return CADRE_ENOMEM;
    machine_name(own.host);
    cadre_status status = all_gather(&w->comm, &own, sizeof own, all);
    for (int r = 0; r < w->comm.size && status == CADRE_OK; r++) {
        peer *p = &w->control.peers[r];
        snprintf(p->host, sizeof p->host, "%s", all[r].host);
        p->process = all[r].process;
    }
    mem_free(all);
    group *g = w->comm.state;
    if (status == CADRE_OK) g->per_node = ranks_per_node(w, g->member, w->comm.size);
    return status;
}

static cadre_status open_all(world *w)
{
    int size = w->transport.size, *member = MEM_ARRAY(int, size);
    if (!member) return CADRE_ENOMEM;
    for (int r = 0; r < size; r++) member[r] = r;
    cadre_status status = control_open(&w->transport, &w->control);
    if (status != CADRE_OK) {
        mem_free(member);
        return status;
    }
    CADRE_TRY(open_group(w, 0, member, size, &w->comm));
    w->next_tag = 1;
    w->endpoint = endpoint_open(&w->transport, &w->control);
    return exchange_locations(w);
}

cadre_status world_open(const transport *t, world *w)
{
    w->transport = *t;
    w->comm = (comm){ 0 };
    w->scratch = (scratch){ 0 };
    w->control = (control){ 0 };
    w->endpoint = (endpoint){ 0 };
    cadre_status status = open_all(w);
    if (status != CADRE_OK) world_close(w);
    return status;
}

void world_close(world *w)
{
    if (w->endpoint.transport) endpoint_close(&w->endpoint);
    control_close(&w->control);
    close_group(&w->comm);
    mem_free(w->scratch.data);
    w->scratch = (scratch){ 0 };
}

void world_limit(world *w, double seconds) { w->comm.limit = w->endpoint.limit = seconds; }
