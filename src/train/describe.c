/* describe.c - says for --dry-run what a run would be: every number in force, and how long it would
 * take.
 *
 * Facts are told one by one, under the option's name if there is one. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "moe/select.h"
#include "moe/settings.h"
#include "train/run.h"

/* ---- telling one fact ---- */

static void fact(const train_run *r, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void fact(const train_run *r, const char *name, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    r->listener->fact(r->listener->arg, name, text);
}

static void whole(const train_run *r, const char *name, int64_t value)
{
    fact(r, name, "%lld", (long long)value);
}

static void number(const train_run *r, const char *name, double value)
{
    fact(r, name, "%.6g", value);
}

/* ---- the model ---- */

static void tell_attention(const train_run *r, const model_config *c)
{
    whole(r, "heads", c->heads);
    if (!c->latent) {
        whole(r, "kv-heads", c->kv_heads);
        whole(r, "head-dim", c->head_dim);
        return;
    }
    whole(r, "head-dim", c->nope_dim);
    whole(r, "qk-rope-head-dim", c->rope_dim);
    whole(r, "v-head-dim", c->value_dim);
    whole(r, "q-lora-rank", c->q_lora);
    whole(r, "kv-lora-rank", c->kv_lora);
}

static void tell_mixers(const train_run *r, const model_config *c)
{
    char text[512] = "";
    for (int64_t l = 0; l < c->layers; l++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", used ? "," : "",
            layer_mixer_name(&c->layer[l]));
    }
    fact(r, "mixer", "%s", text);
}

static int64_t experts_of(const moe_config *moe) { return moe->experts; }
static int64_t topk_of(const moe_config *moe) { return moe->route.topk; }
static int64_t hidden_of(const moe_config *moe) { return moe->hidden; }
static int64_t shared_of(const moe_config *moe) { return moe->shared; }
static int64_t latent_of(const moe_config *moe) { return moe->latent; }
static int64_t residual_of(const moe_config *moe) { return moe->residual; }

/* Tells one number if all sparse layers have the same, otherwise one for each sparse layer. */
static void tell_each(
    const train_run *r, const char *name, int64_t (*number_of)(const moe_config *moe))
{
    const model_config *c = &r->config;
    char text[512] = "";
    bool differ = model_config_layers_differ(c);
    for (int64_t l = 0; l < c->layers; l++) {
        size_t used = strlen(text);
        if (!c->layer[l].sparse || (used && !differ)) continue;
        snprintf(text + used, sizeof text - used, "%s%lld", used ? "," : "",
            (long long)number_of(&c->layer[l].moe));
    }
    if (*text) fact(r, name, "%s", text);
}

/* Does the same for a number that most layers do not have. */
static void tell_if_any(
    const train_run *r, const char *name, int64_t (*number_of)(const moe_config *moe))
{
    bool any = false;
    for (int64_t l = 0; l < r->config.layers; l++)
        any |= r->config.layer[l].sparse && number_of(&r->config.layer[l].moe) > 0;
    if (any) tell_each(r, name, number_of);
}

/* Tells one number if all dense layers have the same, otherwise one for each dense layer. */
static void tell_dense(const train_run *r, const model_config *c)
{
    char text[512] = "";
    bool differ = false;
    for (int64_t l = 0; l < c->layers; l++)
        differ |= !c->layer[l].sparse && c->layer[l].dense_width != c->dense_width;
    for (int64_t l = 0; l < c->layers; l++) {
        size_t used = strlen(text);
        if (c->layer[l].sparse || (used && !differ)) continue;
        snprintf(text + used, sizeof text - used, "%s%lld", used ? "," : "",
            (long long)c->layer[l].dense_width);
    }
    fact(r, "dense-width", "%s", text);
}

/* Tells what an encoder adds to what is told of the decoder. */
static void tell_spans(const train_run *r, const model_config *c)
{
    const train_settings *s = &r->settings;
    span_lengths n = span_lengths_of(&s->spans, s->context);
    whole(r, "encoder-layers", c->encoder->layers);
    fact(r, "spans", "%lld tokens of a text are read, %lld are written for its %lld spans",
        (long long)n.read, (long long)n.written, (long long)n.spans);
}

