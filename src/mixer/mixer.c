/* mixer.c - THE LIST of token mixers. */
#include "mixer/mixer.h"

static const mixer *const list[] = {
    &mixer_grouped,
    &mixer_latent,
    &mixer_cross,
    &mixer_lstm,
    &mixer_short_conv,
    &mixer_mamba2,
    &mixer_none,
    &mixer_gated_delta,
    &mixer_kda,
};

const mixer *const *mixer_list(int *count)
{
    *count = (int)(sizeof list / sizeof *list);
    return list;
}
