/* none.c - no token mixer, for blocks that are only a feed-forward (Nemotron-H, 2025): a block
 * skips the half that this row stands for (model/block.c). */
#include <string.h>

#include "mixer/mixer.h"

static size_t kept_bytes(const mixer_config *c, const batch_limits *most)
{
    (void)c, (void)most;
    return 0;
}

static size_t workspace_bytes(const mixer_config *c, const batch_limits *most, int workers)
{
    (void)c, (void)most, (void)workers;
    return 0;
}

static mixer_state_size state(const mixer_config *c)
{
    (void)c;
    return (mixer_state_size){ 0 };
}

static void forward(const mixer_call *call, const real *x, real *y)
{
    (void)x;
    memset(y, 0, (size_t)(call->batch->tokens * call->config->width) * sizeof *y);
}

static void backward(
    const mixer_call *call, const mixer_gradients *g, const real *x, const real *dy, real *dx)
{
    (void)g, (void)x, (void)dy;
    memset(dx, 0, (size_t)(call->batch->tokens * call->config->width) * sizeof *dx);
}

const mixer mixer_none = {
    .name = "none",
    .words = "no token mixer",
    .kept_bytes = kept_bytes,
    .workspace_bytes = workspace_bytes,
    .forward = forward,
    .backward = backward,
    .state = state,
    .rewinds = true,
};
