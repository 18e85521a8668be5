/* machine.c - asks the system about this machine, its processes and this file. */
#define _GNU_SOURCE
#include "base/machine.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

void machine_name(char name[MACHINE_NAME])
{
    if (gethostname(name, MACHINE_NAME) != 0) snprintf(name, MACHINE_NAME, "an unnamed host");
    name[MACHINE_NAME - 1] = 0;
}

int machine_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : (int)cores;
}

int64_t machine_process(void) { return getpid(); }

/* The letter of its state, after the last ')' of its line; 0: there is none. */
static char state_of(int64_t process)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)process);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    char *end = fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL;
    fclose(f);
    return end && end[1] == ' ' ? end[2] : 0;
}

const char *machine_process_trouble(int64_t process)
{
    switch (state_of(process)) {
    case 'T':
    case 't': return "its process is stopped";
    case 'Z':
    case 'X': return "its process has ended";
    case 'D': return "its process waits for a disk or a network";
    case 0: return kill((pid_t)process, 0) && errno == ESRCH ? "its process has ended" : NULL;
    }
    return NULL;
}

/* The system knows a program by the name that it was started with, and says so by an empty name in
 * its list of loaded files. */
static char *own_file(void)
{
    static const char here;
    Dl_info info;
    struct link_map *map = NULL;
    bool library =
        dladdr1(&here, &info, (void **)&map, RTLD_DL_LINKMAP) && map && map->l_name && *map->l_name;
    return realpath(library ? map->l_name : "/proc/self/exe", NULL);
}

cadre_status machine_own_folder(char **folder)
{
    char *file = own_file(), *slash = file ? strrchr(file, '/') : NULL;
    if (!slash) {
        free(file);
        return cadre_fail(CADRE_EIO, NULL, "the program's own folder could not be found");
    }
    *slash = 0;
    *folder = mem_strdup(file);
    free(file);
    return *folder ? CADRE_OK : CADRE_ENOMEM;
}
