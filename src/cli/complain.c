/* complain.c - prints errors, at once or, of several ranks, at the end. */
#include "cli/complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

static enum { NOW, LATER, NEVER } when;
static char kept[1024]; /* of those that are printed later */

void complain_never(void) { when = NEVER; }
void complain_later(void) { when = LATER; }
const char *complain_kept(void) { return kept; }

/* In one piece, between which the lines of other ranks cannot come. */
void complain_now(const char *text)
{
    static const char before[] = "cadre: ", indent[] = "       ";
    char all[8192];
    size_t used = strlen(before), most = sizeof all - sizeof indent - 1;
    memcpy(all, before, used);
    for (const char *c = text; *c && used < most; c++) {
        all[used++] = *c;
        if (*c != '\n') continue;
        memcpy(all + used, indent, strlen(indent));
        used += strlen(indent);
    }
    all[used++] = '\n';
    fwrite(all, 1, used, stderr);
}

static void complain(const char *text)
{
    size_t used = strlen(kept);
    if (when == NOW) complain_now(text);
    else if (when == LATER) snprintf(kept + used, sizeof kept - used, used ? "\n%s" : "%s", text);
}

int complain_status(cadre_status status)
{
    const char *text = cadre_last_error();
    complain(*text ? text : cadre_status_name(status));
    if (status == CADRE_EINTERRUPTED) return EXIT_INTERRUPTED;
    return status == CADRE_EARGUMENT ? EXIT_USAGE : EXIT_WORLD;
}

static void complain_line(const char *advice, const char *format, va_list args)
{
    char text[4096];
    vsnprintf(text, sizeof text, format, args);
    size_t used = strlen(text);
    if (advice) snprintf(text + used, sizeof text - used, "\n%s", advice);
    complain(text);
}

int complain_usage(const char *advice, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain_line(advice, format, args);
    va_end(args);
    return EXIT_USAGE;
}

int complain_world(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    complain_line(NULL, format, args);
    va_end(args);
    return EXIT_WORLD;
}
