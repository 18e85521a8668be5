/* complain.h - how the program reports an error: one line "cadre: ..." on stderr, perhaps a line of
 * advice, and the exit code that belongs to it. */
#ifndef CADRE_CLI_COMPLAIN_H
#define CADRE_CLI_COMPLAIN_H

#include "cadre.h"

/* Prints the library's last error; returns the exit code for the status. */
int complain_status(cadre_status status);

/* Reports bad usage: the sentence, then the advice (NULL: none). Returns EXIT_USAGE. */
int complain_usage(const char *advice, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Reports a fault of the world (file, memory, data) that the program itself found. Returns
 * EXIT_WORLD. */
int complain_world(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ---- of several ranks ---- */

void complain_later(void); /* from now on, complaints are kept for the end */
void complain_never(void); /* from now on, another rank complains */
const char *complain_kept(void);
/* Prints a sentence, whose further lines are advice. */
void complain_now(const char *text);

#endif