static void tell_sizes(const train_run *r, const model_config *c)
{
    int64_t sparse = model_config_sparse_layers(c);
    whole(r, "layers", c->layers);
    whole(r, "sparse-layers", sparse);
    if (c->encoder) tell_spans(r, c);
    whole(r, "width", c->width);
    if (model_config_recurrent_layers(c)) tell_mixers(r, c);
    if (model_config_recurrent_layers(c) < c->layers) tell_attention(r, c);
    tell_each(r, "experts", experts_of);
    tell_each(r, "topk", topk_of);
    tell_each(r, "expert-width", hidden_of);
    tell_if_any(r, "shared-width", shared_of);
    tell_if_any(r, "latent-width", latent_of);
    tell_if_any(r, "residual-width", residual_of);
    if (sparse < c->layers) tell_dense(r, c);
    whole(r, "vocab", c->vocab);
    fact(r, "tie", "%s", c->tie ? "yes" : "no");
}

/* ---- routing in training ---- */

static cadre_status first_layer(const train_run *r, moe_config *moe)
{
    model_config c;
    CADRE_TRY(model_config_copy(&r->config, &c));
    cadre_status status = train_settings_apply(&r->settings, &c);
    for (int64_t l = c.layers; l-- > 0 && status == CADRE_OK;)
        if (c.layer[l].sparse) *moe = c.layer[l].moe;
    model_config_free(&c);
    return status;
}

static void tell_capacity(const train_run *r, const dispatch_options *d)
{
    fact(r, "overflow", "%s", settings_overflow_name(d->overflow));
    if (d->overflow == OVERFLOW_NONE) return;
    if (d->slots > 0) whole(r, "capacity-slots", d->slots);
    else number(r, "capacity-factor", (double)d->factor);
    fact(r, "priority", "%s", settings_priority_name(d->priority));
    fact(r, "capacity-in-eval", "%s", d->in_eval ? "yes" : "no");
}

static double groups_of(const moe_config *moe) { return moe->route.groups; }
static double groups_used_of(const moe_config *moe) { return moe->route.groups_used; }
static double scale_of(const moe_config *moe) { return (double)moe->route.scale; }
static double top_p_of(const moe_config *moe) { return (double)moe->route.top_p; }

/* Tells one number if all sparse layers route by the same, otherwise one for each sparse layer. */
static void tell_route(
    const train_run *r, const char *name, double (*number_of)(const moe_config *moe))
{
    const model_config *c = &r->config;
    char text[512] = "";
    double first = 0;
    bool differ = false;
    for (int64_t l = 0; l < c->layers; l++) {
        if (!c->layer[l].sparse) continue;
        size_t used = strlen(text);
        double value = number_of(&c->layer[l].moe);
        if (!used) first = value;
        differ |= value != first;
        snprintf(text + used, sizeof text - used, "%s%.6g", used ? "," : "", value);
    }
    if (differ) fact(r, name, "%s", text);
    else number(r, name, first);
}

/* Whether the picks of any layer are limited to groups. */
static bool any_groups(const model_config *c)
{
    bool any = false;
    for (int64_t l = 0; l < c->layers; l++)
        any |= c->layer[l].sparse && select_is_grouped(&c->layer[l].moe.route);
    return any;
}

static cadre_status tell_routing(const train_run *r)
{
    moe_config moe = { 0 };
    if (!model_config_sparse_layers(&r->config)) return CADRE_OK;
    CADRE_TRY(first_layer(r, &moe));
    fact(r, "router", "%s", moe.router->name);
    fact(r, "expert-form", "%s", moe.form);
    if (any_groups(&r->config)) {
        tell_route(r, "groups", groups_of);
        tell_route(r, "groups-used", groups_used_of);
    }
    tell_route(r, "route-scale", scale_of);
    if (router_understands(moe.router, "top-p")) tell_route(r, "top-p", top_p_of);
    if (moe_config_weightless(&moe)) {
        whole(r, "constant-experts", moe.constants);
        whole(r, "copy-experts", moe.copies);
        whole(r, "zero-experts", moe.zeros);
    }
    number(r, "jitter", (double)moe.route.jitter);
    number(r, "expert-dropout", moe.expert_dropout);
    tell_capacity(r, &moe.dispatch);
    return CADRE_OK;
}

