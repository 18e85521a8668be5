/* cmd_plan.c - `cadre plan`: which layouts of a model fit a cluster, and how fast each would be. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complain.h"
#include "cli/opened.h"
#include "cli/print.h"
#include "cli/progress.h"

static const cadre_option rows[] = {
    { .name = "batch",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1 << 20,
        .subject = "Work",
        .help = "train: sequences in one optimiser step, over all micro-batches and ranks" },
    { .name = "accumulate",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1 << 20,
        .subject = "Work",
        .help = "train: micro-batches of one optimiser step, which follow each other through a "
                "pipeline; layouts with virtual=V need a multiple of the stages" },
};

typedef struct table {
    const invocation *call;
    json_t *layouts;    /* --json */
    print_table *lines; /* otherwise; NULL: nothing to show yet */
} table;

static void show_basis(void *arg, const cadre_plan_basis *b)
{
    const table *t = arg;
    char memory[PRINT_NUMBER], read[PRINT_NUMBER], link[PRINT_NUMBER];
    progress_note(t->call,
        "%d machines, each with %s, that reads weights at %s/s%s and computes %.3g Gflop/s%s; "
        "between them %s/s, %.3g us",
        b->machines, print_bytes(b->memory, memory), print_bytes(b->bandwidth, read),
        b->measured_bandwidth ? " (measured here)" : "", b->flops / 1e9,
        b->measured_flops ? " (measured here)" : "", print_bytes(b->link_bandwidth, link),
        1e6 * b->link_latency);
}

static void word_layout(const cadre_plan_layout *l, char text[96])
{
    const struct {
        const char *name;
        int parts;
    } ways[] = { { "expert", l->expert }, { "data", l->data }, { "pipeline", l->pipeline },
        { "tensor", l->tensor }, { "virtual", l->blocks } };
    size_t used = 0;
    for (int i = 0; i < 5; i++)
        if (ways[i].parts > 1)
            used += (size_t)snprintf(
                text + used, 96 - used, "%s%s=%d", used ? "," : "", ways[i].name, ways[i].parts);
    if (!used) snprintf(text, 96, "one machine");
}

static void take_layout(void *arg, const cadre_plan_layout *l)
{
    table *t = arg;
    char text[96], memory[PRINT_NUMBER];
    if (t->layouts) {
        json_array_append_new(t->layouts,
            json_pack("{s:i,s:i,s:i,s:i,s:i,s:I,s:o,s:o,s:b}", "expert", l->expert, "data", l->data,
                "pipeline", l->pipeline, "tensor", l->tensor, "virtual", l->blocks, "memory_bytes",
                (json_int_t)l->memory_bytes, "tokens_per_second",
                print_json_real(l->tokens_per_second), "communication_fraction",
                print_json_real(l->communication_fraction), "fits", l->fits));
        return;
    }
    word_layout(l, text);
    if (!t->lines) {
        t->lines = print_table_begin("lrrrl");
        print_cells(t->lines, (const char *const[]){ "layout", "memory of a rank", "tokens/s",
                                  "communication", "fits", NULL });
    }
    print_cell(t->lines, "%s", text);
    print_cell(t->lines, "%s", print_bytes((double)l->memory_bytes, memory));
    print_cell(t->lines, "%.3g", l->tokens_per_second);
    print_cell(t->lines, "%.0f %%", 100 * l->communication_fraction);
    print_cell(t->lines, "%s", l->fits ? "yes" : "no");
}

static cadre_status read_options(const invocation *call, cadre_options **options)
{
    const cadre_option_table tables[] = { cadre_run_options(), cadre_model_options(),
        cadre_routing_options(), cadre_train_options(), cadre_plan_options() };
    cadre_options *made;
    cadre_status status = cadre_options_new(tables, 5, &made);
    if (status != CADRE_OK) return status;
    status = cadre_options_copy(made, call->options);
    if (status == CADRE_OK) *options = made;
    else cadre_options_free(made);
    return status;
}

static int plan(const invocation *call, cadre_context *context)
{
    table t = { .call = call, .layouts = call->json ? json_array() : NULL };
    cadre_options *options = NULL;
    const cadre_plan_listener listener = { sizeof listener, show_basis, take_layout, &t };
    cadre_status status = read_options(call, &options);
    if (status == CADRE_OK)
        status =
            cadre_plan(context, call->operand_count ? call->operands[0] : NULL, options, &listener);
    cadre_options_free(options);
    if (status != CADRE_OK) {
        json_decref(t.layouts);
        return complain_status(status);
    }
    if (t.layouts) return print_json(json_pack("{s:o}", "layouts", t.layouts));
    return t.lines ? print_table_end(t.lines)
                   : complain_world("plan: no layout of so many machines suits this model");
}

static int run_plan(const invocation *call)
{
    bool recipe = cadre_options_given(call->options, "recipe");
    if (recipe == (call->operand_count > 0))
        return complain_usage("'cadre plan MODEL', or 'cadre plan --recipe NAME' and sizes",
            "plan: expected a MODEL or --recipe, found %s", recipe ? "both" : "neither");
    opened o;
    cadre_status status = opened_begin(call, NULL, &o);
    if (status != CADRE_OK) return complain_status(status);
    int exit_code = plan(call, o.context);
    opened_end(&o);
    return exit_code;
}

const command command_plan = {
    .name = "plan",
    .summary = "list the ways to spread a model over machines, with speed and memory",
    .operands = "[MODEL]",
    .most = 1,
    .description =
        "The command lists the layouts of a model on a cluster (expert, data, pipeline and tensor "
        "parallelism, whose product is the number of machines; and one machine alone), best first. "
        "A cost model predicts the memory of the rank that needs most, the tokens per second, and "
        "the share of the time that is communication.\n\n"
        "MODEL is a folder, a GGUF file, or a config.json alone. For a recipe and sizes, training "
        "is planned. The bandwidth and the operations of a machine are measured on this one, with "
        "--threads, unless options say them.",
    .own = ROWS(rows),
    .tables = { cadre_plan_options, cadre_model_options, cadre_routing_options },
    .examples = LINES("a model on four machines", "cadre plan models/olmoe --machines 4",
        "training on eight, with a slow network",
        "cadre plan --recipe olmoe --machines 8 --link-bandwidth 1.25e8 --link-latency 50e-6"),
    .seedless = SEEDLESS,
    .run = run_plan,
};
