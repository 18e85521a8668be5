/* progress.c - the progress line. */
#define _GNU_SOURCE
#include "cli/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const double redraw_seconds = 0.2;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

progress progress_begin(const invocation *call)
{
    const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    bool shown = !call->quiet && isatty(STDERR_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
    return (progress){ .shown = shown, .colour = !(no_colour && *no_colour), .began = seconds() };
}

bool progress_due(const progress *p) { return p->shown && seconds() - p->drawn >= redraw_seconds; }

double progress_seconds(const progress *p) { return seconds() - p->began; }

static int terminal_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

/* Writes "2:31 left", estimated from the time that the work so far took. */
static void word_time_left(const progress *p, double done, char *text, size_t size)
{
    double left = progress_seconds(p) * (1 - done) / done;
    if (!(done > 0.001) || left > 1e6) snprintf(text, size, "  ");
    else if (left >= 3600)
        snprintf(text, size, "  %d:%02d h left", (int)left / 3600, (int)left / 60 % 60);
    else snprintf(text, size, "  %d:%02d left", (int)left / 60, (int)left % 60);
}

void progress_draw(progress *p, double done, const char *format, ...)
{
    if (!p->shown) return;
    p->drawn = seconds();
    char line[512], left[64];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    word_time_left(p, done, left, sizeof left);
    int room = terminal_width() - 1 - (int)strlen(left);
    const char *dim = p->colour ? "\033[2m" : "", *plain = p->colour ? "\033[0m" : "";
    fprintf(stderr, "\r%.*s%s%s%s\033[K", room, line, dim, left, plain);
}

void progress_wipe(progress *p)
{
    if (p->drawn > 0) fputs("\r\033[K", stderr);
    p->drawn = 0;
}

void progress_note(const invocation *call, const char *format, ...)
{
    if (call->quiet) return;
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}
