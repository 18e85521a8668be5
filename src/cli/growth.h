/* growth.h - what the commands share that make a model of others: they say what the new one is, and
 * how far it is from the old one. */
#ifndef CADRE_CLI_GROWTH_H
#define CADRE_CLI_GROWTH_H

#include "cli/command.h"

/* cadre_upcycle, or another call that makes a model of one model */
typedef cadre_status growth_call(cadre_context *context, const char *model, const char *out,
    const cadre_options *options, const cadre_output_listener *listener, cadre_growth *growth);

/* Makes operand 1 from operand 0, prints the comparison, and returns the exit code. */
int growth_run(const invocation *call, growth_call *make);

/* Why --seed has no effect: the models are compared on a text, and nothing else is drawn. NULL: it
 * has one. */
const char *growth_seedless(const invocation *call);

/* Prints the comparison on stdout. Returns the exit code. */
int growth_print(const invocation *call, const cadre_growth *growth, const char *out);

#endif
