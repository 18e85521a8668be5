/* settings.c - the table, and its words as numbers. */
#include "moe/settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"

static const char *loss_name(int i)
{
    int count;
    const balance_loss *losses = balance_losses(&count);
    return i < count ? losses[i].name : NULL;
}

#define REAL(name_, max_, subject_, help_)                                                         \
    {                                                                                              \
        .name = name_, .kind = CADRE_OPTION_REAL, .max = max_, .subject = subject_, .help = help_  \
    }
#define INT(name_, min_, max_, subject_, help_)                                                    \
    {                                                                                              \
        .name = name_, .kind = CADRE_OPTION_INT, .min = min_, .max = max_, .subject = subject_,    \
        .help = help_                                                                              \
    }
#define FLAG(name_, subject_, help_)                                                               \
    {                                                                                              \
        .name = name_, .kind = CADRE_OPTION_FLAG, .subject = subject_, .help = help_               \
    }
#define WORD(name_, words_, subject_, help_)                                                       \
    {                                                                                              \
        .name = name_, .kind = CADRE_OPTION_CHOICE, .choices = words_, .subject = subject_,        \
        .help = help_                                                                              \
    }

/* In the order of the enumerations that they stand for. */
static const char *const group_scores[] = { "max", "top2", NULL }, *const group_masks[] = { "inf",
    "zero", NULL };
static const char *const overflows[] = { "none", "drop", "reroute", "pad", NULL };
static const char *const priorities[] = { "choice", "token", "probability", "batch", NULL };
static const char *const scopes[] = { "micro", "step", "sequence", NULL }, *const forms[] = {
    "layer", "mean", "pooled", NULL
};

const char *settings_overflow_name(dispatch_overflow overflow) { return overflows[overflow]; }
const char *settings_priority_name(dispatch_priority priority) { return priorities[priority]; }

static const cadre_option rows[] = {
    INT("groups", 1, ROUTER_MAX_EXPERTS, "Routing",
        "groups that the experts are split into, each chosen or left as a whole"),
    INT("groups-used", 1, ROUTER_MAX_EXPERTS, "Routing",
        "groups whose experts a token may choose from"),
    WORD("group-score", group_scores, "Routing",
        "a group is as good as its best expert, or as its two best together"),
    WORD("group-mask", group_masks, "Routing",
        "what experts of other groups compete with: nothing, or a score of 0 as in transformers"),
    REAL(
        "route-scale", 1000, "Routing", "every weight of an expert's output is multiplied by this"),
    FLAG("renormalise", "Routing",
        "weights of a token are made to sum to 1, where the router leaves it open"),
    FLAG(
        "survivors", "Routing", "weights are made to sum to 1 over the experts that capacity left"),
    REAL("norm-eps", 1, "Routing", "added to the sum that weights are divided by"),
    REAL(
        "top-p", 1, "Routing", "router top-p: experts until their probabilities' sum exceeds this"),
    REAL("noise-floor", 10, "Routing", "router noisy-topk: least deviation of the noise"),
    REAL("jitter", 0.99, "Routing",
        "in training the router's input is multiplied by random numbers around 1, so far off at "
        "most"),
    FLAG("jitter-experts", "Routing",
        "the experts read the jittered input too, as in transformers' Mixtral"),
    REAL("expert-dropout", 0.99, "Routing",
        "in training, the chance that a number of an expert's hidden layer is zeroed"),

    REAL("capacity-factor", 65536, "Capacity",
        "slots of an expert, as a multiple of its even share of a sequence"),
    INT("capacity-slots", 0, INT32_MAX, "Capacity",
        "slots of an expert in a sequence, whatever its length; 0: by factor"),
    FLAG("capacity-in-eval", "Capacity", "experts can be full outside of training too"),
    WORD("overflow", overflows, "Capacity",
        "what happens to a token that finds its expert full; none: experts are never full"),
    WORD("priority", priorities, "Capacity",
        "who takes the slots first: all first choices, earlier tokens, higher scores, or in each "
        "round of choices the tokens that are surest of an expert"),

    REAL("aux-loss", 1000, "Balancing", "coefficient of the load-balancing loss"),
    { .name = "balance-loss",
        .kind = CADRE_OPTION_CHOICE,
        .choice = loss_name,
        .value = "NAME",
        .subject = "Balancing",
        .help = "which load-balancing loss" },
    WORD("aux-form", forms, "Balancing",
        "a loss a layer, summed or averaged, or all layers' tokens in one pool"),
    WORD("balance-over", scopes, "Balancing",
        "what loads are counted over: a part of the batch (--accumulate), the whole of it (which "
        "then runs each part's "
        "forward pass twice), or a sequence"),
    REAL("sequence-aux", 1000, "Balancing",
        "coefficient of the balancing loss within each sequence"),
    REAL("sequence-entropy", 1000, "Balancing",
        "coefficient of the entropy of each sequence's mean scores: beside even loads over the "
        "batch it makes experts keep to "
        "kinds of text, such as languages"),
    REAL("z-loss", 1000, "Balancing",
        "coefficient of the mean squared log-sum-exp of the router's logits"),
    REAL("bias-update-rate", 10, "Balancing",
        "step of the selection bias towards even loads, once an optimiser step"),
    INT("devices", 1, ROUTER_MAX_EXPERTS, "Balancing",
        "losses device and communication: groups of experts"),
    INT("devices-used", 1, ROUTER_MAX_EXPERTS, "Balancing",
        "loss communication: groups that a token's picks are on at most"),
};

cadre_option_table cadre_routing_options(void) { return OPTION_TABLE(rows); }

/* ---- reading ---- */

