/* model_frequency.c - what a run of a model that is larger than memory leaves to the next one: how
 * much each expert was used, in the folder .cadre beside the model. */
#include <string.h>

#include "base/destination.h"
#include "base/file.h"
#include "base/memory.h"
#include "cadre/store.h"
#include "kernel/context.h"
#include "model/model.h"

/* "models/olmoe" has models/.cadre/olmoe.experts, "." has ./.cadre/experts. */
static char *folder_of(const char *path, const char **name, int *length)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    *name = path + begin, *length = (int)(end - begin);
    bool itself = path[end - 1] == '.' && (*length == 1 || (*length == 2 && **name == '.'));
    if (itself) *length = 0;
    return itself ? mem_printf("%.*s/.cadre", (int)end, path)
                  : mem_printf("%.*s.cadre", (int)begin, path);
}

static cadre_status kept_path(const cadre_model *m, char **folder, char **path)
{
    const char *name;
    int length;
    *path = NULL;
    if (!(*folder = folder_of(m->path, &name, &length))) return CADRE_ENOMEM;
    *path = mem_printf("%s/%.*s%sexperts", *folder, length, name, length ? "." : "");
    if (*path) return CADRE_OK;
    mem_free(*folder);
    return CADRE_ENOMEM;
}

cadre_status model_kept_use_path(const cadre_model *m, char **path)
{
    char *folder;
    CADRE_TRY(kept_path(m, &folder, path));
    mem_free(folder);
    return CADRE_OK;
}

/* What an earlier run left may be of another model by now, and is no fault then. */
static cadre_status read_kept(const cadre_model *m, policy_shape shape, expert_frequency *past)
{
    char *folder, *path;
    CADRE_TRY(kept_path(m, &folder, &path));
    cadre_status status =
        file_exists(path) ? expert_frequency_read(path, shape, past) : CADRE_EFORMAT;
    mem_free(folder);
    mem_free(path);
    return status == CADRE_ENOMEM ? status : CADRE_OK;
}

static cadre_status warm(
    cadre_model *m, const char *path, cadre_progress_listener progress, void *arg)
{
    expert_store *s = m->store.experts;
    expert_frequency past = { 0 };
    if (!s) {
        if (progress) progress(arg, 0, 0);
        return CADRE_OK;
    }
    if (expert_store_stats(s).picks)
        return cadre_fail(
            CADRE_EARGUMENT, m->path, "expected to be warmed before it runs, found that it ran");
    CADRE_TRY(path ? expert_frequency_read(path, expert_store_shape(s), &past)
                   : read_kept(m, expert_store_shape(s), &past));
    return past.use ? expert_store_warm(s, &past, !path, progress, arg) : CADRE_OK;
}

cadre_status cadre_model_warm(
    cadre_model *m, const char *path, cadre_progress_listener progress, void *arg)
{
    CADRE_TRY(context_enter(m->context));
    return context_leave(m->context, warm(m, path, progress, arg));
}

cadre_status cadre_model_keep_use(cadre_model *m)
{
    char *folder, *path;
    expert_store *s = m->store.experts;
    if (!s || !expert_store_stats(s).picks) return CADRE_OK;
    CADRE_TRY(kept_path(m, &folder, &path));
    cadre_status status = destination_folder(folder);
    if (status == CADRE_OK) status = file_make_folder(folder);
    if (status == CADRE_OK) status = expert_frequency_write(expert_store_frequency(s), path);
    mem_free(folder);
    mem_free(path);
    return status == CADRE_ENOMEM ? status : CADRE_OK;
}
