/* mapped.c - weights are read where the file is mapped. If another program shortens the file, or a
 * disk fails, pages that should be there are missing. The kernel then sends SIGBUS, after which the
 * program cannot go on. The handler finds the file's name by the address, in the kernel's list of
 * this process's maps, and may use only system calls. */
#define _GNU_SOURCE
#include "cli/mapped.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"

enum { LINE = 4352 }; /* a path and the numbers before it */

static uintptr_t take_hex(const char **at)
{
    uintptr_t value = 0;
    for (;; (*at)++) {
        char c = **at;
        if (c >= '0' && c <= '9') value = value << 4 | (uintptr_t)(c - '0');
        else if (c >= 'a' && c <= 'f') value = value << 4 | (uintptr_t)(c - 'a' + 10);
        else return value;
    }
}

/* Reads "BEGIN-END rw-p OFFSET DEVICE INODE   PATH". Returns the path if the address lies between,
 * otherwise NULL. */
static const char *path_in(const char *line, uintptr_t address)
{
    const char *at = line;
    uintptr_t begin = take_hex(&at);
    if (*at++ != '-') return NULL;
    uintptr_t end = take_hex(&at);
    return address >= begin && address < end ? strchr(at, '/') : NULL;
}

/* The path of the file, in `line` [LINE]; NULL: not found. */
static const char *find_path(uintptr_t address, char *line)
{
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    size_t used = 0;
    const char *path = NULL;
    for (char c; !path && fd >= 0 && read(fd, &c, 1) == 1;) {
        if (c != '\n') {
            if (used < LINE - 1) line[used++] = c;
            continue;
        }
        line[used] = '\0';
        path = path_in(line, address);
        used = 0;
    }
    if (fd >= 0) close(fd);
    return path;
}

static void say(const char *text)
{
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static void bus_error(int signal_number, siginfo_t *info, void *context)
{
    char line[LINE];
    const char *path = find_path((uintptr_t)info->si_addr, line);
    (void)signal_number, (void)context;
    say("cadre: ");
    say(path ? path : "a mapped file");
    say(": expected the bytes that were there when it was opened, found that it was cut short or "
        "cannot be read\n");
    _exit(EXIT_WORLD);
}

void mapped_files_may_shrink(void)
{
    struct sigaction action = { .sa_sigaction = bus_error, .sa_flags = SA_SIGINFO };
    sigaction(SIGBUS, &action, NULL);
}
