/* plan_cost.c - what a rank reads, computes and exchanges in a pass or a training step.
 *
 * Decoding is bound by reading weights: time = bytes / bandwidth, or operations / flops if there
 * are many sequences. With expert parallelism, the rank that has most of a token's picks determines
 * the time. The ranks gather after each half of a layer. With tensor parallelism this happens four
 * times a layer: for the heads' outputs, the attention's output, the experts' hidden rows and the
 * layer's output; a shared expert's hidden rows are one more, and at the end the logits are
 * gathered. With expert parallelism alone, only the experts' outputs are gathered. In a pipeline a
 * sequence passes the stages one after another, while other sequences occupy the other stages.
 *
 * Training is bound by computing: 6 operations for each token and active parameter. Rows of tokens
 * are sent to the experts and back, in the forward and in the backward pass. Once a step the ranks
 * exchange the gradients of the dense parameters, and then their new values. With N micro-batches,
 * a stage of P waits for (P - 1) / N of the time that it computes; with V blocks of layers on each
 * stage, V times shorter, but a row passes all stages V times. */
#include "dist/plan_cost.h"

#include <math.h>

#include "base/random.h"
#include "base/share.h"

static const double FLOAT = 4, /* bytes of a float */
    /* bytes of pages that lie only partly in a mapped range */
    PROCESS = PLAN_PROCESS, PAGE_SLACK = 12e6;
enum { DRAWS = 256, MOST_RANKS = 4096, FEW_LEAVES = 8, MOST_LEAVES = 64, LEAF_TOKENS = 256 };

/* The number of leaves, shared among ranks, into which the dense gradients of a batch are
 * divided. */
static double leaves_of(const plan_work *w)
{
    double leaves = fmin(FEW_LEAVES, w->batch);
    while (2 * leaves <= fmin(MOST_LEAVES, w->batch) &&
           w->batch * w->context / (2 * leaves) >= LEAF_TOKENS)
        leaves *= 2;
    return leaves;
}

/* The same where stages have several blocks of layers, which take turns by micro-batches */
static const char *refuse_chunks(const plan_model *m, const plan_work *w, const rank_layout *l)
{
    if (l->chunks < 2) return NULL;
    if (w->purpose != PLAN_TRAIN) return "only training interleaves the blocks of a pipeline";
    if (l->pipeline < 2) return "one stage cannot be interleaved";
    if ((int64_t)l->pipeline * l->chunks > m->layers) return "more blocks than layers";
    if (fmod(w->accumulate, l->pipeline) != 0 || w->accumulate < 1)
        return "the number of stages does not divide the micro-batches";
    return NULL;
}

const char *plan_refusal(const plan_model *m, const plan_work *w, const rank_layout *l)
{
    if (l->pipeline > m->layers) return "more stages than layers";
    if (l->tensor > m->kv_heads) return "more slices than key-value heads";
    if (m->kv_heads % l->tensor) return "the number of slices does not divide the key-value heads";
    if (l->expert > 1 && l->expert > m->experts) return "more ranks than experts";
    if (w->purpose == PLAN_TRAIN && l->expert * l->data > w->batch)
        return "more ranks than sequences in a batch";
    if (w->purpose == PLAN_TRAIN && l->expert * l->data * fmax(1, w->accumulate) > leaves_of(w))
        return "more ranks than leaves of a micro-batch";
    if (w->purpose != PLAN_TRAIN && l->data > 1)
        return "only training divides the sequences of a batch";
    return refuse_chunks(m, w, l);
}

double plan_expected_max_load(int experts, int picks, int ranks)
{
    double sum = 0;
    random_key key = random_key_of(1, "plan", 0, 0);
    if (ranks < 2 || experts < 1 || ranks > MOST_RANKS) return picks;
    for (int d = 0; d < DRAWS; d++) {
        int load[MOST_RANKS] = { 0 }, most = 0;
        int64_t left = picks;
        for (int64_t e = 0; e < experts && left > 0; e++) {
            uint64_t bits = random_bits(key, (uint64_t)d * (uint64_t)experts + (uint64_t)e);
            if ((int64_t)(bits % (uint64_t)(experts - e)) >= left) continue;
            int rank = share_owner(experts, e, ranks);
            left--;
            if (++load[rank] > most) most = load[rank];
        }
        sum += most;
    }
    return sum / DRAWS;
}

/* ---- inference ---- */

/* Expected number of different experts of a layer that `tokens` tokens pick. */
static double distinct_experts(const plan_model *m, double tokens)
{
    return m->experts ? m->experts * (1 - pow(1 - (double)m->picks / m->experts, tokens)) : 0;
}

/* Bytes of experts that the busiest of `ranks` ranks reads in a pass of this many tokens. */
static double expert_read(const plan_model *m, double tokens, int ranks)
{
    if (!m->experts || !m->sparse_layers) return 0;
    /* summed over layers */
    double one = m->expert_bytes / m->experts, all = distinct_experts(m, tokens),
           /* the busiest rank's fraction of one token's picks */
        most = plan_expected_max_load(m->experts, m->picks, ranks) / m->picks;
    double uneven = 1 + (most * ranks - 1) / sqrt(tokens);
    return one * all / ranks * uneven;
}

