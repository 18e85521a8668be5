/* idle.c - finds options that were given but have no effect in this run, and notes each with the
 * reason.
 *
 * A row of THE LIST says in which case an option has no effect. Options that only some routers
 * understand are refused elsewhere (moe/settings.c), and so are impossible values. A value that
 * switches the option's effect off (0, no, none; 1 group) gets no note. */
#include <string.h>

#include "moe/select.h"
#include "moe/settings.h"
#include "train/run.h"

/* What the reasons depend on */
typedef struct facts {
    const train_run *run;
    const model_config *config;
    const balance_options *balance;
    moe_config moe; /* a sparse layer, with the options of training */
} facts;

static bool given(const facts *f, const char *name)
{
    return cadre_options_given(f->run->options, name);
}

static bool limited(const facts *f) { return f->moe.dispatch.overflow != OVERFLOW_NONE; }

static bool has_term(const facts *f, const char *loss)
{
    for (int i = 0; i < f->balance->terms; i++)
        if (!strcmp(f->balance->term[i].loss->name, loss)) return true;
    return false;
}

static bool is_option(const facts *f, const char *name, const char *value)
{
    const char *text = cadre_options_text(f->run->options, name, 0);
    return text && !strcmp(text, value);
}

/* ---- reasons; NULL: the option has an effect ---- */

static const char *without_latent(const facts *f)
{
    return f->config->latent ? NULL : "attention is grouped-query here, not latent";
}

static const char *without_attention(const facts *f)
{
    bool attends = model_config_recurrent_layers(f->config) < f->config->layers;
    return attends ? NULL : "every layer is recurrent";
}

static const char *without_encoder(const facts *f)
{
    return f->config->encoder ? NULL
                              : "a model without an encoder learns to predict the next token";
}

static const char *with_latent(const facts *f)
{
    if (without_attention(f)) return without_attention(f);
    return f->config->latent ? "latent attention has one compressed key for all heads" : NULL;
}

static const char *without_dense_layers(const facts *f)
{
    bool dense = model_config_sparse_layers(f->config) < f->config->layers;
    return dense ? NULL : "every layer is sparse";
}

/* --dense-layers has no effect if the layers would be dense without it, because only one in so many
 * layers is sparse. */
static const char *dense_anyway(const facts *f)
{
    const model_config *c = f->config;
    int64_t step = c->sparse_step > 0 ? c->sparse_step : 1, sparse = c->layers / step;
    bool same = model_config_sparse_layers(c) == sparse;
    return same ? "these layers are dense in the recipe anyway" : NULL;
}

static const char *without_groups(const facts *f)
{
    return select_is_grouped(&f->moe.route) ? NULL : "a token may choose from all groups";
}

static const char *without_capacity(const facts *f)
{
    return limited(f) ? NULL : "experts have no capacity here (--capacity-factor sets one)";
}

static const char *slots_instead(const facts *f)
{
    if (f->moe.router->traits & ROUTER_OWN_CAPACITY) return NULL; /* the router reads it */
    if (!limited(f)) return "--overflow none lifts the limit";
    return f->moe.dispatch.slots > 0 ? "--capacity-slots sets the capacity" : NULL;
}

static const char *without_limit(const facts *f)
{
    return limited(f) ? NULL : "--overflow none lifts the limit";
}

static const char *without_jitter(const facts *f)
{
    return f->moe.route.jitter > 0 ? NULL : "--jitter is 0";
}

static const char *without_renormalising(const facts *f)
{
    bool raw = router_understands(f->moe.router, "renormalise") && !f->moe.route.renormalise;
    return raw ? "weights are not renormalised" : NULL;
}

static const char *without_dropped(const facts *f)
{
    if (without_renormalising(f)) return "weights are not renormalised";
    return without_capacity(f);
}

static const char *without_aux_loss(const facts *f)
{
    return options_most(f->run->options, "aux-loss") > 0
               ? NULL
               : "the balancing loss is off (--aux-loss is 0)";
}

