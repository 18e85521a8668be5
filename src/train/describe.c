/* describe.c - describes for --dry-run what a run would be: every setting in force, and how long it
 * would take.
 *
 * It passes facts to the listener one by one, under the option's name if there is one. */
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

static void integer(const train_run *r, const char *name, int64_t value)
{
    fact(r, name, "%lld", (long long)value);
}

static void real_number(const train_run *r, const char *name, double value)
{
    fact(r, name, "%.6g", value);
}

/* ---- the model ---- */

static void tell_attention(const train_run *r, const model_config *c)
{
    integer(r, "heads", c->heads);
    if (!c->latent) {
        integer(r, "kv-heads", c->kv_heads);
        integer(r, "head-dim", c->head_dim);
        return;
    }
    integer(r, "head-dim", c->nope_dim);
    integer(r, "qk-rope-head-dim", c->rope_dim);
    integer(r, "v-head-dim", c->value_dim);
    integer(r, "q-lora-rank", c->q_lora);
    integer(r, "kv-lora-rank", c->kv_lora);
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

static int64_t (*const sizes[])(
    const moe_config *moe) = { experts_of, topk_of, hidden_of, shared_of, latent_of, residual_of };

static bool sizes_differ(const model_config *c)
{
    const moe_config *first = NULL;
    for (int64_t l = 0; l < c->layers; l++) {
        const moe_config *moe = &c->layer[l].moe;
        if (!c->layer[l].sparse) continue;
        if (!first) first = moe;
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
            if (sizes[i](moe) != sizes[i](first)) return true;
    }
    return false;
}

/* Tells one number if all sparse layers have the same sizes, otherwise one for each of them. */
static void tell_each(
    const train_run *r, const char *name, int64_t (*number_of)(const moe_config *moe))
{
    const model_config *c = &r->config;
    char text[512] = "";
    bool differ = sizes_differ(c);
    for (int64_t l = 0; l < c->layers; l++) {
        size_t used = strlen(text);
        if (!c->layer[l].sparse || (used && !differ)) continue;
        snprintf(text + used, sizeof text - used, "%s%lld", used ? "," : "",
            (long long)number_of(&c->layer[l].moe));
    }
    if (*text) fact(r, name, "%s", text);
}

/* Does the same for a number that most models do not have, if any layer has it. */
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
    integer(r, "encoder-layers", c->encoder->layers);
    fact(r, "spans", "%lld tokens of a text are read, %lld are written for its %lld spans",
        (long long)n.read, (long long)n.written, (long long)n.spans);
}

static void tell_sizes(const train_run *r, const model_config *c)
{
    int64_t sparse = model_config_sparse_layers(c);
    integer(r, "layers", c->layers);
    integer(r, "sparse-layers", sparse);
    if (c->encoder) tell_spans(r, c);
    integer(r, "width", c->width);
    if (model_config_recurrent_layers(c)) tell_mixers(r, c);
    if (model_config_recurrent_layers(c) < c->layers) tell_attention(r, c);
    tell_each(r, "experts", experts_of);
    tell_each(r, "topk", topk_of);
    tell_each(r, "expert-width", hidden_of);
    tell_if_any(r, "shared-width", shared_of);
    tell_if_any(r, "latent-width", latent_of);
    tell_if_any(r, "residual-width", residual_of);
    if (sparse < c->layers) tell_dense(r, c);
    integer(r, "vocab", c->vocab);
    fact(r, "tie", "%s", c->tie ? "yes" : "no");
}

/* ---- routing in training ---- */

/* Tells facts about the sparse layers in training: one value if all layers have the same, otherwise
 * one for each. */
typedef struct layer_facts {
    const train_run *run;
    const model_config *config;
    int term; /* of the balancing losses */
} layer_facts;

enum { FACT_ROOM = 24 };
/* Writes a layer's value; an empty text means that the fact does not apply to the layer, for which
 * a list has "-". */
typedef void layer_fact(const layer_facts *f, const moe_config *moe, char *text);

static void join_facts(const layer_facts *f, layer_fact *fact_of, char *text, size_t room)
{
    char first[FACT_ROOM] = "", own[FACT_ROOM];
    bool differ = false;
    size_t used = 0;
    text[0] = 0;
    for (int64_t l = 0; l < f->config->layers; l++) {
        own[0] = 0;
        if (!f->config->layer[l].sparse || used >= room) continue;
        fact_of(f, &f->config->layer[l].moe, own);
        if (!first[0]) memcpy(first, own, sizeof first);
        differ |= own[0] && strcmp(first, own) != 0;
        used +=
            (size_t)snprintf(text + used, room - used, "%s%s", used ? "," : "", own[0] ? own : "-");
    }
    if (!differ) snprintf(text, room, "%s", first);
}

