/* settings.c - reads the options of a training run, and checks them. */
#include "train/settings.h"

#include <string.h>

#include "arch/token_types.h"
#include "moe/layer_reader.h"
#include "moe/settings.h"

static schedule_kind kind_of(const char *word)
{
    return !strcmp(word, "constant") ? SCHEDULE_CONSTANT
           : !strcmp(word, "wsd")    ? SCHEDULE_WSD
                                     : SCHEDULE_COSINE;
}

static void read_optimizer(const cadre_options *o, optimizer_options *a)
{
    const optimizer_method *method =
        optimizer_method_by_name(cadre_options_text(o, "optimizer", 0));
    *a = (optimizer_options){ .method = method,
        .momentum = options_real_or(o, "momentum", optimizer_default_momentum(method)),
        .original_scale = !strcmp(cadre_options_text(o, "muon-scale", 0), "original"),
        .beta1 = cadre_options_real(o, "beta1"),
        .beta2 = cadre_options_real(o, "beta2"),
        .eps = cadre_options_real(o, "eps"),
        .weight_decay = cadre_options_real(o, "weight-decay"),
        .clip = cadre_options_real(o, "clip"),
        .keep_norms = cadre_options_has(o, "no-decay", "norms"),
        .keep_biases = cadre_options_has(o, "no-decay", "biases"),
        .keep_router = cadre_options_has(o, "no-decay", "router"),
        .keep_embeddings = cadre_options_has(o, "no-decay", "embeddings") };
}

static cadre_status check_length(const cadre_options *o, const run_length *l)
{
    bool minutes = cadre_options_count(o, "minutes"), tokens = cadre_options_count(o, "min-tokens");
    if (cadre_options_count(o, "steps") && minutes)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "--steps and --minutes: expected one of them, found both");
    if (tokens && !minutes)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--min-tokens: expected --minutes, which it prolongs, found none");
    if (cadre_options_count(o, "max-minutes") && !tokens)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--max-minutes: expected --min-tokens, which it limits, found none");
    if (cadre_options_count(o, "max-minutes") && l->max_seconds < l->seconds)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--max-minutes: expected at least the %g of --minutes, found %g", l->seconds / 60,
            l->max_seconds / 60);
    return CADRE_OK;
}

static cadre_status read_length(const cadre_options *o, train_settings *s)
{
    s->batch = cadre_options_int(o, "batch", 0);
    s->accumulate = cadre_options_int(o, "accumulate", 0);
    s->context = cadre_options_int(o, "context", 0);
    s->length = (run_length){ .steps = options_int_or(o, "steps", 0),
        .seconds = options_real_or(o, "minutes", 0) * 60,
        .min_tokens = options_int_or(o, "min-tokens", 0),
        .max_seconds = options_real_or(o, "max-minutes", 0) * 60 };
    s->schedule.steps = s->length.steps;
    s->save_every = cadre_options_int(o, "save-every", 0);
    s->keep = cadre_options_int(o, "keep", 0);
    s->validate_every = cadre_options_int(o, "validate-every", 0);
    s->validate_tokens = cadre_options_int(o, "validate-tokens", 0);
    s->patience = cadre_options_int(o, "patience", 0);
    s->skip_bad = cadre_options_real(o, "skip-bad");
    if (s->skip_bad > 0 && s->skip_bad <= 1)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--skip-bad: expected 0, or more than 1 (times the usual loss), found %g", s->skip_bad);
    if (s->patience && !s->validate_every)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--patience: expected --validate-every, whose losses it counts, found none");
    if (s->batch % s->accumulate)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--accumulate: expected a divisor of the batch of %lld sequences, found %lld",
            (long long)s->batch, (long long)s->accumulate);
    if (cadre_options_count(o, "preference")) {
        s->preference = options_real_or(o, "beta", 0.1);
        s->batch *= 2; /* each pair is two rows */
    }
    return check_length(o, &s->length);
}

cadre_status train_settings_read(const cadre_options *o, const recipe *r, train_settings *s)
{
    *s = (train_settings){
        .recipe = r, .options = o, .seed = (uint64_t)cadre_options_int(o, "seed", 0), .documents = 1
    };
    CADRE_TRY(read_length(o, s));
    s->schedule.kind = kind_of(cadre_options_text(o, "schedule", 0));
    s->schedule.lr = cadre_options_real(o, "lr");
    s->schedule.min_ratio = cadre_options_real(o, "min-lr-ratio");
    s->schedule.warmup = options_int_or(o, "warmup", -1);
    double router_lr = options_real_or(o, "router-lr", s->schedule.lr);
    s->router_lr = s->schedule.lr > 0 ? router_lr / s->schedule.lr : 1;
    s->bf16 = !strcmp(cadre_options_text(o, "compute", 0), "bf16");
    if (s->bf16 && REAL_IS_DOUBLE)
        return cadre_fail(CADRE_EUNSUPPORTED, NULL,
            "--compute bf16: expected a build that computes in float, found one in double");
    s->recompute = !strcmp(cadre_options_text(o, "recompute", 0), "layers");
    read_optimizer(o, &s->optimizer);
    s->spans = (span_corruption){ .density = cadre_options_real(o, "noise-density"),
        .mean_span = cadre_options_real(o, "noise-span"),
        .sentinel = -1 };
    CADRE_TRY(freeze_parse(options_text_or(o, "freeze", NULL), &s->optimizer.freeze));
    return settings_read_balance(o, &s->balance);
}

static cadre_status check_lookahead(const cadre_options *o, const moe_config *moe)
{
    if (!moe_config_has_lookahead(moe) || options_flag_or(o, "allow-lookahead", false))
        return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "router %s: a token's experts depend on the tokens behind it, so a decoder that is trained "
        "with it sees the future and cannot write; --allow-lookahead trains it all the same",
        moe->router->name);
}

static cadre_status check_hash_table(
    const cadre_options *o, int64_t layer, int64_t layers, const moe_config *moe)
{
    layer_reader r = { .options = o, .layer = layer, .layers = layers };
    int item;
    bool given = layer_item(&r, "hash-table", &item);
    CADRE_TRY(r.status);
    if (!given || strcmp(cadre_options_text(o, "hash-table", item), "clustered") != 0 ||
        !(moe->router->traits & ROUTER_SEGMENTS) || moe->route.topk == 1)
        return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--hash-table clustered: not with router %s: the tables of all segments would divide the "
        "ids in the same way, as one table of whole experts does",
        moe->router->name);
}

cadre_status train_settings_apply(const train_settings *s, model_config *config)
{
    if (config->encoder) CADRE_TRY(train_settings_apply(s, config->encoder));
    config->dropout = options_real_or(s->options, "dropout", 0);
    CADRE_TRY(model_config_check_routers(config, s->options));
    for (int64_t l = 0; l < config->layers; l++) {
        moe_config *moe = &config->layer[l].moe;
        bool residual =
            moe->route.residual; /* the first layer has none, whatever the options say */
        if (!config->layer[l].sparse) continue;
        CADRE_TRY(settings_read_layer_of(s->options, l, config->layers, moe));
        CADRE_TRY(settings_read_coefficients(s->options, l, config->layers, &moe->losses));
        moe->route.residual = residual;
        CADRE_TRY(moe_config_check(moe, "options"));
        CADRE_TRY(model_config_check_moe(moe, "options"));
        CADRE_TRY(token_types_agree(config, moe));
        CADRE_TRY(check_lookahead(s->options, moe));
        CADRE_TRY(check_hash_table(s->options, l, config->layers, moe));
    }
    return CADRE_OK;
}
