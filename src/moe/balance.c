/* balance.c - the balancing losses over sets of tokens and their derivatives, the counts of a step,
 * and the bias update.
 *
 * The passes of balance_finish, for one micro-batch:
 *
 *     1. tally      counts of this micro-batch are added to those of the step, over all ranks
 *     2. gather     for each loss, the statistics of each of its sets of tokens: a layer's
 *                   micro-batch, a sequence, or all layers in a pool
 *     3. evaluate   the value of the loss, and its derivatives by the set's means and sums
 *     4. distribute derivatives by the means become derivatives by each token's scores
 *
 * For example, two experts and four tokens whose one pick was expert 0, 0, 0 and 1, with mean
 * scores P = 0.7 and 0.3. The load loss has f = E count / all = 2 * 3 / 4 = 1.5 and 0.5, so its
 * value is 1.5 * 0.7 + 0.5 * 0.3 = 1.2 (1 is even). Its derivatives by P are f: with the
 * coefficient 0.01, each token's score of expert 0 gets the gradient 0.01 * 1.5 / 4, that of expert
 * 1 a third of it.
 *
 * Shapes: E experts, and B sequences in the micro-batch, those of all ranks. A statistic of a layer
 * is [B, E] or [B]: a sum over the tokens of one sequence, which is a chain in their order
 * (balance_collect.c). A sum over a set of tokens is a chain of doubles over these, layer by layer
 * and in a layer sequence by sequence. Ranks exchange the sums of single sequences, never sums of
 * several, and each evaluates all losses on all B of them. So they all compute the same bits, which
 * are those that one rank would compute. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "moe/balance_state.h"

/* ---- sequences of other ranks ----
 *
 * A rank has routed the sequences first .. first + own - 1 of the B. The exchange has a row for
 * each of the B sequences, with its statistics in all layers, one layer after another; a layer
 * takes 5 E + devices + 7 doubles. Each rank packs its own rows, one all-gather brings all of them
 * to every rank, and each rank unpacks them. Packing and unpacking visit the arrays in the same
 * order: one function does both. */

/* Copies n doubles of a sequence from `row` on to the exchange, or back. Returns those behind. */
static double *copy_packed(double *at, double *row, int64_t n, bool out)
{
    if (out) memcpy(at, row, (size_t)n * sizeof *at);
    else memcpy(row, at, (size_t)n * sizeof *at);
    return at + n;
}

/* Copies what layer p knows of sequence s to `at` (out), or back. Returns what lies behind. */
static double *pack_sequence(const balance *b, layer_statistics *p, int64_t s, double *at, bool out)
{
    int64_t e = p->about.experts, devices = balance_devices(b);
    const sums *w = &p->sums;
    double *const by_expert[] = { w->count, w->first, w->probability, w->importance, w->load };
    double *const single[] = { w->tokens, w->entropy, w->z, w->lse, w->most };
    for (int i = 0; i < 5; i++) at = copy_packed(at, by_expert[i] + s * e, e, out);
    for (int i = 0; i < 5; i++) at = copy_packed(at, single[i] + s, 1, out);
    at = copy_packed(at, w->sent + s * devices, devices, out);
    return copy_packed(at, w->lost + 2 * s, 2, out);
}

static void pack_sequences(const balance *b, int64_t begin, int64_t end, bool out)
{
    for (int64_t s = begin; s < end; s++) {
        double *at = b->exchange + s * b->packed;
        for (int l = 0; l < b->layers; l++) at = pack_sequence(b, &b->layer[l], s, at, out);
    }
}

/* Every rank gets the statistics of all sequences, in their order. */
static void bring_together(const balance *b)
{
    if (!b->ranks || !b->layers) return;
    const layer_statistics *p = b->layer;
    pack_sequences(b, p->first, p->first + p->own, true);
    comm_all_gather_v(b->ranks->comm, b->exchange + p->first * b->packed, b->ranks->first,
        (size_t)b->packed * sizeof *b->exchange, b->exchange);
    pack_sequences(b, 0, p->sequences, false);
}

