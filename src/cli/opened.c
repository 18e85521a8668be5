/* opened.c - a context, and perhaps a model in it. */
#include "cli/opened.h"

cadre_status opened_begin(const invocation *call, const char *model, opened *o)
{
    *o = (opened){ 0 };
    bool asked = cadre_options_count(call->options, "threads") > 0;
    int threads = asked ? (int)cadre_options_int(call->options, "threads", 0) : 0;
    cadre_status status = cadre_context_new(threads, NULL, &o->context);
    if (status == CADRE_OK && model) status = cadre_model_open(o->context, model, &o->model);
    if (status != CADRE_OK) opened_end(o);
    return status;
}

void opened_end(opened *o)
{
    cadre_model_close(o->model);
    cadre_context_free(o->context);
    *o = (opened){ 0 };
}

cadre_status opened_recipe_options(const invocation *call, cadre_options **options)
{
    const cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(), cadre_routing_options(),
                                          cadre_train_options() };
    cadre_options *made;
    cadre_status status = cadre_options_new(tables, 4, &made);
    if (status != CADRE_OK) return status;
    status = cadre_options_copy(made, call->options);
    if (status == CADRE_OK) *options = made;
    else cadre_options_free(made);
    return status;
}
