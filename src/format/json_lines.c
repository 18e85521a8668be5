/* json_lines.c - walks a mapped file of JSON lines. */
#define _GNU_SOURCE
#include "format/json_lines.h"

#include <stdio.h>
#include <string.h>

cadre_status lines_open(const char *path, json_lines *lines)
{
    *lines = (json_lines){ .path = path };
    return file_map_open(path, &lines->map);
}

void lines_close(json_lines *lines) { file_map_close(&lines->map); }

static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!strchr(" \t\r", text[i]) || !text[i]) return false;
    return true;
}

static cadre_status parse_line(
    json_lines *lines, const char *text, size_t size, json_document **document)
{
    snprintf(lines->name, sizeof lines->name, "%s:%lld", lines->path, (long long)lines->line);
    if (size > LINES_LONGEST)
        return cadre_fail(CADRE_EFORMAT, lines->name,
            "expected a line of at most %zu bytes, found %zu", LINES_LONGEST, size);
    return json_parse_dense(lines->name, text, size, document);
}

cadre_status lines_next(json_lines *lines, json_document **document)
{
    const char *data = (const char *)lines->map.data;
    while (lines->at < lines->map.size) {
        const char *text = data + lines->at;
        size_t left = lines->map.size - lines->at;
        const char *end = memchr(text, '\n', left);
        size_t size = end ? (size_t)(end - text) : left;
        lines->at += size + (end ? 1 : 0);
        lines->line++;
        if (is_blank(text, size)) continue;
        cadre_status status = parse_line(lines, text, size, document);
        if (status == CADRE_EFORMAT && !end) break;
        return status;
    }
    *document = NULL;
    return CADRE_OK;
}

static int64_t lines_before(const json_lines *lines, size_t end)
{
    int64_t count = 0;
    const char *at = (const char *)lines->map.data, *stop = at + end;
    for (; at < stop && (at = memchr(at, '\n', (size_t)(stop - at))) != NULL; at++) count++;
    return count;
}

/* Only an incomplete line gives no document, and only the last line can be incomplete, so there are
 * at most two attempts. */
cadre_status lines_last(json_lines *lines, json_document **document)
{
    const char *data = (const char *)lines->map.data;
    size_t end = lines->map.size;
    *document = NULL;
    cadre_status status = CADRE_OK;
    while (!*document && status == CADRE_OK) {
        while (end && strchr(" \t\r\n", data[end - 1]) && data[end - 1]) end--;
        if (!end) break;
        const char *before = memrchr(data, '\n', end);
        lines->at = end = before ? (size_t)(before - data) + 1 : 0;
        lines->line = lines_before(lines, end);
        status = lines_next(lines, document);
    }
    lines->at = 0;
    lines->line = 0;
    return status;
}