/* ---- layers of other ranks ----
 *
 * In a pipeline a rank has collected the statistics of the layers of its own stage alone. It writes
 * them to their places in rows like those above, and where the losses are evaluated the rows of all
 * stages are read back together. */

int64_t balance_packed_sequence(const balance *b) { return b->packed; }

/* Copies the statistics of this rank's sequences in the layers layer .. layer_end - 1 to `at`
 * (out), or from it. */
static void move_layers(const balance *b, int layer, int layer_end, double *at, bool out)
{
    if (!b->layers) return;
    int64_t own = b->layer[layer].own;
    for (int64_t s = 0; s < own; s++, at += b->packed) {
        double *from = at;
        for (int l = 0; l < layer_end; l++)
            if (l < layer) from += balance_packed(b, &b->layer[l]);
            else from = pack_sequence(b, &b->layer[l], b->layer[l].first + s, from, out);
    }
}

void balance_pack(const balance *b, int layer, int layer_end, double *to)
{
    if (layer < layer_end) move_layers(b, layer, layer_end, to, true);
}

void balance_unpack(balance *b, const batch_ranks *ranks, double *from)
{
    int rank = ranks->comm->rank;
    b->ranks = ranks;
    for (int l = 0; l < b->layers; l++) {
        layer_statistics *p = &b->layer[l];
        p->first = ranks->first[rank];
        p->own = ranks->first[rank + 1] - p->first;
        p->sequences = ranks->first[ranks->comm->size];
    }
    move_layers(b, 0, b->layers, from, false);
}

/* ---- counts of the micro-batch and of the step ----
 *
 * Counts are whole numbers, although sequences have them as doubles, so that their sums are exact
 * in any order. The tally of the step adds up those of its micro-batches. The bias update reads it,
 * and so do the metrics, for which the sums of scores, entropies and logsumexps are kept beside it.
 * Running a layer's forward again replaces the statistics, but adds to no tally. */

/* to [n] = the sum of from [sets, n] over the sets */
static void add_to_tally(const double *from, int64_t sets, int64_t n, int64_t *to)
{
    memset(to, 0, (size_t)n * sizeof *to);
    for (int64_t i = 0; i < sets * n; i++) to[i % n] += (int64_t)from[i];
}

static void count_micro_batch(const balance *b, layer_statistics *p)
{
    add_to_tally(p->sums.count, p->sequences, p->about.experts, p->micro.count);
    add_to_tally(p->sums.first, p->sequences, p->about.experts, p->micro.first);
    add_to_tally(p->sums.sent, p->sequences, balance_devices(b), p->micro.sent);
    add_to_tally(p->sums.tokens, p->sequences, 1, &p->micro.scalars[TALLY_TOKENS]);
    add_to_tally(p->sums.lost, p->sequences, 2, &p->micro.scalars[TALLY_DROPPED]);
}

static void tally_layer(const balance *b, layer_statistics *p)
{
    count_micro_batch(b, p);
    for (int64_t s = 0; s < p->sequences; s++) {
        p->step_lse += p->sums.lse[s];
        if (p->sums.most[s] > p->step_logit_max) p->step_logit_max = p->sums.most[s];
        p->step_entropy += p->sums.entropy[s];
        for (int32_t e = 0; e < p->about.experts; e++)
            p->step_probability[e] += p->sums.probability[s * p->about.experts + e];
    }
}

static void tally_micro_batch(balance *b)
{
    for (int l = 0; l < b->layers; l++) tally_layer(b, &b->layer[l]);
    for (int64_t i = 0; i < b->tally_size; i++) b->step_tally[i] += b->micro_tally[i];
}

/* ---- one set of tokens ----
 *
 * A loss is a function of the statistics of one set of T tokens. For each expert e [E] they are
 *
 *     count_e, first_e         picks of e, and first picks
 *     P_e                      mean over the tokens of their scores p_te, which sum to 1 over e
 *     importance_e, load_e     sums over the tokens of their weights, and of the smooth loads
 *
 * and for the whole set there is the mean of the entropies H(p_t). Counts do not depend smoothly on
 * the logits, so they are constants to the gradient, which goes to the other statistics. */

