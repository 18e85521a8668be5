/* trainer_pipeline.c - ranks that have different layers: one forward, one backward (1F1B).
 *
 * A stage begins with as many forwards as there are stages behind it, then does a forward and a
 * backward in turn, and ends with the backwards that are left. With 3 stages and 5 micro-batches:
 *
 *     stage 0   F0 F1 F2 B0 F3 B1 F4 B2 B3 B4
 *     stage 1      F0 F1 B0 F2 B1 F3 B2 F4 B3 B4
 *     stage 2         F0 B0 F1 B1 F2 B2 F3 B3 F4 B4
 *
 * Every stage goes backward in the order of the micro-batches, as one process does, so all sums are
 * the same. With its rows a micro-batch takes the statistics of its routing along, from stage to
 * stage and back: before its backward every rank has those of all layers, and computes the same
 * balancing losses as one process. */
#include "train/trainer_state.h"

#include <string.h>

static int stage_of(const trainer *t) { return t->groups.at.pipeline; }
static int stages_of(const trainer *t) { return t->groups.size.pipeline; }
static transformer *layers_of(const trainer *t) { return t->stacks[DECODER].transformer; }

/* ---- memory ---- */

static int32_t most_experts(const model_config *c)
{
    int32_t most = 0;
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse && c->layer[l].moe.experts > most) most = c->layer[l].moe.experts;
    return most;
}

static int64_t packed_doubles(const trainer *t, int64_t sequences)
{
    int32_t devices = t->settings.balance.devices > 0 ? t->settings.balance.devices : 1;
    int64_t sum = 0;
    for (int64_t l = 0; l < t->config.layers; l++)
        if (t->config.layer[l].sparse)
            sum += balance_packed_layer(t->config.layer[l].moe.experts, devices);
    return sequences * sum;
}

void trainer_layout_pipeline(trainer *t, arena *a)
{
    int64_t sequences = trainer_most_sequences(t), sparse = model_config_sparse_layers(&t->config);
    int64_t count = t->groups.pipeline ? t->settings.accumulate : 1;
    t->micro = ARENA_ARRAY(a, micro_batch, count);
    if (!t->groups.pipeline) return;
    for (int64_t i = 0; i < count; i++) {
        double *statistics = ARENA_ARRAY(a, double, packed_doubles(t, sequences));
        if (t->micro) t->micro[i].statistics = statistics;
    }
    t->mail.bytes =
        (size_t)packed_doubles(t, sequences) * sizeof(double) +
        (size_t)(trainer_most_rows(t) * t->settings.context * t->config.width) * sizeof(real);
    t->mail.out = ARENA_ARRAY(a, char, t->mail.bytes);
    t->mail.in = ARENA_ARRAY(a, char, t->mail.bytes);
    t->most_experts = most_experts(&t->config);
    t->router_norm = ARENA_ARRAY(a, double, sparse);
    t->correction = ARENA_ARRAY(a, real, sparse * t->most_experts);
}

/* ---- messages ---- */

static int64_t own_sequences(const trainer *t, int64_t i)
{
    const int64_t *first = trainer_micro(t, i)->first_sequence;
    return first[t->plan.rank + 1] - first[t->plan.rank];
}

static size_t statistics_bytes(const trainer *t, int64_t i)
{
    return (size_t)(own_sequences(t, i) * balance_packed_sequence(t->stacks[DECODER].balance)) *
           sizeof(double);
}

static size_t rows_bytes(const trainer *t, int64_t i)
{
    const int64_t *first = trainer_micro(t, i)->first_token;
    int64_t tokens = first[t->plan.rank + 1] - first[t->plan.rank];
    return (size_t)(tokens * t->config.width) * sizeof(real);
}

static void write_mail(const trainer *t, int64_t i, const real *rows)
{
    size_t statistics = statistics_bytes(t, i);
    memcpy(t->mail.out, trainer_micro(t, i)->statistics, statistics);
    memcpy(t->mail.out + statistics, rows, rows_bytes(t, i));
}

static void read_mail(const trainer *t, int64_t i, real *rows)
{
    size_t statistics = statistics_bytes(t, i);
    memcpy(trainer_micro(t, i)->statistics, t->mail.in, statistics);
    memcpy(rows, t->mail.in + statistics, rows_bytes(t, i));
}

