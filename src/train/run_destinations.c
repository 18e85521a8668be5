/* run_destinations.c - asks, before a run begins, whether what it is told to write can be written:
 * --out, --metrics, --watch, --tensorboard. What is made to find out is removed again. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/stat.h>

#include "base/destination.h"
#include "base/file.h"
#include "base/memory.h"
#include "train/run.h"

/* Removes slashes at the end, but not the root's. */
static void cut_slashes(char *path)
{
    for (size_t end = strlen(path); end > 1 && path[end - 1] == '/';) path[--end] = 0;
}

/* The folder that a path lies in, "." if it names none; freed by mem_free; NULL: out of memory */
static char *folder_above(const char *path)
{
    size_t size = (size_t)(file_base(path) - path);
    char *above = size ? mem_printf("%.*s", (int)size, path) : mem_strdup(".");
    if (above) cut_slashes(above);
    return above;
}

/* Whether two paths name one folder, which may be missing. */
static bool same_folder(const char *a, const char *b)
{
    struct stat of_a, of_b;
    bool is_a = stat(a, &of_a) == 0, is_b = stat(b, &of_b) == 0;
    if (is_a && is_b) return of_a.st_dev == of_b.st_dev && of_a.st_ino == of_b.st_ino;
    if (is_a || is_b || strcmp(file_base(a), file_base(b)) != 0) return false;
    char *above_a = folder_above(a), *above_b = folder_above(b);
    bool same = above_a && above_b && same_folder(above_a, above_b);
    mem_free(above_a);
    mem_free(above_b);
    return same;
}

/* Whether a missing folder is `made`, or lies on the way to it, so that it is made with it. */
static bool comes_with(const char *folder, const char *made)
{
    char *at = mem_strdup(made);
    if (at) cut_slashes(at);
    bool same = false;
    while (at && !file_exists(at) && !(same = same_folder(folder, at))) {
        char *above = folder_above(at);
        mem_free(at);
        at = above;
    }
    mem_free(at);
    return same;
}

/* Whether a file's folder is missing, but is made before the file is written. */
static bool lies_in_new_folder(const train_run *r, const char *path)
{
    const char *board = cadre_options_text(r->options, "tensorboard", 0);
    char *folder = folder_above(path);
    bool lies = folder && !file_exists(folder) &&
                (comes_with(folder, r->out) || (board && comes_with(folder, board)));
    mem_free(folder);
    return lies;
}

static cadre_status check_file(const train_run *r, const char *option)
{
    const char *path = cadre_options_text(r->options, option, 0);
    return path && !lies_in_new_folder(r, path) ? destination_file(path) : CADRE_OK;
}

cadre_status train_destinations_check(const train_run *r)
{
    const char *board = cadre_options_text(r->options, "tensorboard", 0);
    CADRE_TRY(destination_folder(r->out));
    CADRE_TRY(check_file(r, "metrics"));
    CADRE_TRY(check_file(r, "watch"));
    return board ? destination_folder(board) : CADRE_OK;
}