static void add_row(const double *from, int64_t set, int64_t n, double *to)
{
    for (int64_t i = 0; i < n; i++) to[i] += from[set * n + i];
}

static void clear_sums(sums *w, int64_t experts, int64_t devices)
{
    size_t bytes = (size_t)experts * sizeof(double);
    memset(w->count, 0, bytes), memset(w->first, 0, bytes), memset(w->probability, 0, bytes);
    memset(w->importance, 0, bytes), memset(w->load, 0, bytes);
    memset(w->sent, 0, (size_t)devices * sizeof(double));
    *w->tokens = *w->entropy = *w->z = 0;
}

static void add_sums(const sums *from, int64_t set, int64_t experts, int64_t devices, sums *to)
{
    add_row(from->tokens, set, 1, to->tokens);
    add_row(from->count, set, experts, to->count);
    add_row(from->first, set, experts, to->first);
    add_row(from->probability, set, experts, to->probability);
    add_row(from->importance, set, experts, to->importance);
    add_row(from->load, set, experts, to->load);
    add_row(from->sent, set, devices, to->sent);
    add_row(from->entropy, set, 1, to->entropy);
}

/* Which layers and sequences a loss takes together. */
typedef struct scope {
    int layer, layer_end;
    int64_t sequence, sequence_end;
} scope;

/* With BALANCE_STEP the counts cover the whole step on all ranks, or the step so far where there
 * was no survey. Returns how many tokens were counted. */
static double count_step(balance *b, const scope *in, int64_t experts)
{
    size_t bytes = (size_t)experts * sizeof(double);
    double tokens = 0;
    memset(b->work.count, 0, bytes), memset(b->work.first, 0, bytes);
    memset(b->work.sent, 0, (size_t)balance_devices(b) * sizeof(double));
    for (int l = in->layer; l < in->layer_end; l++) {
        const tally *step = b->surveyed ? &b->layer[l].step_survey : &b->layer[l].step;
        for (int64_t e = 0; e < experts; e++)
            b->work.count[e] += (double)step->count[e], b->work.first[e] += (double)step->first[e];
        for (int64_t i = 0; i < balance_devices(b); i++) b->work.sent[i] += (double)step->sent[i];
        tokens += (double)step->scalars[TALLY_TOKENS];
    }
    return tokens;
}

/* Adds up the statistics of the sequences and layers in the scope, and divides by T what is a mean.
 * After a survey, a term over the step has the sums of all tokens of the step. Without one, it has
 * the micro-batch's means, beside the counts of the step so far. */
static balance_set gather(balance *b, const scope *in, const balance_term *term)
{
    int32_t experts = b->layer[in->layer].about.experts, devices = balance_devices(b);
    sums *w = &b->work;
    bool whole_step = term->over == BALANCE_STEP && b->surveyed;
    clear_sums(w, experts, devices);
    for (int l = in->layer; l < in->layer_end; l++) {
        const layer_statistics *p = &b->layer[l];
        if (whole_step) add_sums(&p->survey, 0, experts, devices, w);
        for (int64_t s = in->sequence; s < in->sequence_end && !whole_step; s++)
            add_sums(&p->sums, s, experts, devices, w);
    }
    double tokens = *w->tokens, share = tokens > 0 ? 1 / tokens : 0;
    for (int32_t e = 0; e < experts; e++) w->probability[e] *= share;
    return (balance_set){ .experts = experts,
        .tokens = tokens,
        .count_tokens = term->over == BALANCE_STEP ? count_step(b, in, experts) : tokens,
        .count = w->count,
        .first = w->first,
        .probability = w->probability,
        .importance = w->importance,
        .load = w->load,
        .entropy = *w->entropy * share,
        .summed = term->form == BALANCE_POOLED,
        .weighted = b->layer[in->layer].about.weighted,
        .tau = b->layer[in->layer].about.tau,
        .picks = b->layer[in->layer].about.picks,
        .lambda = b->layer[in->layer].lambda,
        .devices = devices,
        .devices_used = b->options.devices_used > 0 ? b->options.devices_used : 1,
        .sent = w->sent };
}

