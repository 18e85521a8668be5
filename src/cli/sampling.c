/* sampling.c - the options that say how tokens are chosen. */
#include "cli/sampling.h"

#include <stdio.h>
#include <string.h>

#include "cli/progress.h"

/* The rows, with fixed defaults or with those that a model's files may give */
#define SAMPLING_ROWS(neutral, or_one, or_zero)                                                    \
    { .name = "greedy",                                                                            \
        .kind = CADRE_OPTION_FLAG,                                                                 \
        .subject = "Sampling",                                                                     \
        .help = "take the most likely token always, whatever the model's files say" },             \
        { .name = "temperature",                                                                   \
            .kind = CADRE_OPTION_REAL,                                                             \
            .min = 0,                                                                              \
            .max = 100,                                                                            \
            .fallback = neutral("1"),                                                              \
            .subject = "Sampling",                                                                 \
            .help = "below 1, likely tokens become likelier; above 1, less likely; 0: "            \
                    "greedy" or_one },                                                             \
        { .name = "top-k",                                                                         \
            .kind = CADRE_OPTION_INT,                                                              \
            .min = 0,                                                                              \
            .max = 1 << 24,                                                                        \
            .fallback = neutral("0"),                                                              \
            .subject = "Sampling",                                                                 \
            .help = "choose among the K most likely tokens; 0: among all" or_zero },               \
        { .name = "top-p",                                                                         \
            .kind = CADRE_OPTION_REAL,                                                             \
            .min = 0,                                                                              \
            .max = 1,                                                                              \
            .fallback = neutral("1"),                                                              \
            .value = "P",                                                                          \
            .subject = "Sampling",                                                                 \
            .help = "choose among the most likely tokens that together have the share P of the "   \
                    "probability" or_one },                                                        \
        { .name = "min-p",                                                                         \
            .kind = CADRE_OPTION_REAL,                                                             \
            .min = 0,                                                                              \
            .max = 1,                                                                              \
            .fallback = neutral("0"),                                                              \
            .value = "P",                                                                          \
            .subject = "Sampling",                                                                 \
            .help = "choose among tokens at least P times as likely as the likeliest" or_zero },   \
        { .name = "repetition-penalty",                                                            \
            .kind = CADRE_OPTION_REAL,                                                             \
            .min = 0.01,                                                                           \
            .max = 100,                                                                            \
            .fallback = neutral("1"),                                                              \
            .subject = "Sampling",                                                                 \
            .help = "above 1, tokens that have occurred become less likely" or_one },
#define AS_SAID(value) value
#define OF_THE_MODEL(value) NULL

static const cadre_option neutral_rows[] = { SAMPLING_ROWS(AS_SAID, "", "") };
static const cadre_option suggested_rows[] = { SAMPLING_ROWS(OF_THE_MODEL,
    " (default: what the model's files say, else 1)",
    " (default: what the model's files say, else 0)") };

cadre_option_table sampling_options(void) { return ROWS(neutral_rows); }
cadre_option_table sampling_suggested_options(void) { return ROWS(suggested_rows); }

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

cadre_sampling sampling_read(const cadre_options *o)
{
    return read_over(o, cadre_sampling_default());
}

cadre_status sampling_read_suggested(
    const cadre_options *o, const cadre_model *model, cadre_sampling *sampling, bool *said)
{
    cadre_sampling suggested = cadre_sampling_default();
    *said = false;
    if (!cadre_options_flag(o, "greedy")) {
        cadre_status status = cadre_model_sampling(model, &suggested, said);
        if (status != CADRE_OK) return status;
    }
    *sampling = read_over(o, suggested);
    return CADRE_OK;
}

/* Values that nothing is drawn with are named, unless they are neutral. */
void sampling_note_idle(const invocation *call, const cadre_sampling *s)
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
        progress_note(call, "--%s has no effect: %s takes the most likely token always", name,
            greedy          ? "--greedy"
            : s->top_p == 0 ? "--top-p 0"
                            : "a temperature of 0");
    }
}

static void append(char *text, size_t size, const char *name, double value, double unsaid)
{
    size_t used = strlen(text);
    if (value != unsaid)
        snprintf(text + used, size - used, "%s%s %g", used ? ", " : "", name, value);
}

void sampling_words(const cadre_sampling *s, char *text, size_t size)
{
    text[0] = 0;
    if (s->temperature <= 0) snprintf(text, size, "greedy");
    else append(text, size, "temperature", s->temperature, -1);
    if (s->temperature > 0) append(text, size, "top-k", (double)s->top_k, 0);
    if (s->temperature > 0) append(text, size, "top-p", s->top_p, 1);
    if (s->temperature > 0) append(text, size, "min-p", s->min_p, 0);
    append(text, size, "repetition-penalty", s->repetition_penalty, 1);
}
