/* sampling.h - the options of commands that write text: how each token is chosen. */
#ifndef CADRE_CLI_SAMPLING_H
#define CADRE_CLI_SAMPLING_H

#include "cli/command.h"

cadre_option_table sampling_options(void);           /* neutral where nobody gave them */
cadre_option_table sampling_suggested_options(void); /* as the model's files say then */

/* Of options that hold such a table and the one of runs. *said: the model's files say something,
 * and --greedy does not overrule it. */
cadre_sampling sampling_read(const cadre_options *options);
cadre_status sampling_read_suggested(
    const cadre_options *options, const cadre_model *model, cadre_sampling *sampling, bool *said);

/* "temperature 0.7, top-k 20": what is not neutral. */
void sampling_words(const cadre_sampling *sampling, char *text, size_t size);

#endif
