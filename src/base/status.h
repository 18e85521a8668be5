/* status.h - how a function reports failure: a code for its caller, a sentence for the user.
 *
 * The first function that knows what went wrong calls cadre_fail() with the path, what was expected
 * and what was found. Its callers pass the code on. Each thread keeps its own last sentence. The
 * codes are listed in cadre.h. */
#ifndef CADRE_BASE_STATUS_H
#define CADRE_BASE_STATUS_H

#include "cadre/status.h"

/* Sets this thread's last error to "PATH: sentence", or to the sentence alone when path is NULL,
 * and returns `code`. */
cadre_status cadre_fail(cadre_status code, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Does the same with ": <strerror(errno)>" at the end. ENOMEM and ENOSPC have sentences of their
 * own. */
cadre_status cadre_fail_errno(cadre_status code, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds a line of advice to the last error, as in "cadre: ...\n       advice". */
void cadre_fail_advice(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Returns the code of `expr` if it fails. */
#define CADRE_TRY(expr)                                                                            \
    do {                                                                                           \
        cadre_status try_status_ = (expr);                                                         \
        if (try_status_ != CADRE_OK) return try_status_;                                           \
    } while (0)

#endif
