/* json_writer.h - writes JSON in the order of the calls; the same calls give the same bytes.
 *
 * Numbers take the fewest digits that read back as the same double. A failure (out of memory, text
 * that is not UTF-8, a number that JSON has no form for) is kept and returned at the end, so the
 * calls before need no checks. */
#ifndef CADRE_FORMAT_JSON_WRITER_H
#define CADRE_FORMAT_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum { JSON_WRITER_DEPTH = 64 };

typedef struct json_writer {
    byte_buffer text;
    int indent; /* spaces for each level; 0: all on one line */
    int depth;
    bool begun[JSON_WRITER_DEPTH + 1]; /* whether each level holds something */
} json_writer;

json_writer json_writer_new(int indent);
cadre_status json_writer_status(const json_writer *w); /* the first failure */
/* Writes the text and a line break to a file, which is replaced atomically, and frees the
 * writer. */
cadre_status json_writer_save(json_writer *w, const char *path);
void json_writer_free(json_writer *w);

/* `key` is NULL for the items of an array and for the outermost value. */
void json_put_object(json_writer *w, const char *key);
void json_put_array(json_writer *w, const char *key);
void json_put_close(json_writer *w, char bracket); /* '}' or ']' */
void json_put_int(json_writer *w, const char *key, int64_t value);
void json_put_real(json_writer *w, const char *key, double value);
void json_put_bool(json_writer *w, const char *key, bool value);
void json_put_null(json_writer *w, const char *key);
void json_put_string(json_writer *w, const char *key, const char *value);
/* Writes a string of `size` bytes. */
void json_put_bytes(json_writer *w, const char *key, const char *value, size_t size);

#endif
