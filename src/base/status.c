/* status.c - the per-thread last error. */
#include "base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { ERROR_BYTES = 2048 };
static _Thread_local char last_error[ERROR_BYTES];

const char *cadre_last_error(void) { return last_error; }

static void set_sentence(const char *path, const char *format, va_list args)
{
    int used = path ? snprintf(last_error, ERROR_BYTES, "%s: ", path) : 0;
    if (used < 0 || used >= ERROR_BYTES) used = 0;
    vsnprintf(last_error + used, (size_t)(ERROR_BYTES - used), format, args);
}

static void append(const char *separator, const char *text)
{
    size_t used = strlen(last_error);
    snprintf(last_error + used, ERROR_BYTES - used, "%s%s", separator, text);
}

cadre_status cadre_fail(cadre_status code, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set_sentence(path, format, args);
    va_end(args);
    return code;
}

cadre_status cadre_fail_errno(cadre_status code, const char *path, const char *format, ...)
{
    int error = errno;
    va_list args;
    va_start(args, format);
    set_sentence(path, format, args);
    va_end(args);
    append(": ", strerror(error));
    errno = error;
    return code;
}

void cadre_fail_advice(const char *format, ...)
{
    char advice[512];
    va_list args;
    va_start(args, format);
    vsnprintf(advice, sizeof advice, format, args);
    va_end(args);
    append("\n", advice);
}

const char *cadre_status_name(cadre_status status)
{
    switch (status) {
    case CADRE_OK: return "ok";
    case CADRE_ENOMEM: return "out of memory";
    case CADRE_EIO: return "input or output failed";
    case CADRE_EFORMAT: return "malformed data";
    case CADRE_EUNSUPPORTED: return "not supported";
    case CADRE_EARGUMENT: return "impossible argument";
    case CADRE_EEXISTS: return "already exists";
    case CADRE_EMISMATCH: return "does not match";
    case CADRE_EINTERRUPTED: return "interrupted";
    case CADRE_EBUSY: return "in use";
    case CADRE_EFULL: return "full";
    }
    return "unknown status";
}
