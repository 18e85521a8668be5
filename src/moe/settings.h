/* settings.h - a sparse layer's numbers, read from its options: those of moe/routing_options.c,
 * which recipes, the command line and cadre_moe_new all take.
 *
 * Only options with a value (given, or a row's default) are read; the other numbers stay as they
 * are. */
#ifndef CADRE_MOE_SETTINGS_H
#define CADRE_MOE_SETTINGS_H

#include "moe/layer.h"

/* The words that --overflow and --priority take. */
const char *settings_overflow_name(dispatch_overflow overflow);
const char *settings_priority_name(dispatch_priority priority);

/* route, dispatch, expert dropout */
cadre_status settings_read_layer(const cadre_options *o, moe_config *c);
/* The same for layer l of so many, of which some options have a list. */
cadre_status settings_read_layer_of(
    const cadre_options *o, int64_t l, int64_t layers, moe_config *c);
/* Of these the option banks alone: how many experts each has, and the types' names. */
cadre_status settings_read_banks(const cadre_options *o, moe_config *c);
cadre_status settings_read_balance(const cadre_options *o, balance_options *b);

/* An option that was given, that only some routers understand and this one does not: refused. */
cadre_status settings_check_router(const cadre_options *o, const router *r);

#endif
