/* prune.c - removes experts from a sparse model: in every sparse layer those with the highest
 * values stay, in their order, with their rows of the router. Under a softmax the remaining experts
 * share the weight of the removed ones. Where experts lie in groups, each group keeps the same
 * number; where they lie in banks, each bank of more than N keeps N. */
#include <stdio.h>
#include <string.h>

#include "arch/architecture.h"
#include "base/memory.h"
#include "base/options.h"
#include "grow/bank.h"
#include "grow/derivation.h"
#include "grow/expert_use.h"
#include "grow/growth.h"
#include "grow/layout.h"
#include "grow/rule.h"
#include "kernel/context.h"

static const char *const value_names[] = { "use", "weight", "saliency" };

typedef struct pruning {
    model_input old;
    model_config config; /* of the new model */
    int64_t keep;        /* N, experts of a layer or bank that has more */
    expert_value by;
    int32_t *kept; /* [L, most] old numbers, ascending */
    int64_t most;  /* experts of a layer of the new model */
    double left;   /* the kept ones' share of the tokens that experts served, or of their weights */
} pruning;

/* ---- options ---- */

static cadre_status read_options(pruning *q, const cadre_options *o)
{
    const char *name = cadre_options_text(o, "by", 0);
    bool routes = cadre_options_given(o, "routes");
    while (strcmp(value_names[q->by], name) != 0) q->by++;
    if (!cadre_options_given(o, "keep"))
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "--keep: expected a number of experts, found none");
    q->keep = cadre_options_int(o, "keep", 0);
    if (routes && q->by == VALUE_SALIENCY)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--routes: expected --by use or weight, for it does not hold what experts put out, "
            "found saliency");
    if (routes || cadre_options_count(o, "text")) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "expected --text or --routes, which tell what experts are used for, found neither");
}

static cadre_status check_old(const model_config *c, const char *path)
{
    if (c->encoder)
        return cadre_fail(CADRE_EUNSUPPORTED, path, "expected a decoder, found an encoder too");
    if (model_config_sparse_layers(c)) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, path, "expected a sparse model, found a dense one");
}

static const moe_config *old_layer(const pruning *q, int64_t l)
{
    return &q->old.config.layer[l].moe;
}

static int32_t pruned_size(void *arg, const layer_config *layer, bank_range old)
{
    const pruning *q = arg;
    (void)layer;
    return old.count < q->keep ? old.count : (int32_t)q->keep;
}

static int32_t experts_left(const pruning *q, int64_t l) { return q->config.layer[l].moe.experts; }

static bool is_pruned(const pruning *q, int64_t l)
{
    return q->old.config.layer[l].sparse && old_layer(q, l)->experts > experts_left(q, l);
}

/* ---- parts of a layer, of which each keeps some: its banks, or its groups ---- */

static int32_t parts_of(const moe_config *moe)
{
    return moe->route.banks ? moe->route.banks : moe->route.groups;
}

static bank_range part_of(const moe_config *moe, int32_t i)
{
    int32_t size = moe->experts / moe->route.groups;
    if (moe->route.banks) return bank_range_of(moe, i);
    return (bank_range){ i * size, size };
}

static cadre_status check_layer(const pruning *q, int64_t l, const char *path)
{
    const moe_config *moe = old_layer(q, l);
    CADRE_TRY(growth_rule_allows_pruning(moe, path));
    if (moe->route.topk > q->keep && !(moe->router->traits & ROUTER_EVERY_EXPERT))
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--keep: expected at least the %d experts that a token takes, found %lld",
            moe->route.topk, (long long)q->keep);
    if (q->keep % moe->route.groups)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--keep: expected a multiple of the %d groups that experts lie in, found %lld",
            moe->route.groups, (long long)q->keep);
    return CADRE_OK;
}

static cadre_status take_from_layers(pruning *q, const char *path)
{
    int64_t pruned = 0;
    bank_resize(&q->config, pruned_size, q);
    for (int64_t l = 0; l < q->config.layers; l++) {
        if (experts_left(q, l) > q->most) q->most = experts_left(q, l);
        if (!is_pruned(q, l)) continue;
        CADRE_TRY(check_layer(q, l, path));
        if (q->config.layer[l].moe.route.topk > q->keep)
            q->config.layer[l].moe.route.topk = (int32_t)q->keep;
        pruned++;
    }
    if (pruned) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--keep: expected fewer than the %lld experts of a layer, found %lld",
        (long long)q->old.config.experts, (long long)q->keep);
}

static cadre_status choose_config(pruning *q, const growth_run *run)
{
    const char *const families[] = { q->old.config.arch->model_type, NULL };
    CADRE_TRY(read_options(q, run->options));
    CADRE_TRY(check_old(&q->old.config, run->path));
    CADRE_TRY(model_config_copy(&q->old.config, &q->config));
    CADRE_TRY(take_from_layers(q, run->path));
    model_config_summarise(&q->config);
    model_config_fill_layers(&q->config);
    CADRE_TRY(model_config_check(&q->config, run->path));
    return layout_choose(families, run->path, &run->listener, &q->config);
}

/* ---- which experts stay ---- */

/* Marks the `keep` experts of the range with the highest values. Among equals, the lower index
 * stays. */
