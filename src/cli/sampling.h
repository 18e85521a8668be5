/* sampling.h - the options of commands that write text, which say how each token is chosen. */
#ifndef CADRE_CLI_SAMPLING_H
#define CADRE_CLI_SAMPLING_H

#include "cli/command.h"

cadre_option_table sampling_options(void);           /* options that were not given are neutral */
cadre_option_table sampling_suggested_options(void); /* ... or are as the model's files say */

/* Reads the options of such a table and that of runs. *said: the model's files give values, and
 * --greedy does not override them. */
cadre_sampling sampling_read(const cadre_options *options);
cadre_status sampling_read_suggested(
    const cadre_options *options, const cadre_model *model, cadre_sampling *sampling, bool *said);

/* Notes options that have no effect because the most likely token is taken always. */
void sampling_note_idle(const invocation *call, const cadre_sampling *sampling);

/* Writes what is not neutral, as in "temperature 0.7, top-k 20". */
void sampling_words(const cadre_sampling *sampling, char *text, size_t size);

#endif
