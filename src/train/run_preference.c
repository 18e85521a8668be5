/* run_preference.c - a run that learns which answers are preferred (DPO): it reads the pairs,
 * measures the reference model, and feeds the pairs to the trainer. */
#include <stdio.h>
#include <string.h>

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

/* Finds the model's chat template. Without one, only pairs that are no conversations can be
 * read. */
static cadre_status find_frame(const train_run *r, preference_frame *frame)
{
    *frame = (preference_frame){ .tokenizer = r->tokenizer };
    if (!r->tokenizer) return CADRE_OK;
    cadre_status status = train_data_template(r, &frame->chat);
    return status == CADRE_EUNSUPPORTED ? CADRE_OK : status;
}

cadre_status train_preference_open(train_run *r)
{
    preference_frame frame;
    const char *path = cadre_options_text(r->options, "preference", 0);
    char text[24];
    if (!r->from)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--preference: expected --from, the model whose answers are compared, found none");
    CADRE_TRY(open_tokenizer(r));
    CADRE_TRY(find_frame(r, &frame));
    CADRE_TRY(preference_read(path, &frame, r->config.vocab, &r->preferences));
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

/* ---- the reference model ---- */

typedef struct measured_pairs {
    const train_run *run;
    int64_t first; /* the pair of the batch's first row */
} measured_pairs;

static void feed_in_order(void *arg, int64_t first, int64_t count, const batch_rows *rows)
{
    const measured_pairs *m = arg;
    for (int64_t i = 0; i < count; i++)
        take(m->run, (m->first + (first + i) / 2) % m->run->preferences.pairs, (first + i) % 2, i,
            rows);
}

static int64_t sum_experts(const model_config *c)
{
    int64_t sum = 0;
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse) sum += c->layer[l].moe.experts;
    return sum;
}

/* Stores what was measured on the rows of a batch. The last batch may have more rows than are left
 * in the file. */
static void keep_rows(preference_set *s, int64_t first, int64_t rows, const trainer_rows *measured)
{
    int64_t left = 2 * (s->pairs - first), count = rows < left ? rows : left;
    for (int64_t i = 0; i < count; i++) s->reference[2 * first + i] = -measured->losses[i];
    memcpy(s->loads + 2 * first * s->experts, measured->loads,
        (size_t)(count * s->experts) * sizeof *s->loads);
}

cadre_status train_preference_measure(train_run *r)
{
    preference_set *s = &r->preferences;
    int64_t batch = r->settings.batch;
    s->experts = sum_experts(&r->config);
    s->loads = MEM_ARRAY(int32_t, 2 * s->pairs * s->experts);
    s->step_loads = MEM_ARRAY(int64_t, s->experts);
    trainer_rows measured = { .losses = MEM_ARRAY(double, batch),
        .loads = MEM_ARRAY(int32_t, batch * s->experts) };
    bool made = s->loads && s->step_loads && measured.losses && measured.loads;
    cadre_status status = made ? CADRE_OK : CADRE_ENOMEM;
    for (measured_pairs m = { .run = r }; m.first < s->pairs && status == CADRE_OK;
         m.first += batch / 2) {
        status = trainer_measure(r->trainer, feed_in_order, &m, &measured);
        if (status == CADRE_OK) keep_rows(s, m.first, batch, &measured);
    }
    mem_free(measured.losses);
    mem_free(measured.loads);
    return status;
}

const int64_t *train_preference_loads(const train_run *r)
{
    const preference_set *s = &r->preferences;
    int64_t pairs = r->settings.batch / 2, *loads = s->step_loads;
    memset(loads, 0, (size_t)s->experts * sizeof *loads);
    for (int64_t i = 0; i < 2 * pairs; i++) {
        int64_t at = (r->state.step - 1) * pairs + i / 2;
        int64_t row = 2 * preference_at(s, r->settings.seed, pairs, at) + i % 2;
        for (int64_t e = 0; e < s->experts; e++) loads[e] += s->loads[row * s->experts + e];
    }
    return loads;
}
