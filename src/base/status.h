/* status.h - how a fallible function reports: a code to its caller, a sentence to the person.
 *
 * The first function that knows what went wrong calls cadre_fail() with the path, what was expected
 * and what was found; everyone above passes the code on. The sentence is kept per thread. Codes
 * live in cadre.h. */
#ifndef CADRE_BASE_STATUS_H
#define CADRE_BASE_STATUS_H

#include "cadre.h"

/* Sets this thread's last error to "PATH: sentence" (or the sentence alone when path is NULL);
 * returns `code`. */
cadre_status cadre_fail(cadre_status code, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As cadre_fail with ": <strerror(errno)>" at the end; ENOMEM and ENOSPC keep their own wording. */
cadre_status cadre_fail_errno(cadre_status code, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds a line of advice to the last error ("cadre: ...\n       advice"). */
void cadre_fail_advice(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* if (expr fails) return its code */
#define CADRE_TRY(expr)                                                                            \
    do {                                                                                           \
        cadre_status try_status_ = (expr);                                                         \
        if (try_status_ != CADRE_OK) return try_status_;                                           \
    } while (0)

#endif
