/* mixer_fade.c - a recurrent layer without products: h_t = k h_{t-1} + x_t, k = sigmoid(w) of each
 * channel, and y = h.
 *
 * Backward, from the last token of a sequence to its first: dx_t = dy_t + k dx_{t+1}, and
 * dk = sum of dx_t h_{t-1}. */
#include <string.h>

#include "base/memory.h"
#include "kernel/rows.h"
#include "mixer/mixer.h"
#include "mixer/sequence_state.h"

typedef struct fade {
    int64_t width;
    real *h, *keep; /* kept: [T, D]; workspace: [D] */
} fade;

static void lay_kept(fade *m, arena *a, const batch_limits *most)
{
    m->h = ARENA_ARRAY(a, real, (most->tokens * m->width));
}

static size_t kept_bytes(const mixer_config *c, const batch_limits *most)
{
    fade m = { .width = c->width };
    arena measured = { 0 };
    lay_kept(&m, &measured, most);
    return measured.used;
}

static size_t workspace_bytes(const mixer_config *c, const batch_limits *most, int workers)
{
    fade m = { .width = c->width };
    arena measured = { 0 };
    (void)most, (void)workers;
    m.keep = ARENA_ARRAY(&measured, real, m.width);
    return measured.used;
}

static fade begin(const mixer_call *call)
{
    fade m = { .width = call->config->width };
    arena kept = { .base = call->kept, .size = call->kept_bytes },
          work = { .base = call->workspace, .size = call->workspace_bytes };
    lay_kept(&m, &kept, call->most);
    m.keep = ARENA_ARRAY(&work, real, m.width);
    call->compute->variant->rows->sigmoid(m.width, call->weights->part[MIXER_FADE].data, m.keep);
    return m;
}

static mixer_state_size state(const mixer_config *c)
{
    return (mixer_state_size){ .fixed = c->width };
}

static void forward(const mixer_call *call, const real *x, real *y)
{
    fade m = begin(call);
    const token_batch *b = call->batch;
    for (int64_t s = 0; s < b->sequences; s++) {
        layer_state *past = b->states ? &b->states[s]->layer[call->layer] : NULL;
        const real *before = past ? past->fixed : NULL; /* NULL: 0 */
        for (int64_t t = b->start[s]; t < b->start[s + 1]; t++) {
            real *h = m.h + t * m.width;
            for (int64_t i = 0; i < m.width; i++)
                h[i] = (before ? m.keep[i] * before[i] : 0) + x[t * m.width + i];
            before = h;
        }
        if (past) memcpy(past->next, before, (size_t)m.width * sizeof *before);
    }
    memcpy(y, m.h, (size_t)(b->tokens * m.width) * sizeof *y);
}

static void backward(
    const mixer_call *call, const mixer_gradients *g, const real *x, const real *dy, real *dx)
{
    fade m = begin(call);
    const token_batch *b = call->batch;
    real *dw = g->part[MIXER_FADE];
    (void)x;
    if (!g->accumulate) memset(dw, 0, (size_t)m.width * sizeof *dw);
    for (int64_t s = 0; s < b->sequences; s++)
        for (int64_t t = b->start[s + 1] - 1; t >= b->start[s]; t--)
            for (int64_t i = 0, at = t * m.width; i < m.width; i++, at++) {
                dx[at] = dy[at] + (t + 1 < b->start[s + 1] ? m.keep[i] * dx[at + m.width] : 0);
                if (t > b->start[s])
                    dw[i] += dx[at] * m.h[at - m.width] * m.keep[i] * (1 - m.keep[i]);
            }
}

const mixer mixer_fade = {
    .name = "fade",
    .words = "a recurrent layer of channels that fade",
    .kept_bytes = kept_bytes,
    .workspace_bytes = workspace_bytes,
    .forward = forward,
    .backward = backward,
    .state = state,
    .rewinds = false,
};
