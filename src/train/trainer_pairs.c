/* trainer_pairs.c - preference pairs (preference.h): the loss of each pair of answers, and the
 * weights of their tokens' losses, which give the gradient. */
#include "train/preference.h"
#include "train/trainer_state.h"

/* The sum of a row's losses, in the order of its tokens */
static double row_loss(const trainer *t, int64_t row)
{
    double sum = 0;
    int64_t context = t->settings.context;
    for (int64_t i = 0; i < context; i++) sum += (double)t->losses[row * context + i];
    return sum;
}

static void take_losses(trainer *t)
{
    stack *k = &t->stacks[DECODER];
    transformer_losses(k->transformer, &k->weights, t->targets, t->losses);
}

/* How many rows of the micro-batch come before those of rank r; r = ranks: how many it has */
static int64_t rows_before(const trainer *t, const micro_batch *m, int r)
{
    if (t->plan.ranks == 1) return r ? t->current.sequences : 0;
    return m->first_token[r] / t->settings.context;
}

/* Gathers on every rank one item of `size` bytes for each row of the micro-batch. */
static void gather_rows(trainer *t, const micro_batch *m, size_t size, void *all)
{
    int64_t first[BATCH_RANKS + 1];
    if (t->plan.ranks == 1) return;
    for (int r = 0; r <= t->plan.ranks; r++) first[r] = rows_before(t, m, r);
    const char *own = (const char *)all + (size_t)first[t->plan.rank] * size;
    comm_all_gather_v(t->groups.tokens, own, first, size, all);
}

void trainer_sum_rows(trainer *t, int64_t i, double *sums)
{
    const micro_batch *m = trainer_micro(t, i);
    double *rows = sums + i * t->settings.batch / t->settings.accumulate,
           *own = rows + rows_before(t, m, t->plan.rank);
    take_losses(t);
    for (int64_t row = 0; row < t->current.sequences; row++) own[row] = row_loss(t, row);
    gather_rows(t, m, sizeof *sums, rows);
}

void trainer_count_rows(trainer *t, int64_t i, int32_t *loads)
{
    const micro_batch *m = trainer_micro(t, i);
    const balance *b = t->stacks[DECODER].balance;
    int64_t experts = 0, layers = model_config_sparse_layers(&t->config),
            first = rows_before(t, m, t->plan.rank);
    for (int l = 0; l < layers; l++) experts += balance_total(b, l).experts;
    int32_t *rows = loads + i * t->settings.batch / t->settings.accumulate * experts;
    for (int64_t row = first; row < first + t->current.sequences; row++) {
        int32_t *at = rows + row * experts;
        for (int l = 0; l < layers; at += balance_total(b, l++).experts)
            balance_counts(b, l, row, at);
    }
    gather_rows(t, m, (size_t)experts * sizeof *loads, rows);
}

/* Sets the weight of the losses of a row's tokens, if this rank has the row. */
static void weigh_row(trainer *t, int64_t row, double loss_weight)
{
    int64_t context = t->settings.context;
    if (row < 0 || row >= t->current.sequences) return;
    for (int64_t i = 0; i < context; i++) t->weights[row * context + i] = (real)loss_weight;
}

/* Every rank computes the losses of all pairs of the micro-batch, as the two rows of a pair may be
 * on different ranks. */
void trainer_weigh_pairs(trainer *t, int64_t i)
{
    const micro_batch *m = trainer_micro(t, i);
    int64_t first = rows_before(t, m, t->plan.rank), all = rows_before(t, m, t->plan.ranks);
    take_losses(t);
    for (int64_t row = 0; row < t->current.sequences; row++)
        t->row[first + row] = (row_of_pair){ row_loss(t, row), t->reference[row] };
    gather_rows(t, m, sizeof *t->row, t->row);
    for (int64_t row = 0; row < all; row += 2) {
        const row_of_pair *pair = &t->row[row];
        const double nll[2] = { pair[0].nll, pair[1].nll };
        const double reference[2] = { pair[0].reference, pair[1].reference };
        double margin, loss_weight;
        t->pair_losses +=
            preference_loss(t->settings.preference, nll, reference, &margin, &loss_weight);
        t->margins += margin;
        weigh_row(t, row - first, loss_weight);
        weigh_row(t, row + 1 - first, -loss_weight);
    }
    transformer_weigh_losses(t->stacks[DECODER].transformer, t->weights);
}
