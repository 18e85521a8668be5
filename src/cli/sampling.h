/* sampling.h - the options of commands that write text, which say how each token is chosen. */
#ifndef CADRE_CLI_SAMPLING_H
#define CADRE_CLI_SAMPLING_H

#include "cli/command.h"

cadre_option_table sampling_options(void);

/* Reads the options of that table and that of runs, over what the model's files recommend, and
 * neutral values where neither says any. Notes what the files had a part in, and options that have
 * no effect because the most likely token is taken always. */
cadre_status sampling_read(
    const invocation *call, const cadre_model *model, cadre_sampling *sampling);

#endif
