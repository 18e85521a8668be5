/* batches.c - takes windows of a corpus in a shuffled order, or the rows of a token file. */
#include "train/batches.h"

#include "base/random.h"
#include "text/token_word.h"

/* The number of windows of one run at any offset below `context`; an offset costs at most one
 * window. */
static int64_t windows_of(const token_run *run, int64_t context)
{
    int64_t whole = (run->count - 1) / context - 1;
    return whole > 0 ? whole : run->count > context ? 1 : 0;
}

static cadre_status check_weights(const batches *b)
{
    for (int i = 0; i < b->runs; i++)
        if (b->run[i].weight && !windows_of(&b->run[i], b->context))
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "--weights: expected domains of more than %lld tokens (one context), found a "
                "smaller one with a weight",
                (long long)b->context);
    return CADRE_OK;
}

cadre_status batches_of_corpus(
    const token_run *run, int runs, int64_t batch, int64_t context, uint64_t seed, batches *b)
{
    int64_t windows = 0, weights = 0;
    for (int i = 0; i < runs; i++) {
        windows += windows_of(&run[i], context);
        weights += run[i].weight;
    }
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
        .windows = windows,
        .weighted = weights > 0 };
    return check_weights(b);
}

/* A window of one run: where it begins, in an epoch of one offset */
static const int32_t *window_at(const batches *b, int i, random_key shift, int64_t at)
{
    const token_run *run = &b->run[i];
    int64_t room = run->count - 1 - windows_of(run, b->context) * b->context;
    int64_t most = room < b->context ? room + 1 : b->context;
    int64_t offset = (int64_t)(random_uniform(shift, (uint64_t)i) * (double)most);
    return run->words + at * b->context + offset;
}

/* Row `serial` of all domains together, counted from the beginning of the run */
static const int32_t *common_window(const batches *b, int64_t serial)
{
    uint64_t epoch = (uint64_t)(serial / b->windows);
    random_key order = random_key_of(b->seed, "window", epoch, 0),
               shift = random_key_of(b->seed, "offset", epoch, 0);
    int64_t at =
        (int64_t)random_permute(order, (uint64_t)b->windows, (uint64_t)(serial % b->windows));
    int i = 0;
    while (at >= windows_of(&b->run[i], b->context)) at -= windows_of(&b->run[i++], b->context);
    return window_at(b, i, shift, at);
}

/* The same where domains have weights: of every BATCHES_MIX rows, each has its own number. */
static const int32_t *mixed_window(const batches *b, int64_t serial)
{
    int64_t mix = serial / BATCHES_MIX;
    random_key deal = random_key_of(b->seed, "mixture", (uint64_t)mix, 0);
    int64_t place = (int64_t)random_permute(deal, BATCHES_MIX, (uint64_t)(serial % BATCHES_MIX));
    int i = 0;
    while (place >= b->run[i].weight) place -= b->run[i++].weight;
    int64_t own = mix * b->run[i].weight + place, windows = windows_of(&b->run[i], b->context);
    uint64_t epoch = (uint64_t)(own / windows);
    random_key order = random_key_of(b->seed, "window", epoch, (uint64_t)i + 1),
               shift = random_key_of(b->seed, "offset", epoch, (uint64_t)i + 1);
    return window_at(
        b, i, shift, (int64_t)random_permute(order, (uint64_t)windows, (uint64_t)(own % windows)));
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
    const int32_t *window = b->weighted ? mixed_window(b, serial) : common_window(b, serial);
    for (int64_t i = 0; i < b->context; i++) {
        int32_t next = window[i + 1];
        bool counts = !token_word_silent(next) && !(b->pack && token_word_begins(next));
        to->inputs[i] = token_word_id(window[i]);
        to->targets[i] = counts ? token_word_id(next) : -1;
        if (b->pack && i > 0) to->begins[i] = token_word_begins(window[i]);
    }
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

/* In any window of a corpus */
static int64_t most_in_runs(const batches *b)
{
    int64_t most = 1;
    for (int r = 0; r < b->runs; r++) {
        const token_run *run = &b->run[r];
        for (int64_t i = 0, count = 0; i < run->count; i++) {
            count += token_word_begins(run->words[i]);
            if (i >= b->context) count -= token_word_begins(run->words[i - b->context]);
            if (count >= most) most = count + 1; /* and what goes on before the first of them */
        }
    }
    return most < b->context ? most : b->context;
}

int64_t batches_most_documents(const batches *b)
{
    if (!b->table) return b->pack ? most_in_runs(b) : 1;
    int64_t most = 1, rows = b->documents ? b->steps * b->batch : 0;
    for (int64_t r = 0; r < rows; r++) {
        const int32_t *document = b->documents + r * (b->context + 1);
        int64_t count = 1;
        for (int64_t i = 1; i < b->context; i++) count += document[i] != document[i - 1];
        if (count > most) most = count;
    }
    return most;
}
