/* batches.c - takes windows of a corpus in a random order, or the rows of a token file. */
#include "train/batches.h"

#include <string.h>

#include "base/random.h"
#include "text/token_word.h"

/* The number of windows of a run, which it has for any offset below `context` (an offset costs at
 * most one window) */
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

/* Where a row's window of context + 1 words begins */
typedef struct window {
    const token_run *run;
    int64_t from;
} window;

/* Window `at` of run i; shift: the key of this epoch's random offsets */
static window window_at(const batches *b, int i, random_key shift, int64_t at)
{
    const token_run *run = &b->run[i];
    int64_t room = run->count - 1 - windows_of(run, b->context) * b->context;
    int64_t most = room < b->context ? room + 1 : b->context;
    int64_t offset = (int64_t)(random_uniform(shift, (uint64_t)i) * (double)most);
    return (window){ run, at * b->context + offset };
}

/* The window of row `serial`, counted from the beginning of training, if domains have no weights */
static window common_window(const batches *b, int64_t serial)
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

/* The same if domains have weights. The BATCHES_MIX rows around this one are permuted, and each
 * domain has as many neighbouring places in the permutation as its weight says. */
static window mixed_window(const batches *b, int64_t serial)
{
    int64_t mix = serial / BATCHES_MIX;
    random_key key = random_key_of(b->seed, "mixture", (uint64_t)mix, 0);
    int64_t place = (int64_t)random_permute(key, BATCHES_MIX, (uint64_t)(serial % BATCHES_MIX));
    int i = 0;
    while (place >= b->run[i].weight) place -= b->run[i++].weight;
    int64_t own = mix * b->run[i].weight + place, windows = windows_of(&b->run[i], b->context);
    uint64_t epoch = (uint64_t)(own / windows);
    random_key order = random_key_of(b->seed, "window", epoch, (uint64_t)i + 1),
               shift = random_key_of(b->seed, "offset", epoch, (uint64_t)i + 1);
    return window_at(
        b, i, shift, (int64_t)random_permute(order, (uint64_t)windows, (uint64_t)(own % windows)));
}

/* Row `serial` of a token file, counted from the file's beginning */
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

cadre_status token_run_read(const token_run *run, int64_t from, int64_t count, int32_t *words)
{
    if (run->store) return token_store_read(run->store, from, count, words);
    memcpy(words, run->words + from, (size_t)count * sizeof *words);
    return CADRE_OK;
}

/* Reads the words of a window: all but the last as inputs, all but the first as targets. */
static cadre_status read_window(const batches *b, const window *w, const batch_rows *to)
{
    int64_t n = b->context;
    CADRE_TRY(token_run_read(w->run, w->from, n, to->inputs));
    CADRE_TRY(token_run_read(w->run, w->from + n, 1, &to->targets[n - 1]));
    memcpy(to->targets, to->inputs + 1, (size_t)(n - 1) * sizeof *to->targets);
    return CADRE_OK;
}

static cadre_status check_word(const batches *b, const window *w, int32_t word)
{
    if (!w->run->store || token_word_id(word) < b->vocabulary) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, w->run->store->path, "expected ids of 0 to %lld, found %d",
        (long long)b->vocabulary - 1, token_word_id(word));
}

static cadre_status corpus_row(const batches *b, int64_t serial, const batch_rows *to)
{
    const window w = b->weighted ? mixed_window(b, serial) : common_window(b, serial);
    CADRE_TRY(read_window(b, &w, to));
    for (int64_t i = 0; i < b->context; i++) {
        int32_t word = to->inputs[i], next = to->targets[i];
        CADRE_TRY(check_word(b, &w, word));
        CADRE_TRY(check_word(b, &w, next));
        bool counts = !token_word_silent(next) && !(b->pack && token_word_begins(next));
        to->inputs[i] = token_word_id(word);
        to->targets[i] = counts ? token_word_id(next) : -1;
        if (b->pack && i > 0) to->begins[i] = token_word_begins(word);
    }
    return CADRE_OK;
}

static void empty_rows(const batches *b, int64_t count, const batch_rows *rows)
{
    size_t size = (size_t)(count * b->context);
    memset(rows->inputs, 0, size * sizeof *rows->inputs);
    memset(rows->targets, 0, size * sizeof *rows->targets);
    memset(rows->begins, 0, size * sizeof *rows->begins);
}

cadre_status batches_take(
    const batches *b, int64_t step, int64_t first, int64_t count, const batch_rows *rows)
{
    cadre_status status = CADRE_OK;
    for (int64_t i = 0; i < count && status == CADRE_OK; i++) {
        int64_t serial = step * b->batch + first + i, at = i * b->context;
        batch_rows row = { rows->inputs + at, rows->targets + at, rows->begins + at, NULL };
        if (b->table) file_row(b, serial, &row);
        else status = corpus_row(b, serial, &row);
    }
    if (status != CADRE_OK) empty_rows(b, count, rows);
    return status;
}

/* The most documents that begin among so many neighbouring words of a store. The store knows this
 * number for powers of two; the next larger one is taken. */
static int64_t most_in_store(const token_store *s, int64_t words)
{
    int level = 0;
    while (level + 1 < TOKEN_STORE_LEVELS && (int64_t)1 << level < words) level++;
    return (int64_t)1 << level < words ? words : s->facts.most[level];
}

static int64_t most_in_memory(const token_run *run, int64_t words)
{
    int64_t most = 0;
    for (int64_t i = 0, count = 0; i < run->count; i++) {
        count += token_word_begins(run->words[i]);
        if (i >= words) count -= token_word_begins(run->words[i - words]);
        if (count > most) most = count;
    }
    return most;
}

/* The most documents in any window of a corpus: those that begin in it, and one that began
 * before */
static int64_t most_in_runs(const batches *b)
{
    int64_t most = 1;
    for (int r = 0; r < b->runs; r++) {
        const token_run *run = &b->run[r];
        int64_t begins =
            run->store ? most_in_store(run->store, b->context) : most_in_memory(run, b->context);
        if (begins + 1 > most) most = begins + 1;
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
