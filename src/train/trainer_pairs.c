/* trainer_pairs.c - answers that are compared (preference.h): the losses of pairs, and by what the
 * losses of their tokens count in them. */
#include "train/preference.h"
#include "train/trainer_state.h"

/* In the order of the tokens */
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

void trainer_sum_rows(trainer *t, double *sums)
{
    take_losses(t);
    for (int64_t row = 0; row < t->part.sequences; row++) sums[row] = row_loss(t, row);
}

void trainer_count_rows(const trainer *t, int32_t *loads)
{
    const balance *b = t->stacks[DECODER].balance;
    int64_t first = 0, all = 0, layers = model_config_sparse_layers(&t->config);
    for (int i = 0; i < layers; i++) all += balance_total(b, i).experts;
    for (int i = 0; i < layers; i++) {
        for (int64_t row = 0; row < t->part.sequences; row++)
            balance_counts(b, i, row, loads + (t->part.first + row) * all + first);
        first += balance_total(b, i).experts;
    }
}

void trainer_weigh_pairs(trainer *t)
{
    int64_t context = t->settings.context;
    take_losses(t);
    for (int64_t pair = 0; pair < t->part.sequences / 2; pair++) {
        const double minus[2] = { row_loss(t, 2 * pair), row_loss(t, 2 * pair + 1) };
        double margin, by;
        t->pair_losses +=
            preference_loss(t->settings.preference, minus, t->reference + 2 * pair, &margin, &by);
        t->margins += margin;
        for (int64_t i = 0; i < context; i++) {
            t->weights[2 * pair * context + i] = (real)by;
            t->weights[(2 * pair + 1) * context + i] = (real)-by;
        }
    }
    transformer_weigh_losses(t->stacks[DECODER].transformer, t->weights);
}
