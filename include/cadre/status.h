/* status.h - what calls return, and what stopping on request is.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_STATUS_PUBLIC_H
#define CADRE_STATUS_PUBLIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
    #define CADRE_API __attribute__((visibility("default")))
#else
    #define CADRE_API
#endif

#define CADRE_VERSION "0.1.0"

/* ---- status ---- */

typedef enum cadre_status {
    CADRE_OK = 0,
    CADRE_ENOMEM = -1,       /* memory, or an address space, that is not available */
    CADRE_EIO = -2,          /* a file or folder that cannot be read or written */
    CADRE_EFORMAT = -3,      /* malformed or inconsistent data in a file */
    CADRE_EUNSUPPORTED = -4, /* well-formed, known by name, not implemented */
    CADRE_EARGUMENT = -5,    /* an option or argument that is not possible */
    CADRE_EEXISTS = -6,      /* something would be overwritten */
    CADRE_EMISMATCH = -7,    /* two things that must agree do not: shapes, hashes, recipes */
    CADRE_EINTERRUPTED = -8, /* stopped on request */
    /* An object is being used by another thread, or by a call that has not returned */
    CADRE_EBUSY = -9,
    CADRE_EFULL = -10 /* a queue has no place now, but will have one */
} cadre_status;

/* This thread's last error: one line, perhaps a second of advice. Borrowed until the thread's next
 * failing call. */
CADRE_API const char *cadre_last_error(void);
/* The name of the status, "CADRE_EIO"; static */
CADRE_API const char *cadre_status_name(cadre_status status);
CADRE_API const char *cadre_version(void); /* static */

/* ---- interruption ---- */

/* Asks every long computation of this process to stop at a point from which it can continue later.
 * The calls then return CADRE_EINTERRUPTED. Safe in a signal handler. This request, and the names
 * for cadre_abandon_files, are the only state that libcadre shares between threads and objects. */
CADRE_API void cadre_interrupt(void);
/* Whether a stop is requested. Safe in a signal handler. */
CADRE_API bool cadre_interrupted(void);
/* Withdraws the request, so that later calls compute again. */
CADRE_API void cadre_interrupt_clear(void);

/* Whether a request to stop is waiting for a call that cannot ask (a pattern that is matched with
 * one word of many megabytes). Nothing is lost by ending the process then. Safe in a signal
 * handler. */
CADRE_API bool cadre_interrupt_unheard(void);

/* For a signal handler that ends the process at once: removes the files that are being written and
 * have not got their final name. (Every file appears under its name complete, or not at all.) */
CADRE_API void cadre_abandon_files(void);

#ifdef __cplusplus
}
#endif
#endif
