/* sampling.c - the options that say how tokens are chosen. */
#include "cli/sampling.h"

#include <string.h>

#include "cli/progress.h"

#define OR(value) " (default: what the model's files say, else " value ")"
static const cadre_option rows[] = {
    { .name = "greedy",
        .kind = CADRE_OPTION_FLAG,
        .subject = "Sampling",
        .help = "always take the most likely token, whatever the model's files say" },
    { .name = "temperature",
        .kind = CADRE_OPTION_REAL,
        .min = 0,
        .max = 100,
        .subject = "Sampling",
        .help = "divide logits by this: below 1, likely tokens become likelier; above 1, less "
                "likely; 0: as --greedy" OR("1") },
    { .name = "top-k",
        .kind = CADRE_OPTION_INT,
        .min = 0,
        .max = 1 << 24,
        .subject = "Sampling",
        .help = "choose among the N most likely tokens; 0: among all" OR("0") },
    { .name = "top-p",
        .kind = CADRE_OPTION_REAL,
        .min = 0,
        .max = 1,
        .value = "P",
        .subject = "Sampling",
        .help =
            "choose among the most likely tokens whose probabilities together reach P" OR("1") },
    { .name = "min-p",
        .kind = CADRE_OPTION_REAL,
        .min = 0,
        .max = 1,
        .value = "P",
        .subject = "Sampling",
        .help = "choose among tokens that are at least P times as likely as the most likely one" OR(
            "0") },
    { .name = "repetition-penalty",
        .kind = CADRE_OPTION_REAL,
        .min = 0.01,
        .max = 100,
        .subject = "Sampling",
        .help = "above 1, make tokens that have occurred less likely" OR("1") },
};

cadre_option_table sampling_options(void) { return ROWS(rows); }

static double real_or(const cadre_options *o, const char *name, double otherwise)
{
    return cadre_options_count(o, name) ? cadre_options_real(o, name) : otherwise;
}

static cadre_sampling read_over(const cadre_options *o, cadre_sampling s)
{
    s.temperature = real_or(o, "temperature", s.temperature);
    if (cadre_options_count(o, "top-k")) s.top_k = cadre_options_int(o, "top-k", 0);
    s.top_p = real_or(o, "top-p", s.top_p);
    /* With a share of nothing, only the most likely token is left. */
    if (cadre_options_flag(o, "greedy") || s.top_p == 0) s.temperature = 0;
    s.min_p = real_or(o, "min-p", s.min_p);
    s.repetition_penalty = real_or(o, "repetition-penalty", s.repetition_penalty);
    s.seed = (uint64_t)cadre_options_int(o, "seed", 0);
    return s;
}

static void note_undrawn(const invocation *call, const cadre_sampling *s, const char *name)
{
    progress_note(call, "--%s has no effect: %s takes the most likely token always", name,
        cadre_options_flag(call->options, "greedy") ? "--greedy"
        : s->top_p == 0                             ? "--top-p 0"
                                                    : "a temperature of 0");
}

/* Values that nothing is drawn with are named, unless they are neutral. */
static void note_idle(const invocation *call, const cadre_sampling *s)
{
    static const struct {
        const char *name;
        double neutral;
    } drawn[] = { { "temperature", 0 }, { "top-k", 0 }, { "top-p", 1 }, { "min-p", 0 } };
    const cadre_options *o = call->options;
    bool greedy = cadre_options_flag(o, "greedy");
    if (s->temperature > 0) return;
    for (size_t i = 0; i < sizeof drawn / sizeof *drawn; i++) {
        const char *name = drawn[i].name;
        if (!cadre_options_given(o, name)) continue;
        double value = strcmp(name, "top-k") ? cadre_options_real(o, name)
                                             : (double)cadre_options_int(o, name, 0);
        bool itself = !greedy && !strcmp(name, "top-p") && value == 0;
        if (value == drawn[i].neutral || itself) continue;
        note_undrawn(call, s, name);
    }
    if (cadre_options_given(o, "seed")) note_undrawn(call, s, "seed");
}

cadre_status sampling_read(
    const invocation *call, const cadre_model *model, cadre_sampling *sampling)
{
    cadre_sampling s = cadre_sampling_default();
    bool said = false;
    char words[256];
    if (!cadre_options_flag(call->options, "greedy")) {
        cadre_status status = cadre_model_sampling(model, &s, &said);
        if (status != CADRE_OK) return status;
    }
    *sampling = read_over(call->options, s);
    cadre_sampling_words(sampling, words, sizeof words);
    if (said) progress_note(call, "sampling as the model's files and the options say: %s", words);
    note_idle(call, sampling);
    return CADRE_OK;
}
