/* finite.c - checks results in one pass, and searches the weights if a result is not finite.
 *
 * The search takes vectors first, which are small and in which one wrong element spoils every
 * token; then matrices, up to a few hundred million elements. That takes a second or two. */
#include "infer/finite.h"

#include <stdio.h>

#include "base/checked.h"
#include "base/memory.h"
#include "format/quote.h"

enum { PIECE = 4096, SEARCHED_MOST = 1 << 28 }; /* elements at a time, and of all matrices */

bool reals_are_finite(const real *values, int64_t count)
{
    enum { LANES = 16 };
    real lane[LANES] = { 0 }, others = 0; /* 0, until something is no number */
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] += values[i + j] - values[i + j];
    for (int j = 0; j < LANES; j++) others += lane[j];
    for (; i < count; i++) others += values[i] - values[i];
    return others == 0;
}

/* The name of a value that is not finite; NULL: all are finite. */
static const char *found_in(const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        if (!(values[i] - values[i] == 0)) return values[i] != values[i] ? "NaN" : "an infinity";
    return NULL;
}

static const char *found_in_tensor(const stored_tensor *t, int64_t most)
{
    int64_t count;
    float piece[PIECE];
    const char *found = NULL;
    if (!t->format || !checked_product(t->shape, t->rank, &count)) return NULL;
    if (count > most) count = most / t->format->block * t->format->block;
    /* A piece is whole blocks in every format. */
    for (int64_t i = 0; i < count && !found; i += PIECE) {
        int64_t n = count - i < PIECE ? count - i : PIECE;
        t->format->unpack(t->data + number_row_bytes(t->format, i), piece, n);
        found = found_in(piece, n);
    }
    return found;
}

/* Adds as advice the first tensor of this kind that holds a value that is not finite. */
static bool advise_tensor(const cadre_model *model, bool vectors)
{
    int64_t left = SEARCHED_MOST;
    for (size_t i = 0; i < weight_file_count(&model->file) && left > 0; i++) {
        char buffer[GGUF_NAME];
        stored_tensor t;
        const char *name = weight_file_at(&model->file, i, buffer, &t);
        if ((t.rank < 2) != vectors) continue;
        const char *found = found_in_tensor(&t, left);
        left -= (int64_t)t.size;
        if (!found) continue;
        cadre_fail_advice("Its tensor %s holds %s: the file was damaged, or made so.",
            quote_text(name).text, found);
        return true;
    }
    return false;
}

cadre_status refuse_not_finite(const cadre_model *model, const char *what)
{
    cadre_fail(CADRE_EFORMAT, model->path,
        "the model computes no numbers: expected finite ones, found others in %s", what);
    if (!advise_tensor(model, true) && !advise_tensor(model, false))
        cadre_fail_advice("No tensor that was looked at holds one: sums of its weights are beyond "
                          "what a float holds.");
    return CADRE_EFORMAT;
}

cadre_status logits_refuse(const cadre_model *model, int64_t position)
{
    char what[64];
    snprintf(what, sizeof what, "the logits of token %lld", (long long)position);
    return refuse_not_finite(model, what);
}

cadre_status logits_check(const cadre_model *model, const real *logits, int64_t position)
{
    if (reals_are_finite(logits, model->config.vocab)) return CADRE_OK;
    return logits_refuse(model, position);
}
