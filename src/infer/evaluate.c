/* evaluate.c - computes bits per byte and perplexity. */
#include "infer/evaluate.h"

#include <math.h>

#include "arch/token_types.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "base/sized.h"
#include "infer/evaluate_lookahead.h"
#include "infer/evaluate_spans.h"
#include "infer/finite.h"
#include "infer/runner.h"
#include "kernel/context.h"

enum { BATCH_TOKENS = 2048, WINDOW_MOST = 2048 };

/* Window i has the tokens i * half .. i * half + context - 1 as inputs and predicts the token after
 * each. Of all windows but the first, only the second half of the predictions counts. */
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

/* The last window ends with the text, so it starts earlier than others would, and counts only what
 * no other window has. */
static int64_t start_of(const windows *w, int64_t i)
{
    int64_t start = i * w->half, last = w->tokens_count - 1 - w->context;
    return start < last ? start : last;
}

static int64_t counted_before(const windows *w, int64_t i)
{
    return i ? start_of(w, i - 1) + w->context : 0;
}

/* Sets the targets of window i, and the places of its tokens; -1: an earlier window has the
 * token. */
static void fill_window(const windows *w, int64_t i, int32_t *targets, int64_t *place)
{
    int64_t start = start_of(w, i), done = counted_before(w, i);
    for (int64_t p = 0; p < w->context; p++) {
        targets[p] = start + p < done ? -1 : w->tokens[start + p + 1];
        place[p] = start + p < done ? -1 : start + p;
    }
}

static void leave_out(int32_t token, int64_t count, int32_t *targets)
{
    for (int64_t p = 0; p < count; p++)
        if (targets[p] == token) targets[p] = -1;
}

/* Passes over batches of windows, each of which is a sequence */
typedef struct passes {
    runner runner;
    runner_chunk *chunks; /* [batch] */
    int32_t *targets;     /* [batch * context] */
    int64_t *place;       /* [batch * context] */
    real *losses;         /* [batch * context] */
} passes;

static cadre_status open_passes(
    passes *s, cadre_model *m, const windows *w, const evaluation_watch *watch)
{
    int64_t tokens = w->batch * w->context;
    *s = (passes){ .chunks = MEM_ARRAY(runner_chunk, w->batch),
        .targets = MEM_ARRAY(int32_t, tokens),
        .place = MEM_ARRAY(int64_t, tokens),
        .losses = MEM_ARRAY(real, tokens) };
    if (!s->chunks || !s->targets || !s->place || !s->losses) return CADRE_ENOMEM;
    CADRE_TRY(runner_open(m, tokens, w->batch, w->context, &s->runner));
    s->runner.may_stop = true;
    s->runner.watch = watch->layer;
    s->runner.watch_arg = watch->layer_arg;
    return CADRE_OK;
}

static void close_passes(passes *s)
{
    runner_close(&s->runner);
    mem_free(s->chunks);
    mem_free(s->targets);
    mem_free(s->place);
    mem_free(s->losses);
}

static void count_types(const passes *s, int64_t tokens, type_losses *by_type)
{
    for (int64_t p = 0; p < tokens; p++) {
        if (s->targets[p] < 0) continue;
        type_losses *of = &by_type[token_type_of(&s->runner.model->config, s->targets[p])];
        of->tokens++;
        of->nats += (double)s->losses[p];
    }
}

/* Runs the windows first .. first + n - 1 in one pass, and adds their losses to nats. */
static cadre_status run_batch(passes *s, const windows *w, int64_t first, int64_t n,
    const evaluation_watch *watch, double *nats)
{
    int64_t tokens = n * w->context;
    for (int64_t j = 0, at = 0; j < n; j++, at += w->context) {
        s->chunks[j] = (runner_chunk){ NULL, w->tokens + start_of(w, first + j), w->context };
        fill_window(w, first + j, s->targets + at, s->place + at);
    }
    if (watch->uncounted) leave_out(*watch->uncounted, tokens, s->targets);
    if (watch->places) watch->places(watch->layer_arg, s->place, tokens);
    CADRE_TRY(runner_feed(&s->runner, s->chunks, n));
    runner_losses(&s->runner, s->targets, s->losses);
    CADRE_TRY(runner_status(&s->runner));
    if (watch->by_type) count_types(s, tokens, watch->by_type);
    for (int64_t p = 0; p < tokens; p++) *nats += (double)s->losses[p];
    return reals_are_finite(s->losses, tokens)
               ? CADRE_OK
               : refuse_not_finite(s->runner.model, "the losses of the text");
}

