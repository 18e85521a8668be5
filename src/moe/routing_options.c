/* routing_options.c - THE TABLE of options of routing, capacity and balancing. moe/settings.c reads
 * them. */
#include "base/options.h"
#include "moe/balance.h"
#include "moe/router.h"

static const char *loss_name(int i)
{
    int count;
    const balance_loss *losses = balance_losses(&count);
    bool by_type = i < count && losses[i].routing && losses[i].routing->by_type;
    return i < count && !by_type ? losses[i].name : NULL;
}

static const char *loss_meaning(int i)
{
    int count;
    return balance_losses(&count)[i].help;
}

#define INT(name_, min_, max_, subject_, help_)                                                    \
    {                                                                                              \
        .name = name_, .kind = CADRE_OPTION_INT, .min = min_, .max = max_, .subject = subject_,    \
        .help = help_                                                                              \
    }
/* A list gives one number a layer. */
#define INTS(name_, min_, max_, subject_, help_)                                                   \
    {                                                                                              \
        .name = name_, .kind = CADRE_OPTION_INTS, .min = min_, .max = max_, .subject = subject_,   \
        .help = help_                                                                              \
    }
#define REALS(name_, max_, subject_, help_)                                                        \
    {                                                                                              \
        .name = name_, .kind = CADRE_OPTION_REALS, .max = max_, .subject = subject_, .help = help_ \
    }
#define FLAGS(name_, subject_, help_)                                                              \
    {                                                                                              \
        .name = name_, .kind = CADRE_OPTION_FLAGS, .subject = subject_, .help = help_              \
    }
#define WORD(name_, words_, subject_, help_)                                                       \
    {                                                                                              \
        .name = name_, .kind = CADRE_OPTION_CHOICE, .choices = words_, .subject = subject_,        \
        .help = help_                                                                              \
    }
#define WORDS(name_, words_, subject_, help_)                                                      \
    {                                                                                              \
        .name = name_, .kind = CADRE_OPTION_CHOICES, .choices = words_, .value = "WORD[,WORD]",    \
        .subject = subject_, .help = help_                                                         \
    }

/* The words are in the order of the enumerations that they name. */
static const char *const group_scores[] = { "max", "top2", NULL }, *const group_masks[] = { "inf",
    "zero", NULL };
static const char *const overflows[] = { "none", "drop", "reroute", "pad", NULL };
static const char *const priorities[] = { "choice", "token", "probability", "batch", NULL };
static const char *const scores[] = { "softmax", "sigmoid", "sqrtsoftplus", "topk-softmax", "none",
    NULL };
static const char *const estimators[] = { "router", "straight-through", "dense", "sparsemixer",
    NULL };
static const char *const zero_weights[] = { "kept", "dropped", NULL };
static const char *const scopes[] = { "micro", "step", "sequence", NULL }, *const forms[] = {
    "layer", "mean", "pooled", NULL
};