/* What loads are counted over if --balance-over is not given */
static const char *usual_scope(const train_run *r)
{
    for (const recipe_setting *s = r->recipe ? r->recipe->settings : NULL; s && s->option; s++)
        if (!strcmp(s->option, "balance-over")) return s->value;
    return "micro";
}

/* One micro-batch is the whole step: both words then give the same loads. */
static const char *of_one_micro_batch(const facts *f)
{
    bool own = f->moe.router->loss && balance_loss_by_name(f->moe.router->loss)->value;
    if (!own && without_aux_loss(f)) return without_aux_loss(f);
    bool several = f->run->settings.accumulate > 1 || train_world(f->run)->size > 1;
    bool sequences =
        is_option(f, "balance-over", "sequence") || !strcmp(usual_scope(f->run), "sequence");
    return several || sequences ? NULL : "a step has one micro-batch (--accumulate makes more)";
}

static const char *of_one_device(const facts *f)
{
    bool grouped =
        is_option(f, "balance-loss", "device") || is_option(f, "balance-loss", "communication");
    if (without_aux_loss(f)) return without_aux_loss(f);
    return grouped && f->balance->devices <= 1
               ? "a single device has the same share whatever is picked (--devices sets more)"
               : NULL;
}

static const char *without_device_loss(const facts *f)
{
    bool used = has_term(f, "device") || has_term(f, "communication");
    return used ? NULL : "no loss reads devices (--balance-loss device or communication do)";
}

static const char *without_communication(const facts *f)
{
    return has_term(f, "communication") ? NULL : "only --balance-loss communication reads it";
}

static const char *without_falling_rate(const facts *f)
{
    return is_option(f, "schedule", "constant") ? "--schedule constant does not fall" : NULL;
}

static const char *without_rate(const facts *f)
{
    return f->run->settings.schedule.lr > 0 ? NULL : "--lr is 0";
}

static const char *without_routers(const facts *f, const param_table *table)
{
    bool any = false;
    for (int64_t i = 0; i < table->count; i++) {
        const param *p = &table->rows[i];
        int64_t from, to;
        if (!optimizer_is_router(p) || p->kind == PARAM_STATE) continue;
        freeze_elements(&f->run->settings.optimizer.freeze, p, &from, &to);
        if (to - from < p->rows * p->cols) return NULL;
        any = true;
    }
    return any ? "--freeze leaves no router to train" : "no router is trained here";
}

static const char *without_router_rate(const facts *f)
{
    param_table table;
    if (without_rate(f)) return without_rate(f);
    if (f->run->adapts) return without_routers(f, &f->run->adapter.table);
    if (param_table_make_whole(f->config, &table) != CADRE_OK) return NULL;
    const char *reason = without_routers(f, &table);
    param_table_free(&table);
    return reason;
}

static const char *without_decay(const facts *f)
{
    bool decay = f->run->settings.optimizer.weight_decay > 0;
    return decay ? NULL : "--weight-decay is 0";
}

static const char *without_preference(const facts *f)
{
    return f->run->preferences.pairs ? NULL : "--preference names no pairs of answers";
}

static const char *without_momentum(const facts *f)
{
    bool has = optimizer_default_momentum(f->run->settings.optimizer.method) > 0;
    return has ? NULL : "the optimiser has none (sgd and muon have)";
}

static const char *without_muon(const facts *f)
{
    return is_option(f, "optimizer", "muon") ? NULL : "only --optimizer muon reads it";
}

static const char *without_betas(const facts *f)
{
    bool has = optimizer_has_betas(f->run->settings.optimizer.method);
    return has ? NULL : "the optimiser does not read it (adamw and muon do)";
}

static const char *without_picks(const facts *f)
{
    uint32_t traits = f->moe.router->traits;
    if (traits & ROUTER_OWN_CAPACITY) return "experts choose tokens (--capacity-factor: how many)";
    return traits & ROUTER_EVERY_EXPERT ? "every expert serves every token" : NULL;
}

static const char *without_zero_experts(const facts *f)
{
    return f->moe.zeros ? NULL : "there are no --zero-experts";
}

static const char *without_heterogeneous(const facts *f)
{
    if (has_term(f, "heterogeneous") && moe_config_weightless(&f->moe)) return NULL;
    return "it is read by --balance-loss heterogeneous where experts have no weights";
}

