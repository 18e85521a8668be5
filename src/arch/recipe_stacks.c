/* recipe_stacks.c - a recipe with two stacks, which have the same sizes. */
#include "arch/recipe_stacks.h"

#include <math.h>

#include "arch/config_fit.h"
#include "arch/recipe_layers.h"
#include "arch/switch.h"

/* Chooses as many slots as the factor gives for a text, because the files hold a number of
 * slots. */
static void choose_slots(const cadre_options *o, model_config *c)
{
    double share = options_real_or(o, "capacity-factor", 1.25) * (double)c->context;
    int64_t slots = c->experts > 0 ? (int64_t)ceil(share / (double)c->experts) : 0;
    c->capacity.slots = options_int_or(o, "capacity-slots", slots);
}

cadre_status recipe_stacks(const cadre_options *o, model_config *c, char *notes, size_t room)
{
    int64_t sparse = c->layers > 1 ? c->layers / 2 : 1;
    const switch_layers n = { c->layers, sparse, sparse };
    c->groups = c->groups_used = 1;
    switch_numbers(c);
    choose_slots(o, c);
    CADRE_TRY(switch_stacks(c, &n, "options"));
    CADRE_TRY(recipe_layers(o, c->encoder, notes, room));
    return recipe_layers(o, c, notes, room);
}

cadre_status recipe_stacks_check(const recipe *r, const model_config *c)
{
    const char *why = architecture_refusal(c->arch, c), *lost = NULL;
    if (why)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "--recipe %s: expected what files of %s can say (%s), found another model", r->name,
            r->model_type, why);
    CADRE_TRY(architecture_loses(c->arch, c, &lost));
    if (!lost) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "--%s: expected what files of %s have a key for, found what they have not", lost,
        r->model_type);
}
