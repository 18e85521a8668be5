/* base64.h - bytes written as letters (RFC 4648), for JSON and HTML pages. */
#ifndef CADRE_BASE_BASE64_H
#define CADRE_BASE_BASE64_H

#include <stdbool.h>

#include "cadre/status.h"
#include "base/buffer.h"

cadre_status base64_put(byte_buffer *b, const void *data, size_t size);
bool base64_is(const char *text); /* it has only base64 letters, in groups of four */

#endif
