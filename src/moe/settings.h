/* settings.h - the settings of a sparse layer, read from its options: those of
 * moe/routing_options.c, which recipes, the command line and cadre_moe_new all take.
 *
 * Only options with a value (given, or a row's default) are read; the other settings stay as they
 * are. */
#ifndef CADRE_MOE_SETTINGS_H
#define CADRE_MOE_SETTINGS_H

#include "cadre/options.h"
#include "moe/layer.h"

/* The words that --overflow and --priority take. */
const char *settings_overflow_name(dispatch_overflow overflow);
const char *settings_priority_name(dispatch_priority priority);

/* route, dispatch, expert dropout */
cadre_status settings_read_layer(const cadre_options *o, moe_config *c);
/* Reads the same for layer l of a model with so many layers, because some options are lists with an
 * item for each layer. */
cadre_status settings_read_layer_of(
    const cadre_options *o, int64_t l, int64_t layers, moe_config *c);
/* Whether one of the options that a saved model keeps of each layer's routing is a list. */
bool settings_route_by_layer(const cadre_options *o);
/* Reads the option banks alone: how many experts each bank has, and the names of the types. */
cadre_status settings_read_banks(const cadre_options *o, moe_config *c);
/* Reads the balancing losses: those that any layer has, with the largest coefficients. */
cadre_status settings_read_balance(const cadre_options *o, balance_options *b);
/* Reads the coefficients of these for layer l of so many. */
cadre_status settings_read_coefficients(
    const cadre_options *o, int64_t l, int64_t layers, balance_coefficients *c);

/* Whether layers have coefficients of their own. */
bool settings_losses_by_layer(const cadre_options *o);

/* An option that was given, that only some routers understand and none of these does, is refused.
 * routers [layers]: NULL for a layer that has none. */
cadre_status settings_check_routers(
    const cadre_options *o, const router *const *routers, int64_t layers);

#endif
