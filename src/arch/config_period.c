/* config_period.c - layers that attend in a period, as "one in four", among recurrent ones. */
#include "arch/config.h"

static bool attends(const mixer *row) { return row->rewinds && row != &mixer_none; }

cadre_status model_config_attend_by_period(model_config *c, const char *name, const char *where)
{
    for (int64_t l = 0; l < c->layers; l++)
        if ((l + 1) % c->attention_period) CADRE_TRY(model_config_set_mixer(c, l, name, where));
    return CADRE_OK;
}

int64_t model_config_attention_period(const model_config *c)
{
    int64_t period = 1;
    while (period <= c->layers && !attends(c->layer[period - 1].mixer.row)) period++;
    for (int64_t l = 0; l < c->layers; l++)
        if (attends(c->layer[l].mixer.row) != ((l + 1) % period == 0)) return 0;
    return period;
}
