/* complain.c - prints errors. */
#include "cli/complain.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/command.h"

int complain_status(cadre_status status)
{
    const char *text = cadre_last_error();
    fputs("cadre: ", stderr);
    for (const char *c = *text ? text : cadre_status_name(status); *c; c++) {
        fputc(*c, stderr);
        if (*c == '\n') fputs("       ", stderr);
    }
    fputc('\n', stderr);
    if (status == CADRE_EINTERRUPTED) return EXIT_INTERRUPTED;
    return status == CADRE_EARGUMENT ? EXIT_USAGE : EXIT_WORLD;
}

static void print_line(const char *format, va_list args)
{
    fputs("cadre: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

int complain_usage(const char *advice, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line(format, args);
    va_end(args);
    if (advice) fprintf(stderr, "       %s\n", advice);
    return EXIT_USAGE;
}

int complain_world(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    print_line(format, args);
    va_end(args);
    return EXIT_WORLD;
}