static void tell_balancing(const train_run *r)
{
    static const char *const over[] = { "micro", "step", "sequence" };
    static const char *const forms[] = { "layer", "mean", "pooled" };
    const balance_options *b = &r->settings.balance;
    bool bias = r->config.router && r->config.router->traits & ROUTER_CORRECTION;
    if (!model_config_sparse_layers(&r->config)) return;
    for (int i = 0; i < b->terms; i++)
        fact(r, "balancing", "%s, coefficient %g, over %s, %s", b->term[i].loss->name,
            b->term[i].coefficient, over[b->term[i].over], forms[b->term[i].form]);
    if (bias && b->bias_rate > 0) fact(r, "balancing", "selection bias, %g a step", b->bias_rate);
    else if (!b->terms) fact(r, "balancing", "none");
    number(r, "z-loss", b->z_loss);
}

/* ---- how it learns, and how much ---- */

static void tell_no_decay(const train_run *r, const optimizer_options *o)
{
    const struct {
        bool kept;
        const char *name;
    } kinds[] = { { o->keep_norms, "norms" }, { o->keep_biases, "biases" },
        { o->keep_router, "router" }, { o->keep_embeddings, "embeddings" } };
    char text[64] = "";
    for (int i = 0; i < 4; i++) {
        size_t used = strlen(text);
        const char *comma = used ? "," : "";
        if (kinds[i].kept) snprintf(text + used, sizeof text - used, "%s%s", comma, kinds[i].name);
    }
    fact(r, "no-decay", "%s", *text ? text : "none");
}

static void tell_optimizer(const train_run *r, const train_settings *s)
{
    static const char *const kinds[] = { "constant", "cosine", "wsd" };
    const optimizer_options *o = &s->optimizer;
    const schedule *rates = &s->schedule;
    fact(r, "optimizer", "adamw");
    number(r, "lr", rates->lr);
    number(r, "router-lr", rates->lr * s->router_lr);
    fact(r, "schedule", "%s", kinds[rates->kind]);
    if (rates->kind != SCHEDULE_CONSTANT) number(r, "min-lr-ratio", rates->min_ratio);
    int64_t usual = length_warmup(&s->length, s->length.steps);
    whole(r, "warmup", rates->warmup >= 0 ? rates->warmup : usual);
    number(r, "beta1", o->beta1);
    number(r, "beta2", o->beta2);
    number(r, "eps", o->eps);
    number(r, "weight-decay", o->weight_decay);
    tell_no_decay(r, o);
    number(r, "clip", o->clip);
    if (cadre_options_count(r->options, "freeze"))
        fact(r, "freeze", "%s", cadre_options_text(r->options, "freeze", 0));
}

static void tell_length(const train_run *r, const train_settings *s, const rate_estimate *rate)
{
    int64_t step = s->batch * s->context, steps = s->length.steps;
    double seconds = s->length.seconds;
    if (!steps && seconds > 0) steps = (int64_t)(seconds * rate->tokens_per_second / (double)step);
    else seconds = (double)(steps * step) / rate->tokens_per_second;
    whole(r, "batch", s->batch);
    whole(r, "accumulate", s->accumulate);
    whole(r, "context", s->context);
    whole(r, "tokens-per-step", step);
    fact(r, "tokens-per-second", "%.0f", rate->tokens_per_second);
    fact(r, "rate", "%s", rate->how);
    if (!steps) return;
    whole(r, "steps", steps);
    whole(r, "tokens", steps * step);
    fact(r, "seconds", "%.1f", seconds);
}

cadre_status train_describe(const train_run *r, const cadre_train_summary *summary)
{
    rate_estimate rate;
    if (!r->listener || !r->listener->fact) return CADRE_OK;
    fact(r, r->recipe ? "recipe" : "from", "%s", r->recipe ? r->recipe->name : r->from);
    tell_sizes(r, &r->config);
    CADRE_TRY(tell_routing(r));
    tell_balancing(r);
    tell_optimizer(r, &r->settings);
    CADRE_TRY(train_rate(r, summary->active_parameters, summary->memory_bytes, &rate));
    tell_length(r, &r->settings, &rate);
    return CADRE_OK;
}