/* Turns derivatives by the means and sums of a set into derivatives by the scores, weights and
 * loads of each of its tokens: with P_e = (1 / T) sum_t p_te, dL/dp_te = (1 / T) dL/dP_e, while a
 * sum gives its own derivative to every token. They are the same for all tokens of a sequence, so
 * they are kept by sequence, [B, E]. The terms of a layer add to the same arrays, in the order in
 * which the options have them. */
static void distribute_gradient(
    balance *b, const scope *in, const balance_gradient *d, double tokens)
{
    int64_t experts = b->layer[in->layer].about.experts;
    for (int l = in->layer; l < in->layer_end; l++)
        for (int64_t s = in->sequence; s < in->sequence_end; s++) {
            layer_statistics *p = &b->layer[l];
            for (int64_t e = 0; e < experts; e++) {
                p->dprobability[s * experts + e] += d->probability[e] / tokens;
                p->dimportance[s * experts + e] += d->importance[e];
                p->dload[s * experts + e] += d->load[e];
            }
            p->dentropy[s] += d->entropy / tokens;
        }
}

/* The survey's share of the step's tokens, which is all but padding. */
static double surveyed_share(const balance *b, const scope *in)
{
    return *b->layer[in->layer].survey.tokens / (double)b->step_tokens;
}

/* Evaluates a term over one set of tokens. `share` is the micro-batch's share of the step's mean. A
 * set of the whole step is evaluated once for each micro-batch: its value counts by the share, and
 * its derivatives are those by this micro-batch's tokens, in full. */
static void evaluate(balance *b, const balance_term *term, const scope *in, double share)
{
    const balance_layer *about = &b->layer[in->layer].about;
    size_t bytes = (size_t)about->experts * sizeof(double);
    double coefficient =
        balance_coefficient(&b->options, &about->own, (int)(term - b->options.term));
    if (coefficient == 0) return;
    balance_set set = gather(b, in, term);
    if (!(set.tokens > 0)) return;
    balance_gradient d = { b->dprobability, b->dimportance, b->dload, 0 };
    memset(d.probability, 0, bytes), memset(d.importance, 0, bytes), memset(d.load, 0, bytes);
    bool whole_step = term->over == BALANCE_STEP && b->surveyed;
    double layers = term->form == BALANCE_MEAN ? b->layers : 1,
           scale = coefficient * share / layers;
    double full = whole_step ? surveyed_share(b, in) : share;
    double value = term->loss->value(&set, coefficient * full / layers, &d);
    b->value.aux += scale * value;
    b->value.term[term - b->options.term].value += scale * value;
    distribute_gradient(b, in, &d, set.tokens);
}

/* Evaluates a term over the sets that these layers have: each sequence, weighted with one over the
 * sequences of the step, or all tokens of the micro-batch, weighted with their share of the step's
 * tokens. So the values of a step's micro-batches add up to a mean over the step. */
static void evaluate_layers(balance *b, const balance_term *term, int first, int end)
{
    const layer_statistics *p = &b->layer[first];
    if (term->over == BALANCE_SEQUENCE) {
        for (int64_t s = 0; s < p->sequences; s++)
            evaluate(b, term, &(scope){ first, end, s, s + 1 }, 1 / (double)b->step_sequences);
        return;
    }
    double tokens = 0;
    for (int64_t s = 0; s < p->sequences; s++) tokens += p->sums.tokens[s];
    evaluate(b, term, &(scope){ first, end, 0, p->sequences }, tokens / (double)b->step_tokens);
}

/* Adds the values of the losses that were computed in the layers' forward passes
 * (balance_collect.c). */
static void add_routing_values(balance *b, int term)
{
    for (int l = 0; l < b->layers; l++) {
        const layer_statistics *p = &b->layer[l];
        double value = p->routing_scale[term] * p->routing_value[term];
        b->value.aux += value;
        b->value.term[term].value += value;
    }
}

static void evaluate_term(balance *b, const balance_term *term)
{
    if (term->loss->routing) add_routing_values(b, (int)(term - b->options.term));
    else if (term->form == BALANCE_POOLED) evaluate_layers(b, term, 0, b->layers);
    else
        for (int l = 0; l < b->layers; l++) evaluate_layers(b, term, l, l + 1);
}

