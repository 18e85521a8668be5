/* routing_options.c - THE TABLE of options of routing, capacity and balancing. moe/settings.c reads
 * them. */
#include "base/options.h"
#include "moe/balance.h"
#include "moe/dispatch.h"
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

static const char *const group_scores[] = { [GROUP_MAX] = "max", [GROUP_TOP2] = "top2", NULL };
static const char *const group_masks[] = {
    [GROUP_MASK_INF] = "inf", [GROUP_MASK_ZERO] = "zero", NULL
};
static const char *const overflows[] = { [OVERFLOW_NONE] = "none",
    [OVERFLOW_DROP] = "drop",
    [OVERFLOW_REROUTE] = "reroute",
    [OVERFLOW_PAD] = "pad",
    NULL };
static const char *const priorities[] = { [PRIORITY_CHOICE] = "choice",
    [PRIORITY_TOKEN] = "token",
    [PRIORITY_PROBABILITY] = "probability",
    [PRIORITY_BATCH] = "batch",
    NULL };
static const char *const scores[] = { [SCORE_SOFTMAX] = "softmax",
    [SCORE_SIGMOID] = "sigmoid",
    [SCORE_SQRT_SOFTPLUS] = "sqrtsoftplus",
    [SCORE_TOPK_SOFTMAX] = "topk-softmax",
    [SCORE_NONE] = "none",
    NULL };
static const char *const estimators[] = { [ESTIMATOR_ROUTER] = "router",
    [ESTIMATOR_STRAIGHT_THROUGH] = "straight-through",
    [ESTIMATOR_DENSE] = "dense",
    [ESTIMATOR_SPARSEMIXER] = "sparsemixer",
    NULL };
static const char *const zero_weights[] = { [false] = "kept", [true] = "dropped", NULL };
static const char *const scopes[] = {
    [BALANCE_MICRO] = "micro", [BALANCE_STEP] = "step", [BALANCE_SEQUENCE] = "sequence", NULL
};
static const char *const forms[] = {
    [BALANCE_LAYER] = "layer", [BALANCE_MEAN] = "mean", [BALANCE_POOLED] = "pooled", NULL
};