static const char *without_table(const facts *f)
{
    if (!(f->moe.router->traits & ROUTER_READS_IDS))
        return "only routers hash, hash-next and multi-hash have a table";
    return f->run->from ? "the model's own table stays" : NULL;
}

static const char *without_types(const facts *f)
{
    return f->moe.types.count ? NULL : "there are no --types";
}

/* How many documents of --data have tokens that do not count in the loss: conversations (framed:
 * these alone) and completions */
static int64_t documents_with_answers(const facts *f, bool framed)
{
    const corpus *c = f->run->corpus;
    int64_t count = 0;
    for (int i = 0; i < c->count; i++) {
        const token_facts *d = &c->domains[i].facts;
        count += d->conversations + (framed ? 0 : d->completions);
    }
    return count;
}

static const char *without_answers(const facts *f)
{
    if (f->run->token_file) return "a token file says itself what is counted";
    if (f->run->preferences.pairs)
        return f->run->preferences.conversations ? NULL
                                                 : "there are no conversations in --preference";
    bool known = f->run->corpus;
    return known && !documents_with_answers(f, false) ? "there are only texts in --data" : NULL;
}

static const char *without_conversations(const facts *f)
{
    if (f->run->token_file) return "a token file has no conversations";
    bool known = f->run->corpus;
    return known && !documents_with_answers(f, true) ? "there are no conversations in --data"
                                                     : NULL;
}

static const char *without_images(const facts *f)
{
    const train_run *r = f->run;
    if (r->token_file) return "a token file has no images";
    return r->corpus && !r->data_images ? "there are no images in --data" : NULL;
}

static const char *without_validations(const facts *f)
{
    return f->run->settings.validate_every ? NULL
                                           : "the evaluation at the end reads all held-out texts "
                                             "(--validate-every adds earlier ones)";
}

static const char *without_resuming(const facts *f)
{
    return options_flag_or(f->run->options, "resume", false) ? NULL : "only --resume reads it";
}

static const char *without_looking_ahead(const facts *f)
{
    bool ahead = f->moe.router->traits & ROUTER_LOOKS_AHEAD;
    return ahead ? NULL : "no router here sees later tokens";
}

static const char *without_domains(const facts *f)
{
    return f->run->token_file ? "the batches of a token file come in its order" : NULL;
}

/* ---- THE LIST of options that can be idle ---- */

typedef struct idle_row {
    const char *option;
    const char *(*reason)(const facts *f);
    double nothing; /* the value that switches it off; for a word, 0 stands for "none" */
} idle_row;

/* Options of sparse layers */
static const idle_row routing_rows[] = {
    { "topk", without_picks, -1 },
    { "hash-table", without_table, -1 },
    { "zero-weight", without_zero_experts, -1 },
    { "tau", without_heterogeneous, 1 },
    { "entropy-experts", without_types, 0 },
    { "groups", without_groups, 1 },
    { "groups-used", without_groups, -1 },
    { "group-score", without_groups, -1 },
    { "group-mask", without_groups, -1 },
    { "norm-eps", without_renormalising, 0 },
    { "survivors", without_dropped, 0 },
    { "jitter-experts", without_jitter, 0 },
    { "capacity-factor", slots_instead, -1 },
    { "capacity-slots", without_limit, 0 },
    { "capacity-in-eval", without_capacity, 0 },
    { "priority", without_capacity, -1 },
    { "balance-loss", of_one_device, -1 },
    { "aux-form", without_aux_loss, -1 },
    { "balance-over", of_one_micro_batch, -1 },
    { "devices", without_device_loss, 1 },
    { "devices-used", without_communication, -1 },
    { "allow-lookahead", without_looking_ahead, 0 },
};