static const cadre_option rows[] = {
    INTS("groups", 1, ROUTER_MAX_EXPERTS, "Routing",
        "groups that the experts are split into, each chosen or left as a whole"),
    INTS("groups-used", 1, ROUTER_MAX_EXPERTS, "Routing",
        "groups whose experts a token may choose from"),
    WORDS("group-score", group_scores, "Routing",
        "a group is as good as its best expert, or as its two best together"),
    WORDS("group-mask", group_masks, "Routing",
        "what experts of other groups compete with: nothing, or a score of 0 as in transformers"),
    REALS(
        "route-scale", 1000, "Routing", "every weight of an expert's output is multiplied by this"),
    FLAGS("renormalise", "Routing",
        "weights of a token are made to sum to 1, where the router leaves it open"),
    FLAGS(
        "survivors", "Routing", "weights are made to sum to 1 over the experts that capacity left"),
    REALS("norm-eps", 1, "Routing", "added to the sum that weights are divided by"),
    REALS(
        "top-p", 1, "Routing", "router top-p: experts until their probabilities' sum exceeds this"),
    REALS("noise-floor", 10, "Routing", "router noisy-topk: least deviation of the noise"),
    REALS("jitter", 0.99, "Routing",
        "in training the router's input is multiplied by random numbers around 1, so far off at "
        "most"),
    FLAGS("jitter-experts", "Routing",
        "the experts read the jittered input too, as in transformers' Mixtral"),
    WORDS("score", scores, "Routing",
        "what turns logits into scores, where the router leaves it open (expert-choice, hash, "
        "quantile)"),
    REALS("logit-noise", 1000, "Routing",
        "in training the logits have normal noise added, of so much over the number of experts"),
    WORDS("estimator", estimators, "Routing",
        "the gradient by the choice: through the weights alone, by the expert's input, by running "
        "the experts that were not chosen, or the sampling router's own"),
    INTS("slots", 1, 4096, "Routing", "router soft: slots of an expert"),
    { .name = "grid",
        .kind = CADRE_OPTION_TEXT,
        .value = "N,N,...",
        .subject = "Routing",
        .help = "router product: the sizes of the grid that the experts are points of (default: "
                "two, nearly equal); slashes part the layers' own" },
    INTS("projector", 1, 65536, "Routing", "router cosine: the width in which angles are taken"),
    INT("tasks", 1, ROUTER_MAX_TASKS, "Routing",
        "router dense: gates over the same experts, each with an output of its own"),
    REALS(
        "l1", 1e6, "Routing", "router relu: the coefficient that the loss on weights starts with"),
    REALS("l1-multiplier", 100, "Routing",
        "router relu: by which its coefficient grows or shrinks at a step"),
    REALS("sinkhorn-tolerance", 1, "Routing",
        "router sinkhorn: rounds end when factors change by less, on average"),
    REALS("sparsemixer-epsilon", 10, "Routing",
        "routers sparsemixer: experts further below the best than twice this share are not "
        "sampled"),
    REALS("quantile-ema", 1, "Routing",
        "router quantile: the share of its old levels that stays at a step"),
    FLAGS("residual-logits", "Routing",
        "the logits of the sparse layer before, times a learned matrix, are added (MoE++)"),
    INTS("constant-experts", 0, ROUTER_MAX_EXPERTS, "Experts",
        "of the experts, how many mix the token with a learned vector instead"),
    INTS("copy-experts", 0, ROUTER_MAX_EXPERTS, "Experts",
        "of the experts, how many give the token back as it is"),
    INTS("zero-experts", 0, ROUTER_MAX_EXPERTS, "Experts", "of the experts, how many give nothing"),
    WORDS("zero-weight", zero_weights, "Experts",
        "dropped: a zero expert's share goes to the token's other experts"),
    REALS("expert-input-scale", 1000, "Experts", "what experts read is multiplied by this"),
    { .name = "banks",
        .kind = CADRE_OPTION_TEXT,
        .value = "NAME=N,...",
        .subject = "Experts",
        .help = "experts split by the type of token, so many for each; a token knows only its "
                "type's" },
    { .name = "type-ids",
        .kind = CADRE_OPTION_TEXT,
        .value = "NAME=A-B,...",
        .subject = "Experts",
        .help = "which tokens are of each type of --banks but the first that has none; images in "
                "--data say it themselves" },
    { .name = "types",
        .kind = CADRE_OPTION_TEXT,
        .value = "NAME,...",
        .subject = "Experts",
        .help = "types of tokens, for losses that are taken by type" },
    REALS("expert-dropout", 0.99, "Routing",
        "in training, the chance that a number of an expert's hidden layer is zeroed"),

    { .name = "capacity-factor",
        .kind = CADRE_OPTION_REALS,
        .max = 65536,
        .subject = "Capacity",
        .help = "slots of an expert, as a multiple of its even share of a sequence; a list gives "
                "one number a layer" },
    INTS("capacity-slots", 0, INT32_MAX, "Capacity",
        "slots of an expert in a sequence, whatever its length; 0: by factor"),
    FLAGS("capacity-in-eval", "Capacity", "experts can be full outside of training too"),
    WORDS("overflow", overflows, "Capacity",
        "what happens to a token that finds its expert full; none: experts are never full"),
    WORDS("priority", priorities, "Capacity",
        "who takes the slots first: all first choices, earlier tokens, higher scores, or in each "
        "round of choices the tokens that are surest of an expert"),

    REALS("aux-loss", 1000, "Balancing", "coefficient of the load-balancing loss"),
    { .name = "balance-loss",
        .kind = CADRE_OPTION_CHOICE,
        .choice = loss_name,
        .meaning = loss_meaning,
        .value = "NAME",
        .subject = "Balancing",
        .help = "which load-balancing loss" },
    WORD("aux-form", forms, "Balancing",
        "a loss a layer, summed or averaged, or all layers' tokens in one pool"),
    WORD("balance-over", scopes, "Balancing",
        "what loads are counted over: a part of the batch (--accumulate), the whole of it (which "
        "then runs each part's "
        "forward pass twice), or a sequence"),
    REALS("sequence-aux", 1000, "Balancing",
        "coefficient of the balancing loss within each sequence"),
    REALS("sequence-entropy", 1000, "Balancing",
        "coefficient of the entropy of each sequence's mean scores: beside even loads over the "
        "batch it makes experts keep to "
        "kinds of text, such as languages"),
    REALS("z-loss", 1000, "Balancing",
        "coefficient of the mean squared log-sum-exp of the router's logits"),
    REALS("bias-update-rate", 10, "Balancing",
        "step of the selection bias towards even loads, once an optimiser step"),
    REALS("tau", 1000, "Balancing",
        "loss heterogeneous: how much an expert without weights counts, beside 1"),
    { .name = "entropy-experts",
        .kind = CADRE_OPTION_TEXT,
        .value = "TYPE=N,...",
        .subject = "Balancing",
        .help = "losses global-entropy: so many experts that a type's tokens are spread over" },
    INT("devices", 1, ROUTER_MAX_EXPERTS, "Balancing",
        "losses device and communication: groups of experts"),
    INT("devices-used", 1, ROUTER_MAX_EXPERTS, "Balancing",
        "loss communication: groups that a token's picks are on at most"),
};

cadre_option_table cadre_routing_options(void) { return OPTION_TABLE(rows); }
