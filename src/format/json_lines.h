/* json_lines.h - reads a file of JSON lines one document at a time, so that it may have any
 * length. */
#ifndef CADRE_FORMAT_JSON_LINES_H
#define CADRE_FORMAT_JSON_LINES_H

#include <stdint.h>

#include "base/file.h"
#include "format/json.h"

enum { LINES_NAME = 512 };
#define LINES_LONGEST ((size_t)16 << 20)

typedef struct json_lines {
    const char *path; /* the caller's */
    file_map map;
    size_t at;
    int64_t line;          /* number of the line given last, from 1 */
    char name[LINES_NAME]; /* "PATH:LINE", for errors */
} json_lines;

cadre_status lines_open(const char *path, json_lines *lines);
void lines_close(json_lines *lines);

/* Reads the next line's document, which the caller closes; NULL after the last. Blank lines are
 * skipped, and so is an incomplete last line, as in a file that is still being written. */
cadre_status lines_next(json_lines *lines, json_document **document);
/* Reads the last complete line, then goes back to the start. */
cadre_status lines_last(json_lines *lines, json_document **document);

#endif