static void mark_best(const expert_use *u, const pruning *q, int64_t layer, bank_range range,
    int64_t keep, bool *stays)
{
    for (int64_t n = 0; n < keep; n++) {
        int64_t best = -1;
        for (int64_t e = range.first; e < range.first + range.count; e++)
            if (!stays[e] && (best < 0 || expert_use_value(u, q->by, layer, e) >
                                              expert_use_value(u, q->by, layer, best)))
                best = e;
        stays[best] = true;
    }
}

/* Sets one layer's row of `kept`, and adds to the shares of what was served. */
static void choose_layer(
    const expert_use *u, const pruning *q, int64_t l, bool *stays, double *left, double *all)
{
    const moe_config *old = old_layer(q, l);
    int64_t n = 0;
    memset(stays, 0, (size_t)old->experts * sizeof *stays);
    for (int32_t i = 0; i < parts_of(old); i++)
        mark_best(u, q, l, part_of(old, i), part_of(&q->config.layer[l].moe, i).count, stays);
    for (int64_t e = 0; e < old->experts; e++) {
        double served = u->served[l * u->experts + e];
        *all += served;
        if (!stays[e]) continue;
        *left += served;
        q->kept[l * q->most + n++] = (int32_t)e;
    }
}

static cadre_status choose_experts(pruning *q, const expert_use *u)
{
    double left = 0, all = 0;
    bool *stays = MEM_ARRAY(bool, u->experts);
    q->kept = MEM_ARRAY(int32_t, q->config.layers * q->most);
    for (int64_t l = 0; stays && q->kept && l < q->config.layers; l++)
        if (is_pruned(q, l)) choose_layer(u, q, l, stays, &left, &all);
    bool failed = !stays || !q->kept;
    q->left = all > 0 ? left / all : 0;
    mem_free(stays);
    return failed ? CADRE_ENOMEM : CADRE_OK;
}

static cadre_status value_experts(pruning *q, const growth_run *run)
{
    expert_use u;
    char sentence[128];
    const char *routes = cadre_options_text(run->options, "routes", 0);
    cadre_status status = expert_use_open(&q->old.config, &u);
    if (status == CADRE_OK)
        status = cadre_options_given(run->options, "routes")
                     ? expert_use_read(routes, &u)
                     : expert_use_measure(run->before, &run->passage, &u);
    if (status == CADRE_OK) status = choose_experts(q, &u);
    expert_use_close(&u);
    CADRE_TRY(status);
    snprintf(
        sentence, sizeof sentence, "the experts that stay had %.2f %% of the picks", 100 * q->left);
    growth_note(run, sentence);
    return CADRE_OK;
}

/* ---- where parameters come from ---- */

static void origin_of(void *arg, const param *p, origin *o)
{
    const pruning *q = arg;
    if (p->layer < 0 || !is_pruned(q, p->layer)) return;
    if (param_is_expert(p->role)) {
        int32_t expert = q->kept[p->layer * q->most + p->expert];
        o->from = derivation_param(&q->old, p->role, p->layer, expert);
        return;
    }
    /* What has another shape now has rows, or elements, for each expert. */
    o->from = derivation_param(&q->old, p->role, p->layer, -1);
    o->made = o->from.rows != p->rows || o->from.cols != p->cols;
}

static cadre_status make(void *arg, const param *p, real *values)
{
    const pruning *q = arg;
    param from = derivation_param(&q->old, p->role, p->layer, -1);
    int32_t left = experts_left(q, p->layer);
    int64_t each = p->rows * p->cols / left; /* elements of one expert */
    const int32_t *kept = q->kept + p->layer * q->most;
    real *old = MEM_ARRAY(real, from.rows * from.cols);
    cadre_status status = old ? derivation_read(&q->old, &from, old) : CADRE_ENOMEM;
    for (int64_t e = 0; status == CADRE_OK && e < left; e++)
        memcpy(values + e * each, old + kept[e] * each, (size_t)each * sizeof *values);
    mem_free(old);
    return status;
}

/* ---- the whole model ---- */

static cadre_status write_pruned(pruning *q, const growth_run *run)
{
    CADRE_TRY(model_input_open(run->path, path_is_gguf(run->out), &q->old));
    CADRE_TRY(choose_config(q, run));
    CADRE_TRY(value_experts(q, run));
    const derivation d = { .config = &q->config,
        .inputs = &q->old,
        .count = 1,
        .origin = origin_of,
        .make = make,
        .arg = q };
    return derivation_write(run->context->compute, &d, run->out, &run->listener);
}

static cadre_status prune(
    growth_run *run, const cadre_output_listener *listener, cadre_growth *growth)
{
    pruning q = { 0 };
    cadre_status status = growth_begin(run, listener, growth);
    if (status == CADRE_OK) status = write_pruned(&q, run);
    mem_free(q.kept);
    model_config_free(&q.config);
    model_input_close(&q.old);
    if (status == CADRE_OK) status = growth_end(run, growth);
    growth_close(run);
    return status;
}

cadre_status cadre_prune(cadre_context *context, const char *model, const char *out,
    const cadre_options *options, const cadre_output_listener *listener, cadre_growth *growth)
{
    growth_run run = { .context = context, .path = model, .out = out, .options = options };
    CADRE_TRY(context_enter(context));
    return context_leave(context, prune(&run, listener, growth));
}