/* ---- finish: values and gradients ---- */

/* The z-loss is c / (layers * T) * sum over layers and tokens of lse_t^2, with the T tokens of the
 * step and lse_t = log sum_e exp(z_te). This is its derivative by one lse_t^2. */
static double z_gradient(const balance *b, const layer_statistics *p)
{
    return balance_z_loss(&b->options, &p->about.own) / (b->layers * (double)b->step_tokens);
}

/* Hands the derivatives to the layer's backward pass, as reals. That pass goes on from the scores
 * to the logits. Where no loss reads importances or loads, it gets NULL in their place, so that it
 * leaves them out. */
static void publish(const balance *b, layer_statistics *p)
{
    int64_t experts = p->about.experts;
    bool importance = balance_has_loss(&b->options, &p->about, "importance") ||
                      balance_has_loss(&b->options, &p->about, "l1"),
         load = balance_has_loss(&b->options, &p->about, "smooth-load");
    for (int64_t i = 0; i < p->sequences * experts; i++) {
        p->score_dprobability[i] = (real)p->dprobability[i];
        p->score_dimportance[i] = (real)p->dimportance[i];
        p->score_dload[i] = (real)p->dload[i];
    }
    for (int64_t s = 0; s < p->sequences; s++)
        p->dscore[s] = (score_gradient){ .probability = p->score_dprobability + s * experts,
            .importance = importance ? p->score_dimportance + s * experts : NULL,
            .load = load ? p->score_dload + s * experts : NULL,
            .entropy = (real)p->dentropy[s],
            .z = (real)z_gradient(b, p) };
}

static void clear_gradients(layer_statistics *p)
{
    size_t bytes = (size_t)(p->sequences * p->about.experts) * sizeof(double);
    memset(p->dprobability, 0, bytes), memset(p->dimportance, 0, bytes), memset(p->dload, 0, bytes);
    memset(p->dentropy, 0, (size_t)p->sequences * sizeof(double));
}

static void evaluate_all(balance *b)
{
    for (int l = 0; l < b->layers; l++) clear_gradients(&b->layer[l]);
    for (int i = 0; i < b->options.terms; i++) evaluate_term(b, &b->options.term[i]);
    for (int l = 0; l < b->layers; l++) {
        for (int64_t s = 0; s < b->layer[l].sequences; s++)
            b->value.z += z_gradient(b, &b->layer[l]) * b->layer[l].sums.z[s];
        publish(b, &b->layer[l]);
    }
}

/* The tally comes before the losses, because a term over the step reads the step's counts. */
void balance_finish(balance *b)
{
    bring_together(b);
    tally_micro_batch(b);
    evaluate_all(b);
}

void balance_repeat(balance *b)
{
    balance_values value = b->value;
    bring_together(b);
    evaluate_all(b);
    b->value = value;
}

/* ---- the survey of a step ----
 *
 * A loss over the step, such as the load loss, multiplies counts of the whole step with mean scores
 * of the whole step. The backward pass of the first micro-batch therefore needs the counts of the
 * last. The survey runs all forward passes once before, and adds their statistics up into one set
 * for each layer, beside the tally of their counts. */

bool balance_wants_survey(const balance *b)
{
    return b->layers > 0 && balance_has_over(&b->options, BALANCE_STEP);
}

void balance_survey(balance *b)
{
    int64_t devices = balance_devices(b);
    bring_together(b);
    for (int l = 0; l < b->layers; l++) {
        layer_statistics *p = &b->layer[l];
        count_micro_batch(b, p);
        for (int64_t s = 0; s < p->sequences; s++)
            add_sums(&p->sums, s, p->about.experts, devices, &p->survey);
    }
    for (int64_t i = 0; i < b->tally_size; i++) b->survey_tally[i] += b->micro_tally[i];
    b->surveyed = true;
}

const score_gradient *balance_gradients(const balance *b, int layer)
{
    return b->options.terms || b->options.z_loss != 0
               ? b->layer[layer].dscore + b->layer[layer].first
               : NULL;
}

