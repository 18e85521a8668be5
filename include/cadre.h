/* cadre.h - Mixture-of-Experts in C: the public interface of libcadre.
 *
 * Conventions. Functions that can fail return a cadre_status, 0 for success, and write their results (the last arguments)
 * only on success; cadre_last_error() then holds one sentence that names the file, what was expected and what was found.
 * The library never prints, exits or aborts because of its input. x_new/x_free and x_open/x_close come in pairs; freeing NULL
 * is fine. Pointers marked "borrowed" live as long as the object that they came from. One vocabulary for shapes: tokens T,
 * width D, hidden H, experts E, picks per token K, batch B, vocabulary V. */
#ifndef CADRE_H
#define CADRE_H

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
    CADRE_ENOMEM = -1,       /* memory, or an address space, that is not to be had */
    CADRE_EIO = -2,          /* a file or folder that cannot be read or written */
    CADRE_EFORMAT = -3,      /* malformed or inconsistent data in a file */
    CADRE_EUNSUPPORTED = -4, /* well-formed, known by name, not implemented */
    CADRE_EARGUMENT = -5,    /* an option or argument that cannot be */
    CADRE_EEXISTS = -6,      /* would overwrite */
    CADRE_EMISMATCH = -7,    /* two things that must agree do not: shapes, hashes, recipes */
    CADRE_EINTERRUPTED = -8, /* stopped on request */
} cadre_status;

/* This thread's last error: one line, perhaps a second of advice. Borrowed until the thread's next failing call. */
CADRE_API const char *cadre_last_error(void);
CADRE_API const char *cadre_status_name(cadre_status status); /* static */
CADRE_API const char *cadre_version(void);                    /* static */

#ifdef __cplusplus
}
#endif
#endif
