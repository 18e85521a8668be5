/* grow_options.c - THE TABLES of options of the methods. */
#include "cadre/grow.h"
#include "base/options.h"
#include "moe/router.h"

#define TEXT                                                                                       \
    {                                                                                              \
        .name = "text", .kind = CADRE_OPTION_PATHS, .value = "FILE...", .subject = "Measure",      \
        .help = "texts on which the new model is compared with the old one "                       \
                "(default: 256 random tokens)"                                                     \
    }

#define EVERY                                                                                      \
    {                                                                                              \
        .name = "every", .kind = CADRE_OPTION_INT, .min = 1, .max = 1024, .fallback = "1",         \
        .subject = "Experts", .help = "make one layer in so many sparse; the others stay dense"    \
    }

#define ROUTER                                                                                     \
    {                                                                                              \
        .name = "router", .kind = CADRE_OPTION_CHOICE, .choice = router_list_name,                 \
        .meaning = router_list_meaning, .value = "NAME", .fallback = "softmax-renorm",             \
        .subject = "Routing", .help = "how scores become chosen experts and weights"               \
    }

#define ROUTER_INIT                                                                                \
    {                                                                                              \
        .name = "router-init", .kind = CADRE_OPTION_REAL, .min = 0, .max = 100,                    \
        .fallback = "0.02", .subject = "Routing",                                                  \
        .help = "standard deviation of the router's initial weights; 0: they are zero"             \
    }

static const cadre_option upcycle_rows[] = {
    { .name = "experts",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = ROUTER_MAX_EXPERTS,
        .fallback = "8",
        .subject = "Experts",
        .help = "experts in a sparse layer" },
    { .name = "topk",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = ROUTER_MAX_EXPERTS,
        .subject = "Experts",
        .help = "experts chosen for a token (default: 2; granular: --granularity)" },
    { .name = "method",
        .kind = CADRE_OPTION_CHOICE,
        .choices = OPTION_CHOICES("copy", "granular", "drop"),
        .fallback = "copy",
        .subject = "Experts",
        .help = "what an expert is: a copy of the dense feed-forward, a shard of it, or a copy in "
                "which some hidden units are new" },
    { .name = "granularity",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = ROUTER_MAX_EXPERTS,
        .value = "G",
        .fallback = "2",
        .subject = "Experts",
        .help = "granular: shards that the dense feed-forward is cut into" },
    { .name = "drop",
        .kind = CADRE_OPTION_REAL,
        .min = 0,
        .max = 1,
        .value = "R",
        .fallback = "0.5",
        .subject = "Experts",
        .help = "drop: share of an expert's hidden units that are replaced by random ones" },
    EVERY,
    ROUTER,
    ROUTER_INIT,
    TEXT,
};

cadre_option_table cadre_upcycle_options(void) { return OPTION_TABLE(upcycle_rows); }

static const cadre_option grow_rows[] = {
    { .name = "add",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = ROUTER_MAX_EXPERTS,
        .fallback = "1",
        .subject = "Experts",
        .help = "experts that every sparse layer, or each of its banks, gets in addition" },
    { .name = "hold",
        .kind = CADRE_OPTION_REAL,
        .min = 0,
        .max = 1e9,
        .subject = "Routing",
        .help = "how far the logit or correction of a new expert lies below the others' (default: "
                "so far that it is not picked)" },
    TEXT,
};

cadre_option_table cadre_grow_options(void) { return OPTION_TABLE(grow_rows); }

static const cadre_option prune_rows[] = {
    { .name = "keep",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = ROUTER_MAX_EXPERTS,
        .subject = "Experts",
        .help = "experts that stay in every sparse layer, or in each of its banks, that has more" },
    { .name = "by",
        .kind = CADRE_OPTION_CHOICE,
        .choices = OPTION_CHOICES("use", "weight", "saliency"),
        .fallback = "use",
        .subject = "Experts",
        .help = "what decides: the number of tokens that an expert served, the sum of its weights, "
                "or the mean of its weight times the norm of its output (REAP)" },
    { .name = "routes",
        .kind = CADRE_OPTION_PATH,
        .subject = "Measure",
        .help = "recorded routes ('cadre generate --routes') that say how experts are used "
                "(default: measured on --text)" },
    TEXT,
};

cadre_option_table cadre_prune_options(void) { return OPTION_TABLE(prune_rows); }

static const cadre_option merge_rows[] = {
    { .name = "topk",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = ROUTER_MAX_EXPERTS,
        .fallback = "2",
        .subject = "Experts",
        .help = "experts chosen for a token" },
    EVERY,
    { .name = "rest",
        .kind = CADRE_OPTION_CHOICE,
        .choices = OPTION_CHOICES("average", "base"),
        .fallback = "average",
        .subject = "Experts",
        .help = "parameters that belong to no expert: the mean of all models', or those of BASE" },
    ROUTER,
    ROUTER_INIT,
    TEXT,
};

cadre_option_table cadre_merge_options(void) { return OPTION_TABLE(merge_rows); }
