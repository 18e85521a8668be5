/* growth.c - prints the table, or the object, about a model that was made of others. */
#include "cli/growth.h"

#include <string.h>

#include "cli/complain.h"
#include "cli/opened.h"
#include "cli/output.h"
#include "cli/print.h"

static int print_object(const cadre_growth *g, const char *out)
{
    return print_json(json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:b,s:o,s:o,s:o,s:o,s:o}", "out", out,
        "model_type", g->model_type, "experts", (json_int_t)g->experts, "experts_per_token",
        (json_int_t)g->experts_per_token, "parameters", (json_int_t)g->parameters,
        "active_parameters", (json_int_t)g->active_parameters, "tokens", (json_int_t)g->tokens,
        "same_bits", (int)g->same_bits, "difference", print_json_real(g->difference),
        "largest_logit", print_json_real(g->largest_logit), "agreement",
        print_json_real(g->agreement), "loss_before", print_json_real(g->loss_before), "loss_after",
        print_json_real(g->loss_after)));
}

static int print_as_table(const cadre_growth *g)
{
    char text[PRINT_NUMBER], other[PRINT_NUMBER];
    print_table *t = print_table_begin("ll");
    print_row(
        t, "experts", "%lld, %lld a token", (long long)g->experts, (long long)g->experts_per_token);
    print_row(t, "parameters", "%s, %s active per token",
        print_short_count((double)g->parameters, text),
        print_short_count((double)g->active_parameters, other));
    print_row(t, "compared on", "%s tokens", print_count(g->tokens, text));
    if (g->same_bits) print_row(t, "logits", "the same bits");
    else
        print_row(t, "logits", "at most %.2g apart; the largest is %.3g", g->difference,
            g->largest_logit);
    print_row(t, "same next token", "%.2f %%", 100 * g->agreement);
    print_row(t, "loss", "%.6f before, %.6f after", g->loss_before, g->loss_after);
    return print_table_end(t);
}

int growth_print(const invocation *call, const cadre_growth *growth, const char *out)
{
    if (call->json) return print_object(growth, out);
    int exit_code = print_as_table(growth);
    fflush(stdout);
    if (exit_code == EXIT_DONE) progress_note(call, "written to %s", out);
    return exit_code;
}

const char *growth_seedless(const invocation *call)
{
    const cadre_options *o = call->options;
    bool routers = cadre_options_row(o, "router-init") && cadre_options_real(o, "router-init") > 0,
         units =
             cadre_options_row(o, "method") && !strcmp(cadre_options_text(o, "method", 0), "drop");
    if (!cadre_options_count(o, "text") || routers || units) return NULL;
    return "tokens are read from --text, and nothing else is drawn";
}

int growth_run(const invocation *call, growth_call *make)
{
    const char *out = call->operands[1];
    cadre_growth growth = { .size = sizeof growth };
    opened o;
    output_watch watch;
    cadre_status status = opened_begin(call, NULL, &o);
    if (status != CADRE_OK) return complain_status(status);
    output_watch_begin(call, &watch);
    status = make(o.context, call->operands[0], out, call->options, &watch.listener, &growth);
    opened_end(&o);
    progress_wipe(&watch.line);
    return status == CADRE_OK ? growth_print(call, &growth, out) : complain_status(status);
}