/* Seconds that gathering takes in one pass of `tokens` tokens. */
static double pass_communication(
    const plan_model *m, const link_cost *link, double tokens, const rank_layout *l)
{
    double seconds = 0, row = tokens * FLOAT;
    if (l->tensor > 1) {
        fabric f = { *link, *link, l->tensor, 1 };
        double t = l->tensor;
        double hidden = m->hidden_gathers > 0 ? m->hidden_elements / m->hidden_gathers : 0;
        seconds += m->layers * (cost_all_gather(&f, row * m->heads_width / t) +
                                   2 * cost_all_gather(&f, row * m->width / t)) +
                   m->hidden_gathers * cost_all_gather(&f, row * hidden / t);
    }
    if (l->expert > 1) {
        fabric f = { *link, *link, l->expert, 1 };
        seconds += m->sparse_layers *
                   cost_all_gather(&f, row * m->picks * m->width / l->expert / l->tensor);
    }
    return seconds + (l->pipeline - 1) * cost_message(link, row * m->width);
}

/* Seconds in which ranks that divide the last matrix gather logits. */
static double gather_logits(
    const plan_model *m, const link_cost *link, double rows, const rank_layout *l)
{
    fabric f = { *link, *link, l->tensor, 1 };
    return cost_all_gather(&f, rows * FLOAT * m->vocab / l->tensor);
}

/* The same, and the last stage of a pipeline sends them to rank 0, which chooses the tokens. */
static double deliver_logits(
    const plan_model *m, const link_cost *link, double rows, const rank_layout *l)
{
    double sent = l->pipeline > 1 ? cost_message(link, rows * FLOAT * m->vocab) : 0;
    return gather_logits(m, link, rows, l) + sent;
}

/* The fraction of a layer's experts that a rank holds. If there are further copies, each rank has
 * room for equally many. */
static double held_experts(const plan_model *m, const plan_work *w, const rank_layout *l)
{
    if (!m->experts) return 0;
    if (l->expert < 2) return 1;
    double copies = w->replicas == PLAN_COPY_EACH_RANK ? l->expert : w->replicas;
    return ceil((m->experts + copies) / l->expert) / m->experts;
}

static plan_cost running_cost(
    const plan_model *m, const plan_machine *machine, const plan_work *w, const rank_layout *l)
{
    bool decodes = w->purpose == PLAN_DECODE;
    double streams = decodes ? w->streams : 1;
    double batches = fmin(l->pipeline, streams); /* batches in the stages at the same time */
    double tokens = decodes ? fmax(1, streams / batches) : w->context;
    double parts = (double)l->pipeline * l->tensor, cache = m->token_cache * w->context;
    double bytes = m->dense_read / l->tensor + expert_read(m, tokens, l->expert) / l->tensor +
                   (decodes ? tokens * cache / 2 / l->tensor : 0);
    double flops = 2 * m->active_parameters * tokens / (l->tensor * fmin(l->expert, tokens));
    plan_cost c = { .tokens = tokens * batches };
    c.compute = fmax(bytes / machine->bandwidth, flops / machine->flops);
    c.communication = pass_communication(m, &machine->link, tokens, l) +
                      deliver_logits(m, &machine->link, decodes ? tokens : 1, l);
    c.memory = PROCESS + PAGE_SLACK + m->dense_bytes / parts +
               m->expert_bytes * held_experts(m, w, l) / parts + streams * cache / parts +
               tokens * FLOAT * (8 * m->width + m->picks * m->hidden) + streams * FLOAT * m->vocab;
    return c;
}

/* ---- training ---- */

static double training_communication(
    const plan_model *m, const link_cost *link, double tokens, const rank_layout *l)
{
    double ranks = (double)l->expert * l->data, away = (ranks - 1) / ranks, seconds = 0;
    fabric f = { *link, *link, (int)ranks, 1 };
    if (ranks > 1) {
        /* bytes in one direction, once */
        double rows = tokens * m->picks * m->width * FLOAT * away;
        seconds += m->sparse_layers / (double)l->pipeline * 4 *
                   (link->latency + (ranks - 1) * link->overhead + rows / link->bandwidth);
        double dense = m->dense_parameters / ((double)l->pipeline * l->tensor) * FLOAT;
        seconds += dense * away / link->bandwidth + cost_all_gather(&f, dense / ranks);
    }
    rank_layout tensors = { 1, 1, 1, l->tensor, 1 };
    seconds += 3 * pass_communication(m, link, tokens, &tensors) / l->pipeline +
               gather_logits(m, link, tokens, &tensors);
    int hops = l->pipeline * layout_chunks(l) - 1;
    return seconds + 2 * hops * cost_message(link, tokens * m->width * FLOAT);
}

static plan_cost training_cost(
    const plan_model *m, const plan_machine *machine, const plan_work *w, const rank_layout *l)
{
    double ranks = (double)l->expert * l->data, parts = (double)l->pipeline * l->tensor;
    double tokens = w->batch * w->context, own = tokens / ranks;
    double batches = w->accumulate > 0 ? w->accumulate : fmax(1, leaves_of(w) / ranks);
    double bubble = (l->pipeline - 1) / (batches * layout_chunks(l));
    plan_cost c = { .tokens = tokens };
    c.compute = 6 * m->active_parameters * tokens / (machine->flops * ranks * parts) * (1 + bubble);
    c.communication = training_communication(m, &machine->link, own, l);
    c.memory = PROCESS + 8 * m->dense_parameters / parts +
               8 * m->dense_parameters / (parts * ranks) +
               16 * m->expert_parameters / (parts * ranks) +
               w->activations / (ranks * (double)l->pipeline);
    return c;
}

plan_cost plan_cost_of(
    const plan_model *m, const plan_machine *machine, const plan_work *w, const rank_layout *l)
{
    return w->purpose == PLAN_TRAIN ? training_cost(m, machine, w, l)
                                    : running_cost(m, machine, w, l);
}