/* Options of the whole model and of the run */
static const idle_row run_rows[] = {
    { "heads", without_attention, -1 },
    { "head-dim", without_attention, -1 },
    { "kv-heads", with_latent, -1 },
    { "q-lora-rank", without_latent, -1 },
    { "kv-lora-rank", without_latent, -1 },
    { "qk-rope-head-dim", without_latent, -1 },
    { "v-head-dim", without_latent, -1 },
    { "dense-layers", dense_anyway, 0 },
    { "dense-width", without_dense_layers, -1 },
    { "min-lr-ratio", without_falling_rate, -1 },
    { "router-lr", without_router_rate, 0 },
    { "no-decay", without_decay, -1 },
    { "beta", without_preference, 0 },
    { "momentum", without_momentum, 0 },
    { "muon-scale", without_muon, 0 },
    { "beta1", without_betas, -1 },
    { "beta2", without_betas, -1 },
    { "eps", without_betas, -1 },
    { "noise-density", without_encoder, -1 },
    { "noise-span", without_encoder, -1 },
    { "loss-on", without_answers, -1 },
    { "template", without_conversations, -1 },
    { "weights", without_domains, -1 },
    { "image-size", without_images, -1 },
    { "image-patch", without_images, -1 },
    { "image-codes", without_images, -1 },
    { "image-order", without_images, -1 },
    { "validate-tokens", without_validations, -1 },
    { "override", without_resuming, 0 },
};

static bool item_asks_for_nothing(
    const cadre_options *o, const cadre_option *row, int i, double nothing)
{
    switch (row->kind) {
    case CADRE_OPTION_FLAG:
    case CADRE_OPTION_FLAGS: return !options_flag_at(o, row->name, i);
    case CADRE_OPTION_INT:
    case CADRE_OPTION_INTS: return (double)cadre_options_int(o, row->name, i) == nothing;
    case CADRE_OPTION_REAL:
    case CADRE_OPTION_REALS: return options_real_at(o, row->name, i) == nothing;
    default: return nothing == 0 && !strcmp(cadre_options_text(o, row->name, i), "none");
    }
}

static bool asks_for_nothing(const facts *f, const char *name, double nothing)
{
    const cadre_options *o = f->run->options;
    bool all = true;
    for (int i = 0; i < cadre_options_count(o, name); i++)
        all &= item_asks_for_nothing(o, cadre_options_row(o, name), i, nothing);
    return all;
}

static void note_idle(const train_run *r, const char *name, const char *reason)
{
    if (reason) train_note(r, "--%s has no effect: %s", name, reason);
}

static bool is_asked_for(const facts *f, const idle_row *row)
{
    return given(f, row->option) && !asks_for_nothing(f, row->option, row->nothing);
}

/* An option of layers has an effect if it has one in any of them. */
static cadre_status note_of_layers(const train_run *r, facts *f, const idle_row *row)
{
    const char *reason = NULL;
    if (!is_asked_for(f, row)) return CADRE_OK;
    for (int64_t l = 0; l < r->config.layers; l++) {
        if (!r->config.layer[l].sparse) continue;
        f->moe = r->config.layer[l].moe;
        CADRE_TRY(settings_read_layer_of(r->options, l, r->config.layers, &f->moe));
        reason = row->reason(f);
        if (!reason) return CADRE_OK;
    }
    note_idle(r, row->option, reason);
    return CADRE_OK;
}

/* In a model without experts, no option of routing has an effect. */
static void note_dense(const train_run *r, const facts *f)
{
    cadre_option_table table = cadre_routing_options();
    for (int i = 0; i < table.count; i++) {
        const char *name = table.rows[i].name;
        if (given(f, name) && !asks_for_nothing(f, name, 0))
            note_idle(r, name, "no layer has experts");
    }
}

cadre_status train_idle_options(const train_run *r)
{
    facts f = { .run = r, .config = &r->config, .balance = &r->settings.balance };
    for (size_t i = 0; i < sizeof run_rows / sizeof *run_rows; i++)
        if (is_asked_for(&f, &run_rows[i]))
            note_idle(r, run_rows[i].option, run_rows[i].reason(&f));
    if (!model_config_sparse_layers(&r->config)) {
        note_dense(r, &f);
        return CADRE_OK;
    }
    for (size_t i = 0; i < sizeof routing_rows / sizeof *routing_rows; i++)
        CADRE_TRY(note_of_layers(r, &f, &routing_rows[i]));
    return CADRE_OK;
}