static cadre_status run_windows(
    passes *s, const windows *w, const evaluation_watch *watch, double *nats)
{
    for (int64_t i = 0; i < w->count; i += w->batch) {
        CADRE_TRY(interrupt_check(NULL));
        int64_t n = w->count - i < w->batch ? w->count - i : w->batch;
        CADRE_TRY(run_batch(s, w, i, n, watch, nats));
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
    passes s;
    double sum = count ? log((double)m->config.vocab) : 0;
    if (watch->by_type && count) {
        type_losses *first = &watch->by_type[token_type_of(&m->config, tokens[0])];
        first->tokens++;
        first->nats += sum;
    }
    cadre_status status = open_passes(&s, m, &w, watch);
    if (status == CADRE_OK) status = run_windows(&s, &w, watch, &sum);
    close_passes(&s);
    if (status == CADRE_OK) *nats = sum;
    return status;
}

/* Bytes of the text that are not of images, whose pieces stand in it. */
static int64_t bytes_outside(
    const cadre_model *m, const tokenizer *t, const token_list *ids, size_t size)
{
    const image_tokens *p = &m->config.images;
    int64_t bytes = (int64_t)size;
    for (size_t i = 0; p->side && i < ids->count; i++)
        if (ids->ids[i] >= p->first && ids->ids[i] < image_code(p, p->codes))
            bytes -= (int64_t)tokenizer_piece(t, ids->ids[i]).size;
    return bytes;
}

double evaluate_bits_per_byte(const cadre_model *m, const tokenizer *t, const token_list *ids,
    size_t size, const type_losses *by_type, double nats)
{
    const image_tokens *p = &m->config.images;
    int64_t bytes = bytes_outside(m, t, ids, size);
    if (p->side) nats -= by_type[token_type_of(&m->config, image_begin(p))].nats;
    return bytes > 0 ? nats / log(2) / (double)bytes : 0;
}

static void fill_types(const cadre_model *m, const type_losses *by_type, cadre_evaluation *e)
{
    const token_types *types = &m->config.types;
    e->types = types->count;
    for (int32_t i = 0; i < types->count; i++) {
        int64_t tokens = by_type[i].tokens;
        e->type[i].name = types->name[i];
        e->type[i].tokens = tokens;
        e->type[i].bits_per_token = tokens ? by_type[i].nats / log(2) / (double)tokens : 0;
    }
}

/* Evaluates what is taken out of the text. */
static cadre_status measure_spans(cadre_model *m, const token_list *ids, int64_t context,
    const evaluation_watch *watch, cadre_evaluation *made)
{
    span_evaluation e = { 0 };
    CADRE_TRY(evaluate_spans(
        m, ids->ids, (int64_t)ids->count, context, watch->progress, watch->progress_arg, &e));
    *made = (cadre_evaluation){ .bytes = e.bytes,
        .tokens = e.tokens,
        .bits_per_byte = e.bytes ? e.nats / log(2) / (double)e.bytes : 0,
        .perplexity = exp(e.nats / (double)e.tokens) };
    return CADRE_OK;
}

/* Measures what routers that look ahead read from the text behind a prediction. */
static cadre_status measure_lookahead(
    cadre_model *m, const token_list *ids, int64_t context, cadre_evaluation *made)
{
    lookahead_evaluation e;
    int64_t count = (int64_t)ids->count;
    if (!evaluate_looks_ahead(m)) return CADRE_OK;
    CADRE_TRY(evaluate_lookahead(m, ids->ids, count, cut(m, ids->ids, count, context).context, &e));
    if (!e.tokens) return CADRE_OK;
    made->lookahead_tokens = e.tokens;
    made->lookahead_bits = e.nats_with / log(2) / (double)e.tokens;
    made->blind_bits = e.nats_without / log(2) / (double)e.tokens;
    return CADRE_OK;
}

/* Evaluates all of the text. */
static cadre_status measure_text(cadre_model *m, const tokenizer *t, const token_list *ids,
    size_t size, int64_t context, const evaluation_watch *watch, cadre_evaluation *made)
{
    double nats = 0;
    CADRE_TRY(evaluate_tokens(m, ids->ids, (int64_t)ids->count, context, watch, &nats));
    *made = (cadre_evaluation){ .bytes = (int64_t)size,
        .tokens = (int64_t)ids->count,
        .bits_per_byte = evaluate_bits_per_byte(m, t, ids, size, watch->by_type, nats),
        .perplexity = exp(nats / (double)ids->count) };
    fill_types(m, watch->by_type, made);
    return measure_lookahead(m, ids, context, made);
}

static cadre_status evaluate(cadre_model *model, const char *text, size_t size, int64_t context,
    cadre_progress_listener progress, void *arg, cadre_evaluation *result)
{
    type_losses by_type[CADRE_TOKEN_TYPES] = { 0 };
    const evaluation_watch watch = {
        .progress = progress, .progress_arg = arg, .by_type = by_type
    };
    const tokenizer *t;
    token_list ids = { 0 };
    cadre_evaluation made = { 0 };
    bool images = model->config.images.side > 0;
    CADRE_TRY(sized_check("cadre_evaluation", result, SIZE_UP_TO(cadre_evaluation, perplexity)));
    if (!size)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "the text: expected at least one byte, found none");
    CADRE_TRY(cadre_model_tokenizer(model, &t));
    cadre_status status = tokenizer_encode(t, text, size, images ? CADRE_PARSE_SPECIAL : 0, &ids);
    if (status == CADRE_OK)
        status = model->encoder ? measure_spans(model, &ids, context, &watch, &made)
                                : measure_text(model, t, &ids, size, context, &watch, &made);
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