static void tell_layers(const layer_facts *f, const char *name, layer_fact *fact_of)
{
    char text[512];
    join_facts(f, fact_of, text, sizeof text);
    if (*text) fact(f->run, name, "%s", text);
}

#define LAYER_FACT(name_) static void name_(const layer_facts *f, const moe_config *moe, char *text)
#define NUMBER(value_) (void)f, snprintf(text, FACT_ROOM, "%.6g", (double)(value_))
#define WORD(word_) (void)f, snprintf(text, FACT_ROOM, "%s", (word_))

static bool is_limited(const moe_config *moe) { return moe->dispatch.overflow != OVERFLOW_NONE; }
static double coefficient_of(const layer_facts *f, const moe_config *moe)
{
    return balance_coefficient(&f->run->settings.balance, &moe->losses, f->term);
}

LAYER_FACT(router_of) { WORD(moe->router->name); }
LAYER_FACT(form_of) { WORD(moe->form); }
LAYER_FACT(groups_of) { NUMBER(moe->route.groups); }
LAYER_FACT(groups_used_of) { NUMBER(moe->route.groups_used); }
LAYER_FACT(scale_of) { NUMBER(moe->route.scale); }
LAYER_FACT(constants_of) { NUMBER(moe->constants); }
LAYER_FACT(copies_of) { NUMBER(moe->copies); }
LAYER_FACT(zeros_of) { NUMBER(moe->zeros); }
LAYER_FACT(jitter_of) { NUMBER(moe->route.jitter); }
LAYER_FACT(dropout_of) { NUMBER(moe->expert_dropout); }
LAYER_FACT(overflow_of) { WORD(settings_overflow_name(moe->dispatch.overflow)); }
LAYER_FACT(slots_of) { NUMBER(moe->dispatch.slots); }
LAYER_FACT(factor_of) { NUMBER(moe->dispatch.factor); }
LAYER_FACT(priority_of) { WORD(settings_priority_name(moe->dispatch.priority)); }
LAYER_FACT(in_eval_of) { WORD(moe->dispatch.in_eval ? "yes" : "no"); }
LAYER_FACT(top_p_of) { NUMBER(moe->route.top_p); }
LAYER_FACT(term_of) { NUMBER(coefficient_of(f, moe)); }
LAYER_FACT(z_loss_of) { NUMBER(balance_z_loss(&f->run->settings.balance, &moe->losses)); }
LAYER_FACT(bias_rate_of) { NUMBER(balance_bias_rate(&f->run->settings.balance, &moe->losses)); }

/* These facts apply to some layers alone. */
LAYER_FACT(own_top_p)
{
    if (router_understands(moe->router, "top-p")) top_p_of(f, moe, text);
}
LAYER_FACT(own_slots)
{
    if (is_limited(moe) && moe->dispatch.slots > 0) slots_of(f, moe, text);
}
LAYER_FACT(own_factor)
{
    if (is_limited(moe) && !moe->dispatch.slots) factor_of(f, moe, text);
}
LAYER_FACT(own_priority)
{
    if (is_limited(moe)) priority_of(f, moe, text);
}
LAYER_FACT(own_in_eval)
{
    if (is_limited(moe)) in_eval_of(f, moe, text);
}
LAYER_FACT(own_bias_rate)
{
    if (moe->router->traits & ROUTER_CORRECTION) bias_rate_of(f, moe, text);
}

/* Whether any sparse layer has a property */
static bool any_layer(const model_config *c, bool (*has)(const moe_config *moe))
{
    bool any = false;
    for (int64_t l = 0; l < c->layers; l++) any |= c->layer[l].sparse && has(&c->layer[l].moe);
    return any;
}
static bool has_groups(const moe_config *moe) { return select_is_grouped(&moe->route); }
static bool has_weightless(const moe_config *moe) { return moe_config_weightless(moe) > 0; }

static void tell_routing(const layer_facts *f)
{
    tell_layers(f, "router", router_of);
    tell_layers(f, "expert-form", form_of);
    if (any_layer(f->config, has_groups)) {
        tell_layers(f, "groups", groups_of);
        tell_layers(f, "groups-used", groups_used_of);
    }
    tell_layers(f, "route-scale", scale_of);
    tell_layers(f, "top-p", own_top_p);
    if (any_layer(f->config, has_weightless)) {
        tell_layers(f, "constant-experts", constants_of);
        tell_layers(f, "copy-experts", copies_of);
        tell_layers(f, "zero-experts", zeros_of);
    }
    tell_layers(f, "jitter", jitter_of);
    tell_layers(f, "expert-dropout", dropout_of);
    tell_layers(f, "overflow", overflow_of);
    tell_layers(f, "capacity-slots", own_slots);
    tell_layers(f, "capacity-factor", own_factor);
    tell_layers(f, "priority", own_priority);
    tell_layers(f, "capacity-in-eval", own_in_eval);
}

