/* api_error.h - what is wrong with a request, as OpenAI's clients expect to be told. */
#ifndef CADRE_SERVE_API_ERROR_H
#define CADRE_SERVE_API_ERROR_H

#include "base/buffer.h"

typedef struct api_error {
    int status;       /* of HTTP; 0: nothing is wrong */
    const char *type; /* static */
    const char *code; /* static; NULL: null */
    char param[72];   /* the field at fault; "": null */
    char message[512];
} api_error;

/* The type follows from the status. */
api_error api_error_new(int status, const char *code, const char *param, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* This thread's last error, of a document called API_DOCUMENT: the sentence names the field. */
#define API_DOCUMENT "request"
api_error api_error_of_last(cadre_status status);

/* {"error": {"message", "type", "param", "code"}} */
void api_error_put(const api_error *e, byte_buffer *json);

#endif
