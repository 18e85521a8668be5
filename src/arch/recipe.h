/* recipe.h - THE LIST of recipes: how published sparse models were made, as data.
 *
 * A recipe sets options that were not given: router, expert form, losses, balancing, initialisation
 * and optimiser as published, and sizes reduced to what two cores train in minutes. Everything that
 * it sets is an option, so everything can be overridden. */
#ifndef CADRE_ARCH_RECIPE_H
#define CADRE_ARCH_RECIPE_H

#include "arch/config.h"
#include "base/options.h"

typedef enum init_rule {
    INIT_NORMAL,    /* N(0, scale^2) */
    INIT_TRUNCATED, /* the same within two deviations */
    INIT_FAN_IN,    /* truncated, deviation sqrt(scale / inputs) (Switch) */
} init_rule;

typedef struct recipe_setting {
    const char *option, *value;
} recipe_setting;

typedef struct recipe {
    const char *name, *words, *source;
    const char *model_type;         /* the layout of its files, if that can describe the model */
    const recipe_setting *settings; /* ended by a NULL option */
    /* Hidden widths as multiples of the width, if no option gives them */
    double expert_width, dense_width;
    int64_t sparse_step;
    bool dense; /* no layer has experts */
    qk_norm qk_norm;
    bool latent, shared_gated;
    /* One layer in so many attends; the others mix as the option says. 0: all layers mix by what
     * the option says */
    int64_t attention_period;
    double rotary_share; /* of each head, in attention whose output is gated; 0: it is not gated */
    bool few_kv_heads;   /* a quarter as many key-value heads as heads */
    int64_t groups, groups_used; /* if each group holds at least four experts; 0: none */
    double route_scale;          /* 0: 1 */
    double norm_eps, rope_theta;
    init_rule init;
    double init_scale;
    bool encoder;        /* there is an encoder, and the decoder reads its output (T5) */
    bool last_mixes;     /* the last of several layers has no feed-forward */
    bool unit_embedding; /* it starts with a deviation of 1 (T5) */
    bool expert_sigmoid; /* a sparse layer's output is its sigmoid (Shazeer 2017) */
    bool zero_router;    /* the router starts at zero (Shazeer 2017, Grok-1) */
} recipe;

const recipe *recipe_by_name(const char *name); /* NULL: unknown */
const char *recipe_name(int i);                 /* NULL: past the end */

/* Sets every option that was not given: from the recipe (NULL: the model is trained further), then
 * from what all runs share. */
cadre_status recipe_apply(const recipe *r, cadre_options *options);

/* The configuration of the model that a recipe and its options describe. notes: what had to be
 * reduced or should be known, one sentence on each line; freed by mem_free. */
cadre_status recipe_config(const recipe *r, const cadre_options *options, int64_t vocab,
    model_config *config, char **notes);

#endif
