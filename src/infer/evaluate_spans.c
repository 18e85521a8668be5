/* evaluate_spans.c - window by window: the encoder reads what is left, the decoder's targets are
 * what was taken out. */
#include "infer/evaluate_spans.h"

#include <math.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "infer/encoder_decoder.h"
#include "infer/finite.h"
#include "infer/session.h"
#include "text/span_corruption.h"

enum { USUAL_WINDOW = 512 };

typedef struct span_windows {
    cadre_model *model;
    const tokenizer *tokenizer;
    encoder_decoder stacks;
    span_corruption spans;
    const int32_t *tokens;
    int64_t context, at, number; /* of the window */
    int32_t *read, *inputs, *targets;
    real *losses;
} span_windows;

/* Ids of a vocabulary that names its sentinels, else its last ones. */
static span_corruption spans_of(const cadre_model *m, const tokenizer *t)
{
    static const char first[] = "<extra_id_0>";
    int32_t sentinel = tokenizer_id(t, first, sizeof first - 1);
    return (span_corruption){ .density = 0.15,
        .mean_span = 3,
        .sentinel = sentinel >= 0 ? sentinel : (int32_t)m->config.vocab - 1,
        .start = (int32_t)m->config.bos,
        .end = (int32_t)m->config.eos };
}

static cadre_status open_windows(span_windows *w)
{
    span_lengths n = span_lengths_of(&w->spans, w->context);
    w->read = MEM_ARRAY(int32_t, n.read);
    w->inputs = MEM_ARRAY(int32_t, n.written);
    w->targets = MEM_ARRAY(int32_t, n.written);
    w->losses = MEM_ARRAY(real, n.written);
    if (!w->read || !w->inputs || !w->targets || !w->losses) return CADRE_ENOMEM;
    return encoder_decoder_open(w->model, n.read, n.written, &w->stacks);
}

static void close_windows(span_windows *w)
{
    encoder_decoder_close(&w->stacks);
    mem_free(w->read);
    mem_free(w->inputs);
    mem_free(w->targets);
    mem_free(w->losses);
}

/* The bytes of what is taken out of a window: of all of its bytes the share of its tokens, for a
 * span may begin or end within a character. */
static cadre_status count_bytes(const span_windows *w, const span_lengths *n, int64_t *bytes)
{
    byte_buffer text = { 0 };
    cadre_status status =
        tokenizer_decode(w->tokenizer, w->tokens + w->at, (size_t)n->text, 0, &text);
    *bytes += llrint((double)text.size * (double)n->noise / (double)n->text);
    byte_buffer_free(&text);
    return status;
}

static cadre_status run_window(span_windows *w, int64_t length, span_evaluation *e)
{
    span_lengths n = span_lengths_of(&w->spans, length);
    random_key key = random_key_of(1, "evaluated spans", (uint64_t)w->number, 0);
    if (n.spans > w->spans.sentinel + 1)
        return cadre_fail(CADRE_EARGUMENT, w->model->path,
            "context: expected no more spans than the vocabulary has sentinels, found %lld",
            (long long)n.spans);
    span_corrupt(&w->spans, key, length, w->tokens + w->at, w->read, w->inputs, w->targets);
    CADRE_TRY(encoder_decoder_read(&w->stacks, w->read, n.read, NULL, NULL));
    CADRE_TRY(encoder_decoder_run(&w->stacks, w->inputs, n.written, NULL, NULL));
    encoder_decoder_losses(&w->stacks, w->targets, w->losses);
    CADRE_TRY(model_status(w->model));
    if (!reals_are_finite(w->losses, n.written))
        return refuse_not_finite(w->model, "the losses of the text");
    for (int64_t i = 0; i < n.written; i++) e->nats += (double)w->losses[i];
    e->tokens += n.written;
    return count_bytes(w, &n, &e->bytes);
}

/* The rest of a text that is too short for a span is left out. */
static cadre_status run_windows(
    span_windows *w, int64_t count, cadre_progress_listener progress, void *arg, span_evaluation *e)
{
    for (; count - w->at >= SPAN_LEAST; w->at += w->context, w->number++) {
        int64_t left = count - w->at, length = left < w->context ? left : w->context;
        CADRE_TRY(interrupt_check(NULL));
        CADRE_TRY(run_window(w, length, e));
        if (progress) progress(arg, w->at + length, count);
    }
    return CADRE_OK;
}

static cadre_status check(const cadre_model *m, int64_t count, int64_t context)
{
    if (context > m->config.context || (context && context < SPAN_LEAST))
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "context: expected %d to the model's own, %lld, found %lld", SPAN_LEAST,
            (long long)m->config.context, (long long)context);
    if (count >= SPAN_LEAST) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "the text: expected at least %d tokens, of which a span can be taken out, found %lld",
        SPAN_LEAST, (long long)count);
}

cadre_status evaluate_spans(cadre_model *m, const int32_t *tokens, int64_t count, int64_t context,
    cadre_progress_listener progress, void *arg, span_evaluation *e)
{
    span_windows w = { .model = m, .tokens = tokens };
    CADRE_TRY(check(m, count, context));
    CADRE_TRY(session_check_tokens(m, tokens, count));
    CADRE_TRY(cadre_model_tokenizer(m, &w.tokenizer));
    w.spans = spans_of(m, w.tokenizer);
    w.context = m->config.context < USUAL_WINDOW ? m->config.context : USUAL_WINDOW;
    if (context) w.context = context;
    if (w.context > count) w.context = count;
    cadre_status status = open_windows(&w);
    if (status == CADRE_OK) status = run_windows(&w, count, progress, arg, e);
    close_windows(&w);
    return status;
}