/* A neighbour gets micro-batch `sent` from t->mail.out, and another one's `received` comes to
 * t->mail.in; a neighbour of -1, or behind the last stage, is none. */
static void exchange_mail(trainer *t, int to, int64_t sent, int from, int64_t received)
{
    comm_message m = { .to = -1, .from = -1, .send = t->mail.out, .receive = t->mail.in };
    if (to >= 0 && to < stages_of(t)) {
        m.to = to;
        m.send_bytes = statistics_bytes(t, sent) + rows_bytes(t, sent);
    }
    if (from >= 0 && from < stages_of(t)) {
        m.from = from;
        m.receive_bytes = statistics_bytes(t, received) + rows_bytes(t, received);
    }
    if (m.to >= 0 || m.from >= 0) comm_send_receive(t->groups.pipeline, &m);
}

/* ---- a micro-batch on a stage ---- */

static int sparse_before(const trainer *t, int64_t layer)
{
    return (int)model_config_sparse_before(&t->config, layer);
}

/* What came from the stage before is in t->mail.in; what goes to the next is left in mail.out. */
static cadre_status forward(trainer *t, int64_t step, int64_t i, trainer_feed feed, void *arg)
{
    leaf_sums scrap = { 0 };
    transformer_stage own = trainer_stage(t, &t->config);
    trainer_begin_part(t, i, &scrap);
    transformer_turn_to(layers_of(t), (int)(i % t->passes));
    if (stage_of(t) > 0) read_mail(t, i, transformer_entry(layers_of(t)));
    CADRE_TRY(trainer_forward_part(t, step, i, feed, arg));
    balance_keep(t->stacks[DECODER].balance, sparse_before(t, own.first), sparse_before(t, own.end),
        trainer_micro(t, i)->statistics);
    if (!trainer_is_last(t)) write_mail(t, i, transformer_exit(layers_of(t)));
    return CADRE_OK;
}

/* What came from the stage behind is in t->mail.in; what goes to the one before is left in
 * mail.out. */
static cadre_status backward(trainer *t, int64_t i, double *sum)
{
    trainer_begin_part(t, i, &t->sums);
    if (!trainer_is_last(t)) read_mail(t, i, transformer_gradient(layers_of(t)));
    balance_bring(
        t->stacks[DECODER].balance, &trainer_micro(t, i)->ranks, trainer_micro(t, i)->statistics);
    CADRE_TRY(trainer_backward_part(t, i));
    trainer_join_leaves(t);
    if (trainer_is_last(t)) trainer_add_losses(t, i, sum);
    if (stage_of(t) > 0) write_mail(t, i, transformer_gradient(layers_of(t)));
    return CADRE_OK;
}

/* ---- a step ---- */

/* Every rank knows how large the mail of any micro-batch is. */
static void begin_all(trainer *t)
{
    for (int64_t i = 0; i < t->settings.accumulate; i++) {
        leaf_sums scrap = { 0 };
        trainer_begin_part(t, i, &scrap);
    }
}

cadre_status trainer_run_pipeline(
    trainer *t, int64_t step, trainer_feed feed, void *arg, double *sum)
{
    int64_t count = t->settings.accumulate, ahead = stages_of(t) - 1 - stage_of(t);
    int next = stage_of(t) + 1, before = stage_of(t) - 1;
    if (ahead > count) ahead = count;
    begin_all(t);
    for (int64_t i = 0; i < ahead; i++) {
        exchange_mail(t, -1, 0, before, i);
        CADRE_TRY(forward(t, step, i, feed, arg));
        exchange_mail(t, next, i, -1, 0);
    }
    if (ahead < count) exchange_mail(t, -1, 0, before, ahead);
    for (int64_t i = 0; i < count; i++) {
        int64_t front = i + ahead;
        if (front < count) CADRE_TRY(forward(t, step, front, feed, arg));
        exchange_mail(t, front < count ? next : -1, front, next, i);
        CADRE_TRY(backward(t, i, sum));
        exchange_mail(t, before, i, front + 1 < count ? before : -1, front + 1);
    }
    comm_broadcast(t->groups.pipeline, sum, sizeof *sum, stages_of(t) - 1);
    return CADRE_OK;
}

