/* growth.c - checks the sizes of public structs, reads the texts, and compares at the end. */
#include "grow/growth.h"

#include "base/options.h"
#include "base/sized.h"
#include "grow/comparison.h"

cadre_status growth_begin(
    growth_run *g, const cadre_output_listener *listener, const cadre_growth *growth)
{
    CADRE_TRY(sized_check("cadre_growth", growth, SIZE_UP_TO(cadre_growth, loss_after)));
    CADRE_TRY(sized_read_or_zero("cadre_output_listener", listener,
        SIZE_UP_TO(cadre_output_listener, arg), &g->listener, sizeof g->listener));
    CADRE_TRY(cadre_model_open(g->context, g->path, &g->before));
    return passage_open(g->before, g->options, &g->passage);
}

void growth_close(growth_run *g)
{
    passage_close(&g->passage);
    cadre_model_close(g->before);
    g->before = NULL;
}

void growth_note(const growth_run *g, const char *sentence)
{
    if (g->listener.note) g->listener.note(g->listener.arg, sentence);
}

static cadre_status describe(cadre_model *model, cadre_growth *growth)
{
    cadre_model_info info = { .size = sizeof info };
    CADRE_TRY(cadre_model_info_get(model, &info));
    growth->model_type = info.architecture;
    growth->experts = info.experts;
    growth->experts_per_token = info.experts_per_token;
    growth->parameters = info.parameters;
    growth->active_parameters = info.active_parameters;
    return CADRE_OK;
}

cadre_status growth_end(const growth_run *g, cadre_growth *growth)
{
    cadre_growth made = { 0 };
    cadre_model *after;
    CADRE_TRY(cadre_model_open(g->context, g->out, &after));
    cadre_status status = describe(after, &made);
    if (status == CADRE_OK) status = compare_models(g->before, after, &g->passage, &made);
    cadre_model_close(after);
    CADRE_TRY(status);
    sized_write(&made, sizeof made, growth);
    return CADRE_OK;
}
