/* comparison.c - lets two models read the same windows and compares their logits, some rows at a
 * time. */
#include "grow/comparison.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum { ROWS = 32 }; /* whose logits are in memory at once */

typedef struct comparing {
    reading before, after;
    real *logits[2]; /* [ROWS, V] each */
    int64_t vocab;
    int64_t alike; /* positions with the same most likely token */
    double nats[2];
    int64_t predicted;
    cadre_growth *growth;
} comparing;

static cadre_status open_comparing(comparing *k, cadre_model *before, cadre_model *after)
{
    int64_t window = reading_window(before->config.context, after->config.context);
    k->vocab = before->config.vocab;
    for (int i = 0; i < 2; i++)
        if (!(k->logits[i] = MEM_ARRAY(real, ROWS * k->vocab))) return CADRE_ENOMEM;
    CADRE_TRY(reading_open(before, window, &k->before));
    return reading_open(after, window, &k->after);
}

static void close_comparing(comparing *k)
{
    reading_close(&k->before);
    reading_close(&k->after);
    for (int i = 0; i < 2; i++) mem_free(k->logits[i]);
}

static int64_t most_likely(const real *logits, int64_t vocab)
{
    int64_t best = 0;
    for (int64_t i = 1; i < vocab; i++)
        if (logits[i] > logits[best]) best = i;
    return best;
}

/* -log of the softmax at `target` */
static double loss_of(const real *logits, int64_t vocab, int32_t target)
{
    double most = (double)logits[most_likely(logits, vocab)], sum = 0;
    for (int64_t i = 0; i < vocab; i++) sum += exp((double)logits[i] - most);
    return log(sum) + most - (double)logits[target];
}

/* A difference that is not a number counts as infinite. */
static void keep_largest(double value, double *largest)
{
    if (!(value <= INFINITY)) value = INFINITY;
    if (value > *largest) *largest = value;
}

static void compare_row(comparing *k, const real *a, const real *b)
{
    cadre_growth *g = k->growth;
    k->alike += most_likely(a, k->vocab) == most_likely(b, k->vocab);
    if (!memcmp(a, b, (size_t)k->vocab * sizeof *a)) {
        for (int64_t i = 0; i < k->vocab; i++) keep_largest(fabs((double)a[i]), &g->largest_logit);
        return;
    }
    g->same_bits = false;
    for (int64_t i = 0; i < k->vocab; i++) {
        keep_largest(fabs((double)a[i]), &g->largest_logit);
        keep_largest(fabs((double)a[i] - (double)b[i]), &g->difference);
    }
}

static cadre_status compare_window(comparing *k, const int32_t *tokens, int64_t count)
{
    CADRE_TRY(reading_take(&k->before, tokens, count, NULL, NULL));
    CADRE_TRY(reading_take(&k->after, tokens, count, NULL, NULL));
    for (int64_t first = 0; first < count; first += ROWS) {
        int64_t rows = count - first < ROWS ? count - first : ROWS;
        transformer_logits(
            k->before.transformer, &k->before.model->weights, first, rows, k->logits[0]);
        transformer_logits(
            k->after.transformer, &k->after.model->weights, first, rows, k->logits[1]);
        for (int64_t r = 0; r < rows; r++) {
            const real *row[2] = { k->logits[0] + r * k->vocab, k->logits[1] + r * k->vocab };
            compare_row(k, row[0], row[1]);
            if (first + r + 1 == count) continue;
            for (int i = 0; i < 2; i++)
                k->nats[i] += loss_of(row[i], k->vocab, tokens[first + r + 1]);
            k->predicted++;
        }
    }
    return CADRE_OK;
}

cadre_status compare_models(
    cadre_model *before, cadre_model *after, const passage *p, cadre_growth *growth)
{
    comparing k = { .growth = growth };
    growth->same_bits = true;
    growth->difference = growth->largest_logit = 0;
    cadre_status status = open_comparing(&k, before, after);
    for (int64_t at = 0; status == CADRE_OK && at < p->count; at += k.before.window) {
        int64_t rest = p->count - at, window = k.before.window;
        status = compare_window(&k, p->tokens + at, rest < window ? rest : window);
    }
    close_comparing(&k);
    CADRE_TRY(status);
    double predicted = k.predicted ? (double)k.predicted : 1;
    growth->tokens = p->count;
    growth->agreement = (double)k.alike / (double)p->count;
    growth->loss_before = k.nats[0] / predicted;
    growth->loss_after = k.nats[1] / predicted;
    return CADRE_OK;
}
