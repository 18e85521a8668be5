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
