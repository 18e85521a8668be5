/* settings.c - the options' words and numbers, read. */
#include "moe/settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"

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

/* The words of an option, in the order of the enumeration that they stand for. */
static const char *const *words_of(const char *name)
{
    cadre_option_table table = cadre_routing_options();
    int i = 0;
    while (strcmp(table.rows[i].name, name) != 0) i++;
    return table.rows[i].choices;
}

const char *settings_overflow_name(dispatch_overflow overflow)
{
    return words_of("overflow")[overflow];
}

const char *settings_priority_name(dispatch_priority priority)
{
    return words_of("priority")[priority];
}

/* The place of the option's word in its list; `otherwise` where it has no value. */
static int read_word(const cadre_options *o, const char *name, int otherwise)
{
    if (!has(o, name)) return otherwise;
    const char *const *words = words_of(name), *word = cadre_options_text(o, name, 0);
    for (int i = 0; words[i]; i++)
        if (!strcmp(words[i], word)) return i;
    return otherwise;
}

static void read_route(const cadre_options *o, router_options *r)
{
    read_int(o, "groups", &r->groups);
    read_int(o, "groups-used", &r->groups_used);
    r->group_score = (group_score)read_word(o, "group-score", (int)r->group_score);
    r->group_mask = (group_mask)read_word(o, "group-mask", (int)r->group_mask);
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
    d->overflow =
        (dispatch_overflow)read_word(o, "overflow", limited ? OVERFLOW_DROP : (int)d->overflow);
    d->priority = (dispatch_priority)read_word(o, "priority", (int)d->priority);
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
    balance_form form = (balance_form)read_word(o, "aux-form", BALANCE_LAYER);
    balance_over over = (balance_over)read_word(o, "balance-over", BALANCE_MICRO);
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
