/* planner.c - lists the layouts of a model on a cluster, the best first. Steps: describe the model,
 * describe the machine (what the options do not say is measured on this one), then compute the cost
 * of every layout and sort them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cadre/measure.h"
#include "cadre/model.h"
#include "cadre/plan.h"
#include "arch/config_json.h"
#include "arch/recipe.h"
#include "base/machine.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/sized.h"
#include "bench/limits.h"
#include "dist/layout_choice.h"
#include "dist/plan_cost.h"
#include "dist/plan_options.h"
#include "dist/rank_speed.h"
#include "kernel/context.h"
#include "model/model.h"
#include "train/trainer.h"

enum { MOST_LAYOUTS = 4096, MEASURED_STEPS = 8, DECODE_CONTEXT = 256, OTHER_CONTEXT = 1024 };
/* Fractions of the peak bandwidth and of the peak flops that are assumed if the model itself cannot
 * be measured */
static const double BANDWIDTH_FRACTION = 0.7, FLOPS_FRACTION = 0.5;

typedef struct planned {
    cadre_context *context;
    cadre_options *options;
    const char *path;   /* NULL: a recipe is planned */
    cadre_model *model; /* NULL: the weights are not available */
    model_config config;
    bool own_config;
    const recipe *recipe;
    plan_model sizes;
    plan_work work;
    train_settings training; /* of a recipe's training run */
    plan_machine machine;
    cadre_plan_basis basis;
} planned;

/* ---- the model ---- */

static bool is_config(const char *path)
{
    size_t length = strlen(path);
    return length > 5 && !strcmp(path + length - 5, ".json");
}

static cadre_status open_weights(planned *p)
{
    cadre_model_info info = { .size = sizeof info };
    CADRE_TRY(cadre_model_open(p->context, p->path, &p->model));
    CADRE_TRY(cadre_model_info_get(p->model, &info));
    return plan_model_of_config(
        &p->model->config, 8.0 * (double)info.weight_bytes / (double)info.parameters, &p->sizes);
}

static cadre_status read_config(planned *p)
{
    CADRE_TRY(model_config_read(p->path, &p->config));
    p->own_config = true;
    return plan_model_of_config(
        &p->config, cadre_options_real(p->options, "weight-bits"), &p->sizes);
}

/* Bytes that the trainer of a rank allocates */
static cadre_status memory_of_rank(const planned *p, const rank_layout *l, int rank, double *memory)
{
    comm world = { .rank = rank, .size = layout_ranks(l) };
    const train_ranks ranks = { &world, l };
    size_t bytes;
    CADRE_TRY(trainer_bytes(p->context->compute, &p->config, &p->training, &ranks, &bytes));
    *memory = (double)bytes;
    return CADRE_OK;
}

/* The first and the last stage of a pipeline need more memory than the others. */
static cadre_status trainer_memory(const planned *p, const rank_layout *l, double *memory)
{
    double last;
    CADRE_TRY(memory_of_rank(p, l, 0, memory));
    CADRE_TRY(memory_of_rank(p, l, layout_ranks(l) - 1, &last));
    *memory = fmax(*memory, last);
    return CADRE_OK;
}

/* Computes what a training step needs beside parameters, gradients and moments. */
static cadre_status measure_activations(planned *p)
{
    rank_layout alone = layout_single();
    double memory, held = 16 * (p->sizes.dense_parameters + p->sizes.expert_parameters);
    CADRE_TRY(train_settings_read(p->options, p->recipe, &p->training));
    p->work.batch = (double)p->training.batch;
    p->work.context = (double)p->training.context;
    p->work.accumulate = (double)p->training.accumulate;
    CADRE_TRY(memory_of_rank(p, &alone, 0, &memory));
    p->work.activations = fmax(0, memory - held);
    return CADRE_OK;
}

static cadre_status apply_recipe(planned *p)
{
    char *notes;
    p->recipe = recipe_by_name(options_text_or(p->options, "recipe", "olmoe"));
    CADRE_TRY(recipe_apply(p->recipe, p->options));
    CADRE_TRY(recipe_config(
        p->recipe, p->options, cadre_options_int(p->options, "vocab", 0), &p->config, &notes));
    mem_free(notes);
    p->own_config = true;
    CADRE_TRY(plan_model_of_config(&p->config, 32, &p->sizes));
    return measure_activations(p);
}

