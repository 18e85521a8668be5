/* evaluate.c - bits per byte and perplexity. */
#include "infer/evaluate.h"

#include <math.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/sized.h"
#include "infer/finite.h"
#include "infer/session.h"
#include "kernel/context.h"

enum { BATCH_TOKENS = 2048, WINDOW_MOST = 2048 };

/* Window i holds tokens i * half .. i * half + context - 1 as inputs and predicts the token after
 * each; of all windows but the first the second half of predictions counts. */
typedef struct windows {
    int64_t context, half, count, batch;
    const int32_t *tokens;
    int64_t tokens_count;
} windows;

static windows cut(const cadre_model *m, const int32_t *tokens, int64_t count, int64_t context)
{
    int64_t own = m->config.context < WINDOW_MOST ? m->config.context : WINDOW_MOST;
    windows w = { .context = context > 0 ? context : own, .tokens = tokens, .tokens_count = count };
    if (w.context > count - 1) w.context = count - 1 > 0 ? count - 1 : 1;
    w.half = w.context > 1 ? w.context / 2 : 1;
    int64_t rest = count - 1 - w.context;
    w.count = count < 2 ? 0 : rest > 0 ? 1 + (rest + w.half - 1) / w.half : 1;
    w.batch = BATCH_TOKENS / w.context > 0 ? BATCH_TOKENS / w.context : 1;
    return w;
}

/* The last window ends with the text: it starts earlier than its place, and counts only what no
 * other has. */
static int64_t start_of(const windows *w, int64_t i)
{
    int64_t start = i * w->half, last = w->tokens_count - 1 - w->context;
    return start < last ? start : last;
}

static int64_t counted_before(const windows *w, int64_t i)
{
    return i ? start_of(w, i - 1) + w->context : 0;
}

/* Inputs and targets of window i, and the places of the inputs; targets and places that an earlier
 * window has had are -1. */
static void fill_window(
    const windows *w, int64_t i, int32_t *inputs, int32_t *targets, int64_t *place)
{
    int64_t start = start_of(w, i), done = counted_before(w, i);
    memcpy(inputs, w->tokens + start, (size_t)w->context * sizeof *inputs);
    for (int64_t p = 0; p < w->context; p++)
        targets[p] = start + p < done ? -1 : w->tokens[start + p + 1];
    for (int64_t p = 0; p < w->context; p++) place[p] = start + p < done ? -1 : start + p;
}

static void leave_out(int32_t token, int64_t count, int32_t *targets)
{
    for (int64_t p = 0; p < count; p++)
        if (targets[p] == token) targets[p] = -1;
}

typedef struct workspace {
    transformer *t;
    int32_t *inputs, *targets; /* [batch * context] */
    int64_t *place;            /* [batch * context] */
    int64_t *start;            /* [batch + 1] */
    real *losses;              /* [batch * context] */
} workspace;

static cadre_status open_workspace(workspace *s, cadre_model *m, const windows *w)
{
    int64_t tokens = w->batch * w->context;
    batch_limits most = { .tokens = tokens, .sequences = w->batch, .keys = w->context };
    *s = (workspace){ .inputs = MEM_ARRAY(int32_t, tokens),
        .targets = MEM_ARRAY(int32_t, tokens),
        .place = MEM_ARRAY(int64_t, tokens),
        .start = MEM_ARRAY(int64_t, w->batch + 1),
        .losses = MEM_ARRAY(real, tokens) };
    if (!s->inputs || !s->targets || !s->place || !s->start || !s->losses) return CADRE_ENOMEM;
    for (int64_t i = 0; i <= w->batch; i++) s->start[i] = i * w->context;
    return transformer_new(m->context->compute, &m->config, &most, &s->t);
}

static void close_workspace(workspace *s)
{
    transformer_free(s->t);
    mem_free(s->inputs);
    mem_free(s->targets);
    mem_free(s->place);
    mem_free(s->start);
    mem_free(s->losses);
}

static cadre_status run_windows(
    workspace *s, cadre_model *m, const windows *w, const evaluation_watch *watch, double *nats)
{
    for (int64_t i = 0; i < w->count; i += w->batch) {
        if (cadre_interrupted()) return cadre_fail(CADRE_EINTERRUPTED, NULL, "stopped on request");
        int64_t n = w->count - i < w->batch ? w->count - i : w->batch, tokens = n * w->context;
        for (int64_t j = 0, at = 0; j < n; j++, at += w->context)
            fill_window(w, i + j, s->inputs + at, s->targets + at, s->place + at);
        if (watch->uncounted) leave_out(*watch->uncounted, tokens, s->targets);
        if (watch->places) watch->places(watch->layer_arg, s->place, tokens);
        token_batch b = { .inputs = s->inputs,
            .tokens = tokens,
            .sequences = n,
            .start = s->start,
            .may_stop = true };
        CADRE_TRY(transformer_forward(s->t, &m->weights, &b, NULL, watch->layer, watch->layer_arg));
        transformer_losses(s->t, &m->weights, s->targets, s->losses);
        for (int64_t p = 0; p < tokens; p++) *nats += (double)s->losses[p];
        if (!reals_are_finite(s->losses, tokens))
            return refuse_not_finite(m, "the losses of the text");
        if (watch->progress)
            watch->progress(watch->progress_arg, counted_before(w, i + n), w->tokens_count - 1);
    }
    return CADRE_OK;
}

cadre_status evaluate_tokens(cadre_model *m, const int32_t *tokens, int64_t count, int64_t context,
    const evaluation_watch *watch, double *nats)
{
    CADRE_TRY(session_check_model(m));
    if (context < 0 || context > m->config.context)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "context: expected at most the model's own, %lld, found %lld",
            (long long)m->config.context, (long long)context);
    CADRE_TRY(session_check_tokens(m, tokens, count));
    windows w = cut(m, tokens, count, context);
    workspace s;
    double sum = count ? log((double)m->config.vocab) : 0;
    cadre_status status = open_workspace(&s, m, &w);
    if (status == CADRE_OK) status = run_windows(&s, m, &w, watch, &sum);
    close_workspace(&s);
    if (status == CADRE_OK) *nats = sum;
    return status;
}

static cadre_status evaluate(cadre_model *model, const char *text, size_t size, int64_t context,
    cadre_progress_listener progress, void *arg, cadre_evaluation *result)
{
    const evaluation_watch watch = { .progress = progress, .progress_arg = arg };
    const tokenizer *t;
    token_list ids = { 0 };
    double nats = 0;
    CADRE_TRY(sized_check("cadre_evaluation", result, SIZE_UP_TO(cadre_evaluation, perplexity)));
    if (!size)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "the text: expected at least one byte, found none");
    CADRE_TRY(cadre_model_tokenizer(model, &t));
    cadre_status status = tokenizer_encode(t, text, size, 0, &ids);
    if (status == CADRE_OK)
        status = evaluate_tokens(model, ids.ids, (int64_t)ids.count, context, &watch, &nats);
    cadre_evaluation made = { .bytes = (int64_t)size,
        .tokens = (int64_t)ids.count,
        .bits_per_byte = nats / log(2) / (double)size,
        .perplexity = exp(nats / (double)ids.count) };
    if (status == CADRE_OK) sized_write(&made, sizeof made, result);
    token_list_free(&ids);
    return status;
}

cadre_status cadre_evaluate(cadre_model *model, const char *text, size_t size, int64_t context,
    cadre_progress_listener progress, void *arg, cadre_evaluation *result)
{
    CADRE_TRY(context_enter(model->context));
    return context_leave(
        model->context, evaluate(model, text, size, context, progress, arg, result));
}