static const cadre_option rows[] = {
    INTS("groups", 1, ROUTER_MAX_EXPERTS, "Routing",
        "groups of experts; a token chooses its experts in some of them (--groups-used)"),
    INTS("groups-used", 1, ROUTER_MAX_EXPERTS, "Routing",
        "groups that each token may choose its experts from"),
    WORDS("group-score", group_scores, "Routing",
        "score of a group: that of its best expert, or the sum of its two best"),
    WORDS("group-mask", group_masks, "Routing",
        "score of experts in groups that were not chosen: minus infinity, or 0 as in transformers"),
    REALS("route-scale", 1000, "Routing", "factor of all weights of experts' outputs"),
    FLAGS("renormalise", "Routing",
        "renormalise a token's weights to sum to 1, where the router leaves this open"),
    /* The option and its key in config.json keep a name from before the code said "kept": scripts
     * and models have it. */
    FLAGS("survivors", "Routing",
        "renormalise a token's weights over the experts that capacity kept"),
    REALS("norm-eps", 1, "Routing", "number added to the sum that weights are divided by"),
    REALS("top-p", 1, "Routing",
        "router top-p: take experts until the sum of their probabilities exceeds this"),
    REALS("noise-floor", 10, "Routing",
        "routers with learned noise: smallest standard deviation of the noise"),
    REALS("jitter", 0.99, "Routing",
        "in training, multiply the router's input by random factors from 1 - X to 1 + X"),
    FLAGS("jitter-experts", "Routing",
        "let the experts read the jittered input too, as in transformers' Mixtral"),
    WORDS("score", scores, "Routing",
        "function that makes scores of logits, where the router leaves this open (expert-choice, "
        "hash, quantile)"),
    REALS("logit-noise", 1000, "Routing",
        "in training, add normal noise to the logits, with a standard deviation of X divided by "
        "the number of experts"),
    WORDS("estimator", estimators, "Routing",
        "gradient of the choice of experts: through their weights alone, also through their input, "
        "also from experts that were not chosen, or the sampling router's own"),
    INTS("slots", 1, 4096, "Routing", "router soft: slots of each expert"),
    { .name = "grid",
        .kind = CADRE_OPTION_TEXT,
        .value = "N,N,...",
        .subject = "Routing",
        .help = "router product: sizes of the grid on which the experts lie (default: two, nearly "
                "equal); slashes separate the grids of layers" },
    INTS("projector", 1, 65536, "Routing",
        "router cosine: width of the projection in which angles are measured"),
    INT("tasks", 1, ROUTER_MAX_TASKS, "Routing",
        "router dense: number of gates over the same experts; each gate has an output of its own"),
    REALS("l1", 1e6, "Routing", "router relu: initial coefficient of the L1 loss"),
    REALS("l1-multiplier", 100, "Routing",
        "router relu: factor by which the coefficient of the L1 loss grows or shrinks at each "
        "step"),
    REALS("sinkhorn-tolerance", 1, "Routing",
        "router sinkhorn: iterations end when the factors change by less than this, on average"),
    REALS("sparsemixer-epsilon", 10, "Routing",
        "routers sparsemixer: do not sample experts whose logits are below the best by more than "
        "twice this share"),
    REALS("quantile-ema", 1, "Routing",
        "router quantile: share of its old levels that is kept at each step"),
    FLAGS("residual-logits", "Routing",
        "add the logits of the sparse layer before, multiplied by a learned matrix (MoE++)"),
    INTS("constant-experts", 0, ROUTER_MAX_EXPERTS, "Experts",
        "how many of the experts only mix the token with a learned vector"),
    INTS("copy-experts", 0, ROUTER_MAX_EXPERTS, "Experts",
        "how many of the experts return the token as it is"),
    INTS("zero-experts", 0, ROUTER_MAX_EXPERTS, "Experts", "how many of the experts return zero"),
    WORDS("zero-weight", zero_weights, "Experts",
        "whether a zero expert keeps its share of a token's weights, or the token's other experts "
        "get it"),
    REALS("expert-input-scale", 1000, "Experts", "factor of the experts' input"),
    { .name = "banks",
        .kind = CADRE_OPTION_TEXT,
        .value = "NAME=N,...",
        .subject = "Experts",
        .help = "banks of experts, one for each type of token, with so many experts each; a token "
                "chooses only among those of its type" },
    { .name = "type-ids",
        .kind = CADRE_OPTION_TEXT,
        .value = "NAME=A-B,...",
        .subject = "Experts",
        .help = "token ids of each type of --banks; the first type without any has all others; "
                "images in --data need none" },
    { .name = "types",
        .kind = CADRE_OPTION_TEXT,
        .value = "NAME,...",
        .subject = "Experts",
        .help = "types of tokens, for losses by type" },
    REALS("expert-dropout", 0.99, "Routing",
        "probability that an element of an expert's hidden layer is zeroed in training"),

    { .name = "capacity-factor",
        .kind = CADRE_OPTION_REALS,
        .max = 65536,
        .subject = "Capacity",
        .help = "slots of each expert, as a multiple of its even share of a sequence's picks; a "
                "list gives one number a layer" },
    INTS("capacity-slots", 0, INT32_MAX, "Capacity",
        "slots of each expert in a sequence, whatever its length; 0: as --capacity-factor says"),
    FLAGS(
        "capacity-in-eval", "Capacity", "limit experts to their capacity outside of training too"),
    WORDS("overflow", overflows, "Capacity",
        "what happens to a token whose expert is full; none: experts have no limit"),
    WORDS("priority", priorities, "Capacity",
        "which picks take the slots first: all first choices, those of earlier tokens, those with "
        "higher scores, or in each round of choices those of the tokens whose best score is "
        "highest"),

    REALS("aux-loss", 1000, "Balancing", "coefficient of the load-balancing loss"),
    { .name = "balance-loss",
        .kind = CADRE_OPTION_CHOICE,
        .choice = loss_name,
        .meaning = loss_meaning,
        .value = "NAME",
        .subject = "Balancing",
        .help = "load-balancing loss that --aux-loss multiplies" },
    WORD("aux-form", forms, "Balancing",
        "one loss for each layer, summed or averaged, or one loss over all layers' tokens "
        "together"),
    WORD("balance-over", scopes, "Balancing",
        "what loads are counted over: a micro-batch (--accumulate), the whole batch (which then "
        "runs each micro-batch's forward pass twice), or a sequence"),
    REALS("sequence-aux", 1000, "Balancing",
        "coefficient of the balancing loss within each sequence"),
    REALS("sequence-entropy", 1000, "Balancing",
        "coefficient of the entropy of each sequence's mean scores; beside a loss for even loads "
        "over the batch, it makes experts specialise in kinds of text, such as languages"),
    REALS("z-loss", 1000, "Balancing",
        "coefficient of the mean squared log-sum-exp of the router's logits"),
    REALS("bias-update-rate", 10, "Balancing",
        "how far the correction bias of each expert moves towards even loads at each optimiser "
        "step"),
    REALS("tau", 1000, "Balancing",
        "loss heterogeneous: how much an expert without parameters counts, where another counts 1"),
    { .name = "entropy-experts",
        .kind = CADRE_OPTION_TEXT,
        .value = "TYPE=N,...",
        .subject = "Balancing",
        .help =
            "losses global-entropy: number of experts that each type's tokens are spread over" },
    INT("devices", 1, ROUTER_MAX_EXPERTS, "Balancing",
        "losses device and communication: number of groups of experts"),
    INT("devices-used", 1, ROUTER_MAX_EXPERTS, "Balancing",
        "loss communication: most groups that a token's picks may lie in"),
};

cadre_option_table cadre_routing_options(void) { return OPTION_TABLE(rows); }