/* Further copies of experts in a layer, as a run with the same options would place them. */
static double read_replicas(const cadre_options *o)
{
    int64_t replicas = cadre_options_int(o, "replicas", 0);
    if (strcmp(options_text_or(o, "placement", "even"), "replicated") != 0) return 0;
    return replicas ? (double)replicas : PLAN_COPY_EACH_RANK;
}

static cadre_status read_purpose(planned *p)
{
    const char *word = options_text_or(p->options, "for", p->path ? "decode" : "train");
    p->work.purpose = !strcmp(word, "train")    ? PLAN_TRAIN
                      : !strcmp(word, "decode") ? PLAN_DECODE
                                                : PLAN_PREFILL;
    p->work.streams = (double)cadre_options_int(p->options, "streams", 0);
    p->work.replicas = read_replicas(p->options);
    p->work.context = (double)options_int_or(
        p->options, "context", p->work.purpose == PLAN_DECODE ? DECODE_CONTEXT : OTHER_CONTEXT);
    if (p->work.purpose == PLAN_TRAIN && p->path)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--for train: expected --recipe and sizes, which say how it trains, found a model");
    return CADRE_OK;
}

static cadre_status describe_model(planned *p)
{
    CADRE_TRY(read_purpose(p));
    if (!p->path) return apply_recipe(p);
    return is_config(p->path) ? read_config(p) : open_weights(p);
}

/* ---- the machine ---- */

static cadre_status measure_limit(const planned *p, double (*limit)(compute *c), double *rate)
{
    CADRE_TRY(context_enter(p->context));
    *rate = limit(p->context->compute);
    return context_leave(p->context, CADRE_OK);
}

/* Bytes of weights that decoding reads per second, measured on the model if its weights are
 * here. */
static cadre_status measure_bandwidth(planned *p)
{
    bool given = cadre_options_count(p->options, "bandwidth") > 0;
    double rate = 0, most = given ? cadre_options_real(p->options, "bandwidth") : INFINITY;
    if (p->model && p->work.purpose == PLAN_DECODE)
        cadre_bench_decode(
            p->model, MEASURED_STEPS, (int64_t)p->work.streams, 0, rank_speed_read, &rate);
    if (rate <= 0 && !given) CADRE_TRY(measure_limit(p, bench_bandwidth, &most));
    p->machine.bandwidth = rate > 0 ? fmin(rate, most) : BANDWIDTH_FRACTION * most;
    p->basis.measured_bandwidth = !given;
    return CADRE_OK;
}

/* Flops measured on the recipe's own training steps; 0: they could not be measured. If a rank uses
 * only some of this machine's cores, further trainers occupy the other cores meanwhile. */
static double measure_training(const planned *p)
{
    double needed =
               16 * (p->sizes.dense_parameters + p->sizes.expert_parameters) + p->work.activations,
           room = (double)mem_of_machine() / 2;
    int others = machine_cores() / p->context->compute->workers - 1;
    if (needed > room) return 0;
    if (others < 0 || needed * (1 + others) > room) others = 0;
    return 6 * p->sizes.active_parameters * rank_speed_training(p->context, p->options, others);
}

/* Operations per second, from the recipe's own training steps or as a fraction of the machine's
 * peak. */
static cadre_status measure_flops(planned *p)
{
    double rate = 0, peak;
    p->basis.measured_flops = !cadre_options_count(p->options, "flops");
    if (!p->basis.measured_flops) {
        p->machine.flops = cadre_options_real(p->options, "flops");
        return CADRE_OK;
    }
    if (p->work.purpose == PLAN_TRAIN) rate = measure_training(p);
    if (rate <= 0) {
        CADRE_TRY(measure_limit(p, bench_fma_peak, &peak));
        rate = FLOPS_FRACTION * peak;
    }
    p->machine.flops = rate;
    return CADRE_OK;
}

