/* input.c - reads files and lists of ids. */
#define _GNU_SOURCE
#include "cli/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/complain.h"

bool input_stream(FILE *in, const char *name, char **text, size_t *size)
{
    size_t room = 1 << 16, used = 0;
    char *data = malloc(room);
    while (data) {
        used += fread(data + used, 1, room - 1 - used, in);
        if (used < room - 1) break;
        char *more = realloc(data, room *= 2);
        if (!more) free(data);
        data = more;
    }
    if (!data || ferror(in)) {
        complain_world("%s: could not be read: %s", name, strerror(data ? errno : ENOMEM));
        free(data);
        return false;
    }
    data[used] = 0;
    *text = data;
    *size = used;
    return true;
}

bool input_file(const char *path, char **text, size_t *size)
{
    FILE *in = fopen(path, "r");
    if (!in) {
        complain_world("%s: expected a readable file: %s", path, strerror(errno));
        return false;
    }
    bool ok = input_stream(in, path, text, size);
    fclose(in);
    return ok;
}

static const char between[] = " \t\r\n,[]";

/* Where parsing the list stops: at its end, if it is well formed. */
static const char *parse_ids(const char *text, int32_t *id, int64_t *count)
{
    for (const char *at = text + strspn(text, between); *at; at += strspn(at, between)) {
        char *end;
        errno = 0;
        long value = strtol(at, &end, 10);
        if (end == at || errno || value < 0 || value > INT32_MAX ||
            (*end && !strchr(between, *end)))
            return at;
        id[(*count)++] = (int32_t)value;
        at = end;
    }
    return "";
}

int input_ids(const char *name, const char *text, token_ids *ids)
{
    token_ids read = { malloc((strlen(text) / 2 + 1) * sizeof *read.id), 0 };
    if (!read.id) return complain_world("out of memory");
    const char *wrong = parse_ids(text, read.id, &read.count);
    if (*wrong) {
        free(read.id);
        return complain_usage(NULL, "%s: expected token ids, \"1,2,3\", found '%.*s'", name,
            (int)strcspn(wrong, between), wrong);
    }
    *ids = read;
    return EXIT_DONE;
}

int input_ids_or_file(const char *name, const char *value, token_ids *ids)
{
    if (strspn(value, "0123456789, ") == strlen(value)) return input_ids(name, value, ids);
    char *text;
    size_t size;
    if (!input_file(value, &text, &size)) return EXIT_WORLD;
    cadre_status status = cadre_text_check(value, text, size);
    int exit_code = status == CADRE_OK ? input_ids(value, text, ids) : complain_status(status);
    free(text);
    return exit_code;
}
