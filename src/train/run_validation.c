/* run_validation.c - validation: the loss on held-out texts while a run goes on. It reads windows
 * of every domain, one after another, in full batches. */
#include "text/token_word.h"
#include "train/run.h"

typedef struct held_out {
    const train_run *r;
    int64_t base;      /* the batch's first row */
    int64_t most_rows; /* of one domain */
} held_out;

static int64_t rows_of(const held_out *h, int i)
{
    int64_t rows =
        ((int64_t)h->r->corpus->domains[i].validation.count - 1) / h->r->settings.context;
    return rows < 0 ? 0 : rows < h->most_rows ? rows : h->most_rows;
}

static int64_t all_rows(const held_out *h)
{
    int64_t rows = 0;
    for (int i = 0; i < h->r->corpus->count; i++) rows += rows_of(h, i);
    return rows;
}

/* Writes a row. Rows after the last one, which fill the last batch, have no targets that count. */
static void fill_row(const held_out *h, int64_t row, const batch_rows *to)
{
    int64_t context = h->r->settings.context;
    int i = 0;
    for (; i < h->r->corpus->count && row >= rows_of(h, i); i++) row -= rows_of(h, i);
    const int32_t *words =
        i < h->r->corpus->count ? h->r->corpus->domains[i].validation.ids + row * context : NULL;
    for (int64_t j = 0; j < context; j++) {
        int32_t next = words ? words[j + 1] : TOKEN_SILENT;
        bool counts = !token_word_silent(next) && !(h->r->batches.pack && token_word_begins(next));
        to->inputs[j] = words ? token_word_id(words[j]) : 0;
        to->targets[j] = counts ? token_word_id(next) : -1;
        if (words && h->r->batches.pack && j > 0) to->begins[j] = token_word_begins(words[j]);
    }
}

static void feed(void *arg, int64_t first, int64_t count, const batch_rows *rows)
{
    const held_out *h = arg;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = i * h->r->settings.context;
        batch_rows row = { rows->inputs + at, rows->targets + at, rows->begins + at, NULL };
        fill_row(h, h->base + first + i, &row);
    }
}

static held_out held_out_of(const train_run *r)
{
    int64_t rows = r->settings.validate_tokens / r->settings.context / r->corpus->count;
    return (held_out){ r, 0, rows > 0 ? rows : 1 };
}

cadre_status train_validation_check_early(const train_run *r)
{
    bool texts = cadre_options_count(r->options, "data");
    if (!r->settings.validate_every || r->dry || (texts && !train_has_encoder(r))) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL, "--validate-every: expected %s",
        texts ? "a decoder, found a model with an encoder"
              : "--data, of whose texts some are held out, found --tokens");
}

/* Reads what validations will look at, of every domain, from where it is kept. */
static cadre_status read_words(const held_out *h)
{
    const train_run *r = h->r;
    for (int i = 0; i < r->corpus->count; i++) {
        corpus_domain *d = &r->corpus->domains[i];
        CADRE_TRY(corpus_read_validation(d, h->most_rows * r->settings.context + 1));
        for (int64_t k = 0; d->store && k < (int64_t)d->validation.count; k++)
            if (token_word_id(d->validation.ids[k]) >= r->config.vocab)
                return cadre_fail(CADRE_EFORMAT, d->store->path,
                    "expected ids of 0 to %lld, found %d", (long long)r->config.vocab - 1,
                    token_word_id(d->validation.ids[k]));
    }
    return CADRE_OK;
}

cadre_status train_validation_prepare(const train_run *r)
{
    if (!r->settings.validate_every) return CADRE_OK;
    held_out h = held_out_of(r);
    CADRE_TRY(read_words(&h));
    if (all_rows(&h)) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--validate-every: expected a held-out text of more than %lld tokens (one context), found "
        "none",
        (long long)r->settings.context);
}

bool train_validation_due(const train_run *r, int64_t step)
{
    return r->settings.validate_every && step % r->settings.validate_every == 0;
}

cadre_status train_validate(const train_run *r, double *loss)
{
    held_out h = held_out_of(r);
    double sum = 0;
    int64_t counted = 0, rows = all_rows(&h);
    for (; h.base < rows; h.base += r->settings.batch)
        CADRE_TRY(trainer_evaluate(r->trainer, feed, &h, &sum, &counted));
    *loss = counted ? sum / (double)counted : 0;
    return CADRE_OK;
}