cadre_status trainer_survey_pipeline(trainer *t, int64_t step, trainer_feed feed, void *arg)
{
    int64_t count = t->settings.accumulate;
    balance *b = t->stacks[DECODER].balance;
    begin_all(t);
    for (int64_t i = 0; i < count; i++) {
        exchange_mail(t, -1, 0, stage_of(t) - 1, i);
        CADRE_TRY(forward(t, step, i, feed, arg));
        exchange_mail(t, stage_of(t) + 1, i, -1, 0);
    }
    for (int64_t i = 0; i < count; i++) {
        micro_batch *m = trainer_micro(t, i);
        comm_broadcast(t->groups.pipeline, m->statistics, statistics_bytes(t, i), stages_of(t) - 1);
        balance_bring(b, &m->ranks, m->statistics);
        balance_survey(b);
    }
    return CADRE_OK;
}

/* The losses of rows that are not learnt from: every micro-batch goes forward alone. */
cadre_status trainer_evaluate_pipeline(trainer *t, trainer_feed feed, void *arg, double *sum)
{
    const stack *k = &t->stacks[DECODER];
    begin_all(t);
    for (int64_t i = 0; i < t->settings.accumulate; i++) {
        exchange_mail(t, -1, 0, stage_of(t) - 1, i);
        CADRE_TRY(forward(t, 0, i, feed, arg));
        exchange_mail(t, stage_of(t) + 1, i, -1, 0);
        if (!trainer_is_last(t)) continue;
        transformer_losses(k->transformer, &k->weights, t->targets, t->losses);
        trainer_add_losses(t, i, sum);
    }
    comm_broadcast(t->groups.pipeline, sum, sizeof *sum, stages_of(t) - 1);
    return CADRE_OK;
}

/* ---- between the first stage and the last ---- */

/* Each then adds the two, and updates its own copy of the embedding. */
void trainer_exchange_embedding(trainer *t)
{
    const param *embed = trainer_embedding(t);
    if (!t->groups.pipeline || !t->head_gradient || !embed) return;
    bool first = stage_of(t) == 0;
    real *own = t->gradient + embed->offset;
    comm_message m = { .send = first ? own : t->head_gradient,
        .receive = first ? t->head_gradient : own };
    m.to = m.from = first ? stages_of(t) - 1 : 0;
    m.send_bytes = m.receive_bytes = (size_t)trainer_embedded(t) * sizeof *own;
    comm_send_receive(t->groups.pipeline, &m);
}

/* ---- what all ranks know of routers ---- */

bool trainer_has_correction(const trainer *t, int64_t layer)
{
    for (int64_t i = 0; i < t->whole.count; i++)
        if (t->whole.rows[i].role == ROLE_ROUTER_CORRECTION && t->whole.rows[i].layer == layer)
            return true;
    return false;
}

/* The first sparse layer of each stage [stages + 1] */
static void sparse_of_stages(const trainer *t, int64_t *first)
{
    for (int s = 0; s <= stages_of(t); s++)
        first[s] = sparse_before(t, share_begin(t->config.layers, s, stages_of(t)));
}

void trainer_show_routers(trainer *t)
{
    const stack *k = &t->stacks[DECODER];
    int64_t first[BATCH_RANKS + 1], at;
    if (!t->groups.pipeline) return;
    sparse_of_stages(t, first);
    at = first[stage_of(t)];
    for (int64_t l = 0, i = 0; l < t->config.layers; l++) {
        if (!t->config.layer[l].sparse) continue;
        const real *bias = k->weights.layer[l].moe.router.correction;
        size_t bytes = (size_t)t->config.layer[l].moe.experts * sizeof *bias;
        if (i >= at && i < first[stage_of(t) + 1]) {
            t->router_norm[i] = trainer_norm_of_router(t, k, l);
            if (bias) memcpy(t->correction + i * t->most_experts, bias, bytes);
        }
        i++;
    }
    comm_all_gather_v(
        t->groups.pipeline, t->router_norm + at, first, sizeof *t->router_norm, t->router_norm);
    comm_all_gather_v(t->groups.pipeline, t->correction + at * t->most_experts, first,
        (size_t)t->most_experts * sizeof *t->correction, t->correction);
}
