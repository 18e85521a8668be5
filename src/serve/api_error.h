/* api_error.h - errors in the form that OpenAI's clients expect. */
#ifndef CADRE_SERVE_API_ERROR_H
#define CADRE_SERVE_API_ERROR_H

#include "base/buffer.h"

typedef struct api_error {
    int status;       /* HTTP status; 0: no error */
    const char *type; /* static */
    const char *code; /* static; NULL: null */
    char param[72];   /* the field with the error; "": null */
    char message[512];
} api_error;

/* Makes an error. Its type follows from the status. */
api_error api_error_new(int status, const char *code, const char *param, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Makes an error from this thread's last error about a document named API_DOCUMENT, whose message
 * names the field. */
#define API_DOCUMENT "request"
api_error api_error_of_last(cadre_status status);

/* Writes {"error": {"message", "type", "param", "code"}}. */
void api_error_put(const api_error *e, byte_buffer *json);

#endif
