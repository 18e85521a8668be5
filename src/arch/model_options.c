/* model_options.c - THE TABLE of options that describe a model.
 *
 * A row without a default takes the value of the recipe or of the opened model. The bounds here are
 * those of a single value. What several values must agree on (heads that divide a width, picks
 * within the experts) is checked where the shape is made. */
#include "arch/recipe.h"
#include "base/options.h"
#include "moe/router.h"

enum { MAX_LAYERS = 1024, MAX_EXPERTS = 4096 };

#define SIZE(name_, max_, help_)                                                                   \
    {                                                                                              \
        .name = name_, .kind = CADRE_OPTION_INT, .min = 1, .max = max_, .subject = "Sizes",        \
        .help = help_                                                                              \
    }

static const cadre_option rows[] = {
    { .name = "recipe",
        .kind = CADRE_OPTION_CHOICE,
        .value = "NAME",
        .subject = "Sizes",
        .choice = recipe_name,
        .help = "router, expert form, losses, balancing and initialisation as in one publication" },
    SIZE("layers", MAX_LAYERS, "transformer blocks"),
    SIZE("width", 65536, "elements of a token's vector"),
    { .name = "mixer",
        .kind = CADRE_OPTION_CHOICES,
        .value = "NAME[,NAME]",
        .subject = "Sizes",
        .choice = layer_mixer_choice,
        .help = "how a token reads those before it (token mixer); a list gives one mixer a layer" },
    SIZE("heads", 1024, "attention heads"),
    SIZE("kv-heads", 1024, "heads of keys and values, whose number divides --heads"),
    SIZE("head-dim", 4096, "elements of a head (latent attention: of its part without positions)"),
    SIZE("q-lora-rank", 65536, "latent attention: width of the compressed queries"),
    SIZE("kv-lora-rank", 65536, "latent attention: width of the compressed keys and values"),
    SIZE("qk-rope-head-dim", 4096,
        "latent attention: elements of a head that are rotated by position"),
    SIZE("v-head-dim", 4096, "latent attention: elements of a head's value"),
    { .name = "experts",
        .kind = CADRE_OPTION_INTS,
        .min = 0,
        .max = MAX_EXPERTS,
        .subject = "Sizes",
        .help =
            "experts in a sparse layer; a list gives one number a layer, and 0 makes it dense" },
    { .name = "expert-width",
        .kind = CADRE_OPTION_INTS,
        .min = 1,
        .max = 1 << 20,
        .subject = "Sizes",
        .help = "hidden width of an expert; a list gives one number a layer" },
    { .name = "bank-width",
        .kind = CADRE_OPTION_TEXT,
        .value = "NAME=N,...",
        .subject = "Sizes",
        .help = "hidden width of the experts of each bank of --banks (default: --expert-width)" },
    { .name = "shared-experts",
        .kind = CADRE_OPTION_INTS,
        .min = 0,
        .max = 64,
        .subject = "Sizes",
        .help = "experts that every token passes through; a list gives one number a layer" },
    { .name = "latent-width",
        .kind = CADRE_OPTION_INTS,
        .min = 0,
        .max = 1 << 20,
        .subject = "Sizes",
        .help = "width in which experts compute, between one projection down and one up for the "
                "layer; 0: the model's width; a list gives one number a layer" },
    { .name = "residual-width",
        .kind = CADRE_OPTION_INTS,
        .min = 0,
        .max = 1 << 20,
        .subject = "Sizes",
        .help = "hidden width of an expert beside the chosen ones, mixed with them by learned "
                "weights (PR-MoE); 0: there is none; a list gives one number a layer" },
    { .name = "dense-layers",
        .kind = CADRE_OPTION_INT,
        .min = 0,
        .max = MAX_LAYERS,
        .subject = "Sizes",
        .help =
            "number of layers at the beginning that have a dense feed-forward instead of experts" },
    { .name = "dense-width",
        .kind = CADRE_OPTION_INTS,
        .min = 0,
        .max = 1 << 20,
        .subject = "Sizes",
        .help = "hidden width of a dense layer; 0: it has no feed-forward; a list gives one number "
                "a layer" },
    SIZE("vocab", 1 << 24, "tokens in the vocabulary"),
    SIZE("context", 1 << 24, "tokens in a sequence"),
    { .name = "init-scale",
        .kind = CADRE_OPTION_REAL,
        .min = 0,
        .max = 1e6,
        .fallback = "1",
        .subject = "Sizes",
        .help = "factor of the variance of the recipe's random weights; Switch recommends 0.1" },
    { .name = "tie",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Sizes",
        .help = "use the embedding as the output matrix" },

    { .name = "router",
        .kind = CADRE_OPTION_CHOICES,
        .choice = router_list_name,
        .meaning = router_list_meaning,
        .value = "NAME[,NAME]",
        .subject = "Routing",
        .help = "how scores become chosen experts and weights; a list gives one router a layer" },
    { .name = "topk",
        .kind = CADRE_OPTION_INTS,
        .min = 1,
        .max = 1024,
        .subject = "Routing",
        .help = "experts chosen for a token; a list gives one number a layer" },
    { .name = "expert-form",
        .kind = CADRE_OPTION_CHOICES,
        .value = "FORM[,FORM]",
        .subject = "Routing",
        .choices = OPTION_CHOICES("relu", "gelu", "geglu", "swiglu", "gpt-oss"),
        .help = "activation of an expert's hidden layer; a list gives one form a layer" },
};

cadre_option_table cadre_model_options(void) { return OPTION_TABLE(rows); }