static void tell_balancing(layer_facts *f)
{
    static const char *const over[] = { "micro", "step", "sequence" };
    static const char *const forms[] = { "layer", "mean", "pooled" };
    const balance_options *b = &f->run->settings.balance;
    char text[256];
    for (f->term = 0; f->term < b->terms; f->term++) {
        const balance_term *t = &b->term[f->term];
        join_facts(f, term_of, text, sizeof text);
        fact(f->run, "balancing", "%s, coefficient %s, over %s, %s", t->loss->name, text,
            over[t->over], forms[t->form]);
    }
    join_facts(f, own_bias_rate, text, sizeof text);
    if (*text && b->bias_rate > 0) fact(f->run, "balancing", "correction bias, %s a step", text);
    else if (!b->terms) fact(f->run, "balancing", "none");
    tell_layers(f, "z-loss", z_loss_of);
}

static cadre_status tell_sparse_layers(const train_run *r)
{
    model_config c;
    if (!model_config_sparse_layers(&r->config)) return CADRE_OK;
    CADRE_TRY(model_config_copy(&r->config, &c));
    cadre_status status = train_settings_apply(&r->settings, &c);
    layer_facts f = { .run = r, .config = &c };
    if (status == CADRE_OK) tell_routing(&f);
    if (status == CADRE_OK) tell_balancing(&f);
    model_config_free(&c);
    return status;
}

/* ---- the optimiser, and the length of the run ---- */

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
    fact(r, "compute", "%s", s->bf16 ? "bf16" : "f32");
    fact(r, "optimizer", "%s", optimizer_method_name(o->method));
    if (optimizer_default_momentum(o->method) > 0) real_number(r, "momentum", o->momentum);
    real_number(r, "lr", rates->lr);
    real_number(r, "router-lr", rates->lr * s->router_lr);
    fact(r, "schedule", "%s", kinds[rates->kind]);
    if (rates->kind != SCHEDULE_CONSTANT) real_number(r, "min-lr-ratio", rates->min_ratio);
    int64_t usual = length_warmup(&s->length, s->length.steps);
    integer(r, "warmup", rates->warmup >= 0 ? rates->warmup : usual);
    if (optimizer_has_betas(o->method)) {
        real_number(r, "beta1", o->beta1);
        real_number(r, "beta2", o->beta2);
        real_number(r, "eps", o->eps);
    }
    real_number(r, "weight-decay", o->weight_decay);
    tell_no_decay(r, o);
    real_number(r, "clip", o->clip);
    if (cadre_options_count(r->options, "freeze"))
        fact(r, "freeze", "%s", cadre_options_text(r->options, "freeze", 0));
}

static void tell_length(const train_run *r, const train_settings *s, const rate_estimate *rate)
{
    int64_t step = s->batch * s->context, steps = s->length.steps;
    double seconds = s->length.seconds;
    if (!steps && seconds > 0) steps = (int64_t)(seconds * rate->tokens_per_second / (double)step);
    else seconds = (double)(steps * step) / rate->tokens_per_second;
    integer(r, "batch", s->batch);
    integer(r, "accumulate", s->accumulate);
    fact(r, "recompute", "%s", s->recompute ? "layers" : "none");
    integer(r, "context", s->context);
    integer(r, "tokens-per-step", step);
    fact(r, "tokens-per-second", "%.0f", rate->tokens_per_second);
    fact(r, "rate", "%s", rate->how);
    if (!steps) return;
    integer(r, "steps", steps);
    integer(r, "tokens", steps * step);
    fact(r, "seconds", "%.1f", seconds);
}

cadre_status train_describe(const train_run *r, const cadre_train_summary *summary)
{
    rate_estimate rate;
    if (!r->listener || !r->listener->fact) return CADRE_OK;
    fact(r, r->recipe ? "recipe" : "from", "%s", r->recipe ? r->recipe->name : r->from);
    tell_sizes(r, &r->config);
    CADRE_TRY(tell_sparse_layers(r));
    tell_optimizer(r, &r->settings);
    CADRE_TRY(train_rate(r, summary->active_parameters, summary->memory_bytes, &rate));
    tell_length(r, &r->settings, &rate);
    return CADRE_OK;
}
