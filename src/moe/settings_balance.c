/* settings_balance.c - reads the balancing losses, the z-loss and the step of the correction bias.
 *
 * All layers have the same list of terms, so that a term has one index everywhere. A reader of a
 * layer finds that layer's coefficients, of which some may be 0; a reader of EVERY_LAYER finds the
 * largest. */
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "moe/layer_reader.h"
#include "moe/settings.h"

enum { EVERY_LAYER = -1 };

static void read_coefficient(layer_reader *r, const char *name, double *value)
{
    if (r->layer != EVERY_LAYER) layer_double(r, name, value);
    else if (cadre_options_count(r->options, name)) *value = options_most(r->options, name);
}

/* Adds the term of an option whose value is its coefficient, if any layer has it. */
static void read_term(layer_reader *r, const char *option, const char *loss, balance_over over,
    balance_form form, balance_options *b)
{
    int before = b->terms;
    balance_add(b, loss, options_most(r->options, option), over, form);
    if (b->terms > before) read_coefficient(r, option, &b->term[before].coefficient);
}

/* Losses between commas, of all layers or of one. */
typedef struct losses_reader {
    balance_options *b;
    int first;    /* the first of the option's terms */
    bool own;     /* the reader's layer has these */
    bool several; /* layers, of which the largest coefficients are wanted */
} losses_reader;

static cadre_status check_loss(const list_item *item, const char *text)
{
    if (item->bad || !item->has_value) return list_refuse("losses", "NAME=COEFFICIENT", text);
    if (!strcmp(item->name, "z") || balance_loss_by_name(item->name)) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "losses: expected the name of a balancing loss or z, found '%s'", item->name);
}

/* The term of this name that the part has not taken yet, which is added if there is none. */
static cadre_status take_term(losses_reader *r, const list_item *item, bool *taken, int *i)
{
    balance_options *b = r->b;
    for (*i = r->first; *i < b->terms; ++*i)
        if (!taken[*i] && !strcmp(b->term[*i].name, item->name)) break;
    if (*i == BALANCE_MAX_TERMS)
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "losses: expected at most %d of them", BALANCE_MAX_TERMS);
    taken[*i] = true;
    if (*i < b->terms) return CADRE_OK;
    balance_add(b, item->name, item->value, BALANCE_MICRO, BALANCE_LAYER);
    b->term[*i].coefficient = 0;
    return CADRE_OK;
}

static void keep_coefficient(const losses_reader *r, double value, double *kept)
{
    if (r->own && (!r->several || *kept == 0 || value > *kept)) *kept = value;
}

static cadre_status read_losses_of(losses_reader *r, const char *part, double z)
{
    list_item item;
    const char *at = part;
    bool taken[BALANCE_MAX_TERMS] = { false };
    for (int i; list_next(&at, &item);) {
        CADRE_TRY(check_loss(&item, part));
        bool is_z = !strcmp(item.name, "z");
        if (is_z) z += item.value;
        if (is_z || item.value == 0) continue;
        CADRE_TRY(take_term(r, &item, taken, &i));
        keep_coefficient(r, item.value, &r->b->term[i].coefficient);
    }
    keep_coefficient(r, z, &r->b->z_loss);
    return CADRE_OK;
}

/* "load=0.01,z=0.001": terms over all tokens of a batch, added to those of the other options; or a
 * part for each layer between slashes. */
static cadre_status read_losses(layer_reader *from, balance_options *b)
{
    char part[LIST_PART];
    const double z = b->z_loss;
    const char *text = cadre_options_text(from->options, "losses", 0);
    int64_t parts = list_parts(text);
    losses_reader r = { .b = b, .first = b->terms };
    if (from->layer != EVERY_LAYER) CADRE_TRY(layer_check_parts(from, "losses", "losses"));
    r.several = from->layer == EVERY_LAYER && parts > 1;
    for (int64_t i = 0; i < parts; i++) {
        size_t size = strcspn(text, "/");
        if (size >= sizeof part) return list_refuse("losses", "up to 500 letters", text);
        snprintf(part, sizeof part, "%.*s", (int)size, text);
        r.own = parts == 1 || r.several || i == from->layer;
        CADRE_TRY(read_losses_of(&r, part, z));
        text += size + (text[size] == '/');
    }
    return CADRE_OK;
}

static cadre_status read_balance(layer_reader *r, balance_options *b)
{
    const cadre_options *o = r->options;
    balance_form form = (balance_form)option_word(o, "aux-form", 0, BALANCE_LAYER);
    balance_over over = (balance_over)option_word(o, "balance-over", 0, BALANCE_MICRO);
    b->over = over;
    read_term(r, "aux-loss", options_text_or(o, "balance-loss", "load"), over, form, b);
    read_term(r, "sequence-aux", "load", BALANCE_SEQUENCE, BALANCE_LAYER, b);
    read_term(r, "sequence-entropy", "mean-entropy", BALANCE_SEQUENCE, BALANCE_LAYER, b);
    read_coefficient(r, "z-loss", &b->z_loss);
    read_coefficient(r, "bias-update-rate", &b->bias_rate);
    b->devices = (int32_t)options_int_or(o, "devices", b->devices);
    b->devices_used = (int32_t)options_int_or(o, "devices-used", b->devices_used);
    bool more = cadre_options_row(o, "losses") && cadre_options_count(o, "losses");
    if (more) CADRE_TRY(read_losses(r, b));
    return r->status;
}

cadre_status settings_read_balance(const cadre_options *o, balance_options *b)
{
    layer_reader r = { .options = o, .layer = EVERY_LAYER, .layers = 1 };
    return read_balance(&r, b);
}

cadre_status settings_read_coefficients(
    const cadre_options *o, int64_t l, int64_t layers, balance_coefficients *c)
{
    balance_options all = { 0 }, own = { 0 };
    layer_reader r = { .options = o, .layer = l, .layers = layers };
    CADRE_TRY(settings_read_balance(o, &all));
    CADRE_TRY(read_balance(&r, &own));
    *c = (balance_coefficients){ .z_loss = own.z_loss, .bias_rate = own.bias_rate };
    c->given = own.z_loss != all.z_loss || own.bias_rate != all.bias_rate;
    for (int i = 0; i < own.terms; i++) {
        c->term[i] = own.term[i].coefficient;
        c->given |= c->term[i] != all.term[i].coefficient;
    }
    return CADRE_OK;
}

bool settings_losses_by_layer(const cadre_options *o)
{
    static const char *const lists[] = { "aux-loss", "sequence-aux", "sequence-entropy", "z-loss",
        "bias-update-rate" };
    bool by_layer = false;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        by_layer |= cadre_options_count(o, lists[i]) > 1;
    bool more = cadre_options_row(o, "losses") && cadre_options_count(o, "losses");
    return by_layer || (more && list_parts(cadre_options_text(o, "losses", 0)) > 1);
}
