/* sampling.c - how tokens are chosen. */
#include "cli/sampling.h"

static const cadre_option rows[] = {
    { .name = "greedy", .kind = CADRE_OPTION_FLAG, .subject = "Sampling", .help = "always the most likely token" },
    { .name = "temperature", .kind = CADRE_OPTION_REAL, .min = 0, .max = 100, .fallback = "1", .subject = "Sampling",
      .help = "below 1 likelier tokens, above 1 others; 0: greedy" },
    { .name = "top-k", .kind = CADRE_OPTION_INT, .min = 0, .max = 1 << 24, .fallback = "0", .subject = "Sampling",
      .help = "among the K most likely tokens; 0: all" },
    { .name = "top-p", .kind = CADRE_OPTION_REAL, .min = 0, .max = 1, .fallback = "1", .value = "P", .subject = "Sampling",
      .help = "among the most likely of those that have the share P of their probability together" },
    { .name = "min-p", .kind = CADRE_OPTION_REAL, .min = 0, .max = 1, .fallback = "0", .value = "P", .subject = "Sampling",
      .help = "among tokens at least P times as likely as the most likely one" },
    { .name = "repetition-penalty", .kind = CADRE_OPTION_REAL, .min = 0.01, .max = 100, .fallback = "1", .subject = "Sampling",
      .help = "above 1: tokens that were there before become less likely" },
};

cadre_option_table sampling_options(void) { return ROWS(rows); }

cadre_sampling sampling_read(const cadre_options *o)
{
    bool greedy = cadre_options_flag(o, "greedy");
    return (cadre_sampling){ .temperature = greedy ? 0 : cadre_options_real(o, "temperature"),
                             .top_k = cadre_options_int(o, "top-k", 0),
                             .top_p = cadre_options_real(o, "top-p"),
                             .min_p = cadre_options_real(o, "min-p"),
                             .repetition_penalty = cadre_options_real(o, "repetition-penalty"),
                             .seed = (uint64_t)cadre_options_int(o, "seed", 0) };
}
