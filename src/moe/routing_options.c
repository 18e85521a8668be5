/* routing_options.c - THE TABLE of options of routing, capacity and balancing. moe/settings.c reads
 * them. */
#include "base/options.h"
#include "moe/balance.h"
#include "moe/router.h"

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
