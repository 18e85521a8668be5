/* scratch.c - makes the folder, remembers to remove it. */
#define _GNU_SOURCE
#include "support/scratch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"

static char folder[64];

static void remove_all(void)
{
    char **names;
    int count;
    if (file_list(folder, &names, &count) != CADRE_OK) return;
    for (int i = 0; i < count; i++) file_remove(scratch_file(names[i]));
    file_list_free(names, count);
    rmdir(folder);
}

const char *scratch_folder(void)
{
    if (folder[0]) return folder;
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%.40s/cadre-test-XXXXXX", base ? base : "/tmp");
    if (!mkdtemp(folder)) {
        perror(folder);
        exit(1);
    }
    atexit(remove_all);
    return folder;
}

const char *scratch_file(const char *name)
{
    static char paths[8][256];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", scratch_folder(), name);
    return path;
}
