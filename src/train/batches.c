/* batches.c - takes windows of a corpus in a shuffled order, or the rows of a token file. */
#include "train/batches.h"

#include <string.h>

#include "base/random.h"

/* The number of windows of one run at any offset below `context`; an offset costs at most one
 * window. */
static int64_t windows_of(const token_run *run, int64_t context)
{
    int64_t whole = (run->count - 1) / context - 1;
    return whole > 0 ? whole : run->count > context ? 1 : 0;
}

cadre_status batches_of_corpus(
    const token_run *run, int runs, int64_t batch, int64_t context, uint64_t seed, batches *b)
{
    int64_t windows = 0;
    for (int i = 0; i < runs; i++) windows += windows_of(&run[i], context);
    if (!windows)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "the training text: expected a domain of more than %lld tokens (one context), found "
            "none",
            (long long)context);
    *b = (batches){ .batch = batch,
        .context = context,
        .seed = seed,
        .runs = runs,
        .run = run,
        .windows = windows };
    return CADRE_OK;
}

/* The window [context + 1] of sequence `serial`, counted from the beginning of the run. */
static const int32_t *corpus_window(const batches *b, int64_t serial)
{
    uint64_t epoch = (uint64_t)(serial / b->windows);
    random_key order = random_key_of(b->seed, "window", epoch, 0),
               shift = random_key_of(b->seed, "offset", epoch, 0);
    int64_t at =
        (int64_t)random_permute(order, (uint64_t)b->windows, (uint64_t)(serial % b->windows));
    int i = 0;
    while (at >= windows_of(&b->run[i], b->context)) at -= windows_of(&b->run[i++], b->context);
    int64_t room = b->run[i].count - 1 - (windows_of(&b->run[i], b->context) * b->context);
    int64_t most = room < b->context ? room + 1 : b->context;
    int64_t offset = (int64_t)(random_uniform(shift, (uint64_t)i) * (double)most);
    return b->run[i].tokens + at * b->context + offset;
}

/* Row `serial`, counted from the beginning of the run, of a file */
static void file_row(const batches *b, int64_t serial, const batch_rows *to)
{
    const int32_t *tokens = b->table + serial * (b->context + 1),
                  *document = b->documents ? b->documents + serial * (b->context + 1) : NULL,
                  *given = b->targets ? b->targets + serial * b->context : tokens + 1;
    for (int64_t i = 0; i < b->context; i++) {
        bool crosses = document && document[i + 1] != document[i];
        to->inputs[i] = tokens[i];
        to->targets[i] = given[i] < 0 || crosses ? -1 : given[i];
        if (document && i > 0) to->begins[i] = document[i] != document[i - 1];
    }
}

static void corpus_row(const batches *b, int64_t serial, const batch_rows *to)
{
    const int32_t *window = corpus_window(b, serial);
    memcpy(to->inputs, window, (size_t)b->context * sizeof *to->inputs);
    memcpy(to->targets, window + 1, (size_t)b->context * sizeof *to->targets);
}

void batches_take(
    const batches *b, int64_t step, int64_t first, int64_t count, const batch_rows *rows)
{
    for (int64_t i = 0; i < count; i++) {
        int64_t serial = step * b->batch + first + i, at = i * b->context;
        batch_rows row = { rows->inputs + at, rows->targets + at, rows->begins + at };
        if (b->table) file_row(b, serial, &row);
        else corpus_row(b, serial, &row);
    }
}

int64_t batches_most_documents(const batches *b)
{
    int64_t most = 1, rows = b->documents ? b->steps * b->batch : 0;
    for (int64_t r = 0; r < rows; r++) {
        const int32_t *document = b->documents + r * (b->context + 1);
        int64_t count = 1;
        for (int64_t i = 1; i < b->context; i++) count += document[i] != document[i - 1];
        if (count > most) most = count;
    }
    return most;
}
