/* plan_options.c - the options of cadre plan and cadre simulate. */
#include <stdlib.h>
#include <string.h>

#include "cadre/plan.h"
#include "cadre/ranks.h"
#include "base/options.h"
#include "dist/plan_options.h"

cadre_status plan_size_read(const char *option, const char *text, int64_t *bytes)
{
    static const char units[] = "KMGT";
    char *end;
    double size = strtod(text, &end);
    const char *unit = *end ? strchr(units, *end) : NULL;
    for (int64_t i = unit ? unit - units + 1 : 0; i > 0; i--) size *= 1024;
    if (end == text || !(size >= 1) || size > 1e15 || (*end && (!unit || end[1])))
        return cadre_fail(
            CADRE_EARGUMENT, NULL, "%s: expected a size, as 6G, found '%s'", option, text);
    *bytes = (int64_t)size;
    return CADRE_OK;
}

#define LINK_ROWS                                                                                  \
    { .name = "link-bandwidth",                                                                    \
        .kind = CADRE_OPTION_REAL,                                                                 \
        .min = 1,                                                                                  \
        .max = 1e15,                                                                               \
        .fallback = "1.25e9",                                                                      \
        .value = "B/S",                                                                            \
        .subject = "Cluster",                                                                      \
        .help = "bytes per second between two machines; 1.25e9 are 10 Gbit/s" },                   \
    {                                                                                              \
        .name = "link-latency", .kind = CADRE_OPTION_REAL, .min = 0, .max = 10,                    \
        .fallback = "20e-6", .value = "SECONDS", .subject = "Cluster",                             \
        .help = "seconds that a short message takes"                                               \
    }

static const cadre_option plan_rows[] = {
    { .name = "machines",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 4096,
        .fallback = "2",
        .subject = "Cluster",
        .help = "number of equal machines, each with one rank" },
    { .name = "memory",
        .kind = CADRE_OPTION_TEXT,
        .value = "SIZE",
        .subject = "Cluster",
        .help = "memory of each machine, for example 64G (default: this machine's)" },
    { .name = "bandwidth",
        .kind = CADRE_OPTION_REAL,
        .min = 1,
        .max = 1e15,
        .value = "B/S",
        .subject = "Cluster",
        .help = "bytes per second that a machine reads from memory (default: measured here)" },
    { .name = "flops",
        .kind = CADRE_OPTION_REAL,
        .min = 1,
        .max = 1e18,
        .value = "F",
        .subject = "Cluster",
        .help =
            "floating-point operations per second in matrix products (default: measured here)" },
    LINK_ROWS,
    { .name = "for",
        .kind = CADRE_OPTION_CHOICE,
        .choices = OPTION_CHOICES("train", "decode", "prefill"),
        .subject = "Work",
        .help = "what the layouts are for (default: decode for a model, train for a recipe)" },
    { .name = "streams",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1 << 20,
        .fallback = "1",
        .value = "S",
        .subject = "Work",
        .help = "decode: sequences that are decoded together" },
    { .name = "placement",
        .kind = CADRE_OPTION_CHOICE,
        .choice = cadre_placement_name,
        .fallback = "even",
        .subject = "Work",
        .help = "which experts each rank of a running model holds; 'replicated' counts the memory "
                "of the copies ('cadre simulate' predicts what they gain)" },
    { .name = "replicas",
        .kind = CADRE_OPTION_INT,
        .min = 0,
        .max = 65536,
        .fallback = "0",
        .subject = "Work",
        .help = "with --placement replicated: further copies of experts in each layer; 0: one for "
                "each rank that divides them" },
    { .name = "weight-bits",
        .kind = CADRE_OPTION_REAL,
        .min = 1,
        .max = 64,
        .fallback = "16",
        .subject = "Work",
        .help = "bits of each weight, where MODEL is a config.json alone" },
};

static const cadre_option simulate_rows[] = {
    { .name = "ranks",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 4096,
        .fallback = "8",
        .subject = "Cluster",
        .help = "number of ranks that hold the experts" },
    { .name = "placement",
        .kind = CADRE_OPTION_CHOICE,
        .choice = cadre_placement_name,
        .fallback = "even",
        .subject = "Cluster",
        .help = "which experts each rank holds: equally many neighbours, balanced by the load in "
                "the recording's first half, or with replicas of the busiest; all are measured on "
                "the second half" },
    { .name = "replicas",
        .kind = CADRE_OPTION_INT,
        .min = 0,
        .max = 1 << 20,
        .fallback = "0",
        .subject = "Cluster",
        .help = "with --placement replicated: further copies of experts in each layer; 0: one for "
                "each rank" },
    { .name = "bandwidth",
        .kind = CADRE_OPTION_REAL,
        .min = 1,
        .max = 1e15,
        .fallback = "30e9",
        .value = "B/S",
        .subject = "Cluster",
        .help = "bytes per second that a machine reads from memory" },
    LINK_ROWS,
    { .name = "tokens",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1 << 20,
        .fallback = "32",
        .subject = "Work",
        .help = "tokens that pass through the layers together" },
    { .name = "width",
        .kind = CADRE_OPTION_INT,
        .min = 1,
        .max = 1 << 20,
        .fallback = "2048",
        .subject = "Work",
        .help = "elements of a token's vector, which travels between ranks" },
    { .name = "expert-bytes",
        .kind = CADRE_OPTION_REAL,
        .min = 0,
        .max = 1e15,
        .fallback = "6e6",
        .value = "B",
        .subject = "Work",
        .help = "bytes of an expert's weights, which its rank reads from memory" },
};

cadre_option_table cadre_plan_options(void) { return OPTION_TABLE(plan_rows); }
cadre_option_table cadre_simulate_options(void) { return OPTION_TABLE(simulate_rows); }
