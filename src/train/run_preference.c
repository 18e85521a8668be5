/* run_preference.c - a run that learns which answers are preferred. */
#include <stdio.h>

#include "base/memory.h"
#include "base/options.h"
#include "text/tokenizer_export.h"
#include "train/run.h"

static cadre_status open_tokenizer(train_run *r)
{
    if (r->from && tokenizer_exists(r->from)) {
        CADRE_TRY(tokenizer_open(r->from, &r->tokenizer));
        return tokenizer_write_json(r->tokenizer, &r->tokenizer_json);
    }
    return CADRE_OK;
}

cadre_status train_preference_open(train_run *r)
{
    const char *path = cadre_options_text(r->options, "preference", 0);
    char text[24];
    if (!r->from)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--preference: expected --from, the model whose answers are compared, found none");
    CADRE_TRY(open_tokenizer(r));
    CADRE_TRY(preference_read(path, r->tokenizer, r->config.vocab, &r->preferences));
    snprintf(text, sizeof text, "%lld", (long long)r->preferences.longest);
    CADRE_TRY(options_supply(r->options, "context", text));
    int64_t context = cadre_options_int(r->options, "context", 0);
    if (context >= r->preferences.longest) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, path,
        "--context: expected at least %s, which its longest prompt and answer take, found %lld",
        text, (long long)context);
}

static void take(
    const train_run *r, int64_t pair, int64_t answer, int64_t at, const batch_rows *rows)
{
    const preference_set *s = &r->preferences;
    int64_t context = r->settings.context, row = 2 * pair + answer;
    preference_row(s, row, context, rows->inputs + at * context, rows->targets + at * context);
    if (rows->reference) rows->reference[at] = s->reference[row];
}

void train_preference_take(const train_run *r, int64_t first, int64_t count, const batch_rows *rows)
{
    int64_t pairs = r->settings.batch / 2, before = r->state.step * pairs;
    for (int64_t i = 0; i < count; i++) {
        int64_t at = before + (first + i) / 2;
        int64_t pair = preference_at(&r->preferences, r->settings.seed, pairs, at);
        take(r, pair, (first + i) % 2, i, rows);
    }
}

/* ---- the start ---- */

typedef struct measuring {
    const train_run *run;
    int64_t first; /* pair of the first row */
} measuring;

static void feed_in_order(void *arg, int64_t first, int64_t count, const batch_rows *rows)
{
    const measuring *m = arg;
    for (int64_t i = 0; i < count; i++)
        take(m->run, (m->first + (first + i) / 2) % m->run->preferences.pairs, (first + i) % 2, i,
            rows);
}

cadre_status train_preference_measure(train_run *r)
{
    preference_set *s = &r->preferences;
    int64_t batch = r->settings.batch;
    double *losses = MEM_ARRAY(double, batch);
    cadre_status status = losses ? CADRE_OK : CADRE_ENOMEM;
    for (measuring m = { .run = r }; m.first < s->pairs && status == CADRE_OK;
         m.first += batch / 2) {
        status = trainer_measure(r->trainer, feed_in_order, &m, losses);
        for (int64_t i = 0; i < batch && status == CADRE_OK; i++)
            if (m.first + i / 2 < s->pairs) s->reference[2 * m.first + i] = -losses[i];
    }
    mem_free(losses);
    return status;
}