static bool has(const cadre_options *o, const char *name)
{
    return cadre_options_count(o, name) > 0;
}

static void read_real(const cadre_options *o, const char *name, real *value)
{
    if (has(o, name)) *value = (real)cadre_options_real(o, name);
}

static void read_int(const cadre_options *o, const char *name, int32_t *value)
{
    if (has(o, name)) *value = (int32_t)cadre_options_int(o, name, 0);
}

static void read_flag(const cadre_options *o, const char *name, bool *value)
{
    if (has(o, name)) *value = cadre_options_flag(o, name);
}

/* The place of the option's word in its list; `otherwise` where it has no value. */
static int read_word(
    const cadre_options *o, const char *name, const char *const *words, int otherwise)
{
    if (!has(o, name)) return otherwise;
    const char *word = cadre_options_text(o, name, 0);
    for (int i = 0; words[i]; i++)
        if (!strcmp(words[i], word)) return i;
    return otherwise;
}

static void read_route(const cadre_options *o, router_options *r)
{
    read_int(o, "groups", &r->groups);
    read_int(o, "groups-used", &r->groups_used);
    r->group_score = (group_score)read_word(o, "group-score", group_scores, (int)r->group_score);
    r->group_mask = (group_mask)read_word(o, "group-mask", group_masks, (int)r->group_mask);
    read_real(o, "route-scale", &r->scale);
    read_flag(o, "renormalise", &r->renormalise);
    read_flag(o, "survivors", &r->survivors);
    read_real(o, "norm-eps", &r->norm_eps);
    read_real(o, "top-p", &r->top_p);
    read_real(o, "noise-floor", &r->noise_floor);
    read_real(o, "jitter", &r->jitter);
    read_flag(o, "jitter-experts", &r->jitter_experts);
}

void settings_read_layer(const cadre_options *o, moe_config *c)
{
    dispatch_options *d = &c->dispatch;
    read_route(o, &c->route);
    read_real(o, "capacity-factor", &d->factor);
    if (has(o, "capacity-slots")) d->slots = cadre_options_int(o, "capacity-slots", 0);
    read_flag(o, "capacity-in-eval", &d->in_eval);
    bool limited = has(o, "capacity-factor") || d->slots > 0; /* who asks for a capacity means it */
    d->overflow = (dispatch_overflow)read_word(
        o, "overflow", overflows, limited ? OVERFLOW_DROP : (int)d->overflow);
    d->priority = (dispatch_priority)read_word(o, "priority", priorities, (int)d->priority);
    if (has(o, "expert-dropout")) c->expert_dropout = cadre_options_real(o, "expert-dropout");
}

/* "load=0.01,z=0.001": terms over all tokens of a batch, added to those of the other options. */
static cadre_status read_losses(const char *text, balance_options *b)
{
    while (*text) {
        size_t size = strcspn(text, ","), name = strcspn(text, "=,");
        char word[64] = { 0 }, *end;
        double value = name < size ? strtod(text + name + 1, &end) : 0;
        if (name < sizeof word) memcpy(word, text, name);
        bool known = !strcmp(word, "z") || balance_loss_by_name(word);
        if (name >= size || end != text + size || end == text + name + 1 || !isfinite(value))
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "losses: expected NAME=COEFFICIENT between commas, found '%.*s'", (int)size, text);
        if (!known)
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "losses: expected the name of a balancing loss or z, found '%s'", word);
        if (b->terms == BALANCE_MAX_TERMS)
            return cadre_fail(
                CADRE_EARGUMENT, NULL, "losses: expected at most %d of them", BALANCE_MAX_TERMS);
        if (!strcmp(word, "z")) b->z_loss += value;
        else balance_add(b, word, value, BALANCE_MICRO, BALANCE_LAYER);
        text += size + (text[size] == ',');
    }
    return CADRE_OK;
}

cadre_status settings_read_balance(const cadre_options *o, balance_options *b)
{
    balance_form form = (balance_form)read_word(o, "aux-form", forms, BALANCE_LAYER);
    balance_over over = (balance_over)read_word(o, "balance-over", scopes, BALANCE_MICRO);
    const char *loss = options_text_or(o, "balance-loss", "load");
    balance_add(b, loss, options_real_or(o, "aux-loss", 0), over, form);
    balance_add(b, "load", options_real_or(o, "sequence-aux", 0), BALANCE_SEQUENCE, BALANCE_LAYER);
    balance_add(b, "mean-entropy", options_real_or(o, "sequence-entropy", 0), BALANCE_SEQUENCE,
        BALANCE_LAYER);
    b->z_loss = options_real_or(o, "z-loss", b->z_loss);
    b->bias_rate = options_real_or(o, "bias-update-rate", b->bias_rate);
    read_int(o, "devices", &b->devices);
    read_int(o, "devices-used", &b->devices_used);
    if (!cadre_options_row(o, "losses") || !has(o, "losses")) return CADRE_OK;
    return read_losses(cadre_options_text(o, "losses", 0), b);
}

cadre_status settings_check_router(const cadre_options *o, const router *r)
{
    static const char *const special[] = { "group-score", "group-mask", "renormalise", "survivors",
        "norm-eps", "top-p", "noise-floor" };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (cadre_options_given(o, special[i]) && !router_understands(r, special[i]))
            return cadre_fail(
                CADRE_EARGUMENT, NULL, "%s: the router %s has no such option", special[i], r->name);
    bool given = cadre_options_given(o, "bias-update-rate");
    bool moves = given && cadre_options_real(o, "bias-update-rate") > 0;
    if (moves && !(r->traits & ROUTER_CORRECTION))
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "bias-update-rate: the router %s has no selection bias to move", r->name);
    return CADRE_OK;
}
