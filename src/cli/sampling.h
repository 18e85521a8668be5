/* sampling.h - the options of commands that write text: how each token is chosen. */
#ifndef CADRE_CLI_SAMPLING_H
#define CADRE_CLI_SAMPLING_H

#include "cli/command.h"

cadre_option_table sampling_options(void);
cadre_sampling sampling_read(const cadre_options *options); /* that hold this table and the one of runs */

#endif