const real *balance_routing_gradient(const balance *b, int layer)
{
    return b->layer[layer].dlogits;
}

void balance_parameter_gradients(const balance *b, int layer, const routing *r, router_gradients *g)
{
    const layer_statistics *p = &b->layer[layer];
    for (int i = 0; i < b->options.terms; i++) {
        const routing_loss *loss = b->options.term[i].loss->routing;
        if (!loss || !loss->parameters) continue;
        if (balance_coefficient(&b->options, &p->about.own, i) != 0)
            loss->parameters(r, p->routing_scale[i], g);
    }
}

bool balance_has_z_loss(const balance *b) { return b->options.z_loss != 0; }

balance_values balance_value(const balance *b)
{
    balance_values v = b->value;
    v.terms = b->options.terms;
    for (int i = 0; i < v.terms; i++) v.term[i].name = b->options.term[i].name;
    return v;
}

/* ---- the step, and the bias update that ends it ---- */

void balance_step_begin(balance *b, int64_t sequences, int64_t tokens)
{
    b->step_sequences = sequences > 0 ? sequences : 1;
    b->step_tokens = tokens > 0 ? tokens : 1;
    b->value = (balance_values){ 0 };
    b->ended = b->surveyed = false;
    memset(b->step_tally, 0, (size_t)b->tally_size * sizeof *b->step_tally);
    memset(b->survey_tally, 0, (size_t)b->tally_size * sizeof *b->survey_tally);
    for (int l = 0; l < b->layers; l++) {
        layer_statistics *p = &b->layer[l];
        clear_sums(&p->survey, p->about.experts, balance_devices(b));
        memset(p->step_probability, 0, (size_t)p->about.experts * sizeof(double));
        p->step_entropy = p->step_lse = 0;
        p->step_logit_max = -INFINITY;
        p->bias_moved = false;
    }
}

void balance_step_end(balance *b) { b->ended = true; }

/* Loss-free balancing: b_e += rate * sign(mean count - count_e). Multiplied by E, the difference is
 * one of integers, so that its sign is exact, and the same on every rank. The counts are of experts
 * among which tokens choose: those of a bank, or those of the layer. */
static void move_bias(const int64_t *count, int64_t experts, double rate, real *bias)
{
    int64_t all = 0;
    for (int64_t e = 0; e < experts; e++) all += count[e];
    for (int64_t e = 0; e < experts; e++) {
        int64_t lack = all - experts * count[e]; /* of the sign of mean - count */
        bias[e] += (real)(rate * (lack > 0 ? 1 : lack < 0 ? -1 : 0));
    }
}

void balance_update_bias(balance *b, int l, real *bias)
{
    layer_statistics *p = &b->layer[l];
    assert(b->ended && "the counts of a step are known when it has ended");
    if (p->bias_moved) return;
    p->bias_moved = true;
    const router_options *route = p->about.route;
    double rate = balance_bias_rate(&b->options, &p->about.own);
    if (!route || !route->banks) {
        move_bias(p->step.count, p->about.experts, rate, bias);
        return;
    }
    for (int32_t i = 0, first = 0; i < route->banks; first += route->bank_experts[i++])
        move_bias(p->step.count + first, route->bank_experts[i], rate, bias + first);
}

void balance_counts(const balance *b, int l, int64_t sequence, int32_t *counts)
{
    const layer_statistics *p = &b->layer[l];
    for (int32_t e = 0; e < p->about.experts; e++)
        counts[e] = (int32_t)p->sums.count[sequence * p->about.experts + e];
}

balance_totals balance_total(const balance *b, int l)
{
    const layer_statistics *p = &b->layer[l];
    const int64_t *scalars = p->step.scalars;
    return (balance_totals){ .experts = p->about.experts,
        .count = p->step.count,
        .tokens = scalars[TALLY_TOKENS],
        .dropped = scalars[TALLY_DROPPED],
        .rerouted = scalars[TALLY_REROUTED],
        .probability = p->step_probability,
        .entropy = p->step_entropy,
        .lse = p->step_lse,
        .logit_max = p->step_logit_max };
}