static cadre_status describe_machine(planned *p)
{
    const cadre_options *o = p->options;
    const char *memory = cadre_options_text(o, "memory", 0);
    int64_t bytes = (int64_t)mem_of_machine();
    if (memory) CADRE_TRY(plan_size_read("--memory", memory, &bytes));
    p->machine.memory = (double)bytes;
    p->machine.link = (link_cost){ cadre_options_real(o, "link-latency"), 1e-6,
        cadre_options_real(o, "link-bandwidth") };
    CADRE_TRY(measure_bandwidth(p));
    CADRE_TRY(measure_flops(p));
    p->basis.size = sizeof p->basis;
    p->basis.machines = (int)cadre_options_int(o, "machines", 0);
    p->basis.memory = p->machine.memory;
    p->basis.bandwidth = p->machine.bandwidth;
    p->basis.flops = p->machine.flops;
    p->basis.link_bandwidth = p->machine.link.bandwidth;
    p->basis.link_latency = p->machine.link.latency;
    return CADRE_OK;
}

/* ---- the layouts ---- */

typedef struct layout_list {
    const planned *planned;
    cadre_plan_layout *layout; /* [MOST_LAYOUTS] */
    int count;
} layout_list;

/* For training, the memory is what the trainer itself would allocate, and a layout that it does not
 * support has no cost. */
static bool cost_of(const planned *p, const rank_layout *l, plan_cost *c)
{
    *c = plan_cost_of(&p->sizes, &p->machine, &p->work, l);
    if (p->work.purpose != PLAN_TRAIN) return true;
    double bytes;
    if (trainer_memory(p, l, &bytes) != CADRE_OK) return false;
    c->memory = PLAN_PROCESS + bytes;
    return true;
}

static void add_layout(void *arg, const rank_layout *l)
{
    layout_list *list = arg;
    const planned *p = list->planned;
    plan_cost c;
    if (list->count == MOST_LAYOUTS || plan_refusal(&p->sizes, &p->work, l)) return;
    if (!cost_of(p, l, &c)) return;
    double seconds = c.compute + c.communication;
    list->layout[list->count++] = (cadre_plan_layout){ sizeof(cadre_plan_layout), l->expert,
        l->data, l->pipeline, l->tensor, (int64_t)c.memory, c.tokens / seconds,
        c.communication / seconds, c.memory <= p->machine.memory, layout_chunks(l) };
}

/* The layout, and for the stages of a pipeline also with 2, 4 ... blocks of layers on each */
static void add_layouts(void *arg, const rank_layout *l)
{
    rank_layout made = *l;
    for (made.chunks = 1; made.chunks <= LAYOUT_CHUNKS; made.chunks *= 2) add_layout(arg, &made);
}

/* Layouts that fit in memory come first, then faster ones, then those that need less memory. */
static int compare(const void *left, const void *right)
{
    const cadre_plan_layout *a = left, *b = right;
    if (a->fits != b->fits) return a->fits ? -1 : 1;
    if (a->tokens_per_second != b->tokens_per_second)
        return a->tokens_per_second > b->tokens_per_second ? -1 : 1;
    return a->memory_bytes < b->memory_bytes ? -1 : a->memory_bytes > b->memory_bytes;
}

static cadre_status list_layouts(const planned *p, const cadre_plan_listener *listener)
{
    layout_list list = { p, MEM_ARRAY(cadre_plan_layout, MOST_LAYOUTS), 0 };
    if (!list.layout) return CADRE_ENOMEM;
    /* a single machine may be faster than several */
    layouts_visit(1, add_layouts, &list);
    if (p->basis.machines > 1) layouts_visit(p->basis.machines, add_layouts, &list);
    qsort(list.layout, (size_t)list.count, sizeof *list.layout, compare);
    if (listener->basis) listener->basis(listener->arg, &p->basis);
    for (int i = 0; i < list.count && listener->layout; i++)
        listener->layout(listener->arg, &list.layout[i]);
    mem_free(list.layout);
    return CADRE_OK;
}

cadre_status cadre_plan(cadre_context *context, const char *model, cadre_options *options,
    const cadre_plan_listener *listener)
{
    cadre_plan_listener own;
    CADRE_TRY(sized_read(
        "cadre_plan_listener", listener, SIZE_UP_TO(cadre_plan_listener, arg), &own, sizeof own));
    planned p = { .context = context, .options = options, .path = model };
    cadre_status status = describe_model(&p);
    if (status == CADRE_OK) status = describe_machine(&p);
    if (status == CADRE_OK) status = list_layouts(&p, &own);
    cadre_model_close(p.model);
    if (p.own_config) model_config_free(&p.config);
    return status;
}
