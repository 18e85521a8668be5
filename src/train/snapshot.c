/* snapshot.c - makes snapshots of a run's folder, of links to its files. */
#include "train/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

static const char kept_prefix[] = "checkpoint-", begun_suffix[] = ".tmp-new";

/* Whether a file is not part of a snapshot: folders, logs, and files that are not complete */
static bool stays_out(const char *folder, const char *name)
{
    char *path = file_join(folder, name);
    bool out = !path || file_is_folder(path) || strstr(name, ".tmp-") ||
               !strcmp(name, "metrics.jsonl") || !strcmp(name, "ranks.jsonl");
    mem_free(path);
    return out;
}

static cadre_status link_into(const char *from, const char *to, const char *name)
{
    char *a = file_join(from, name), *b = file_join(to, name);
    cadre_status status = a && b ? file_link(a, b) : CADRE_ENOMEM;
    mem_free(a);
    mem_free(b);
    return status;
}

/* Calls visit for every name in the folder until one fails. */
static cadre_status each_name(const char *folder,
    cadre_status (*visit)(const char *folder, const char *name, const void *arg), const void *arg)
{
    char **names;
    int count;
    CADRE_TRY(file_list(folder, &names, &count));
    cadre_status status = CADRE_OK;
    for (int i = 0; i < count && status == CADRE_OK; i++) status = visit(folder, names[i], arg);
    file_list_free(names, count);
    return status;
}

static cadre_status remove_name(const char *folder, const char *name, const void *arg)
{
    (void)arg;
    char *path = file_join(folder, name);
    cadre_status status = path ? file_remove(path) : CADRE_ENOMEM;
    mem_free(path);
    return status;
}

static cadre_status remove_snapshot(const char *path)
{
    if (!file_is_folder(path)) return CADRE_OK;
    CADRE_TRY(each_name(path, remove_name, NULL));
    file_remove_folder(path);
    return CADRE_OK;
}

static cadre_status link_name(const char *folder, const char *name, const void *to)
{
    return stays_out(folder, name) ? CADRE_OK : link_into(folder, to, name);
}

/* The snapshot is completed under a temporary name, and then renamed. */
cadre_status snapshot_take(const char *folder, const char *name)
{
    char *path = file_join(folder, name),
         *begun = mem_printf("%s/%s%s", folder, name, begun_suffix);
    cadre_status status = path && begun ? remove_snapshot(begun) : CADRE_ENOMEM;
    if (status == CADRE_OK) status = file_make_folder(begun);
    if (status == CADRE_OK) status = each_name(folder, link_name, begun);
    if (status == CADRE_OK) status = remove_snapshot(path);
    if (status == CADRE_OK) status = file_move(begun, path);
    mem_free(path);
    mem_free(begun);
    return status;
}

static cadre_status remove_begun(const char *folder, const char *name, const void *arg)
{
    (void)arg;
    size_t size = strlen(name), suffix = sizeof begun_suffix - 1;
    if (size <= suffix || strcmp(name + size - suffix, begun_suffix) != 0) return CADRE_OK;
    char *path = file_join(folder, name);
    cadre_status status = path ? remove_snapshot(path) : CADRE_ENOMEM;
    mem_free(path);
    return status;
}

cadre_status snapshot_sweep(const char *folder) { return each_name(folder, remove_begun, NULL); }

static bool is_kept(const char *name)
{
    size_t prefix = sizeof kept_prefix - 1;
    return !strncmp(name, kept_prefix, prefix) && strlen(name) == prefix + 9 &&
           strspn(name + prefix, "0123456789") == 9;
}

static cadre_status remove_oldest(const char *folder, int64_t keep)
{
    char **names;
    int count;
    int64_t there = 0;
    CADRE_TRY(file_list(folder, &names, &count));
    cadre_status status = CADRE_OK;
    for (int i = 0; i < count; i++) there += is_kept(names[i]);
    for (int i = 0; i < count && status == CADRE_OK; i++) { /* in the order of steps */
        if (!is_kept(names[i]) || there-- <= keep) continue;
        char *path = file_join(folder, names[i]);
        status = path ? remove_snapshot(path) : CADRE_ENOMEM;
        mem_free(path);
    }
    file_list_free(names, count);
    return status;
}

cadre_status snapshot_keep(const char *folder, int64_t step, int64_t keep)
{
    char name[64];
    snprintf(name, sizeof name, "%s%09" PRId64, kept_prefix, step);
    CADRE_TRY(snapshot_take(folder, name));
    return remove_oldest(folder, keep);
}
