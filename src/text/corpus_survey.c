/* corpus_survey.c - what lies at the paths of a corpus, before anything is read. */
#include "base/file.h"
#include "base/memory.h"
#include "format/image_file.h"
#include "text/corpus.h"

enum { DEPTH_MAX = 32 }; /* of folders in folders */

static int64_t survey_path(const char *path, int depth, int64_t *bytes)
{
    char **names;
    int count;
    int64_t images = 0;
    if (!file_is_folder(path)) {
        *bytes += file_bytes(path);
        return image_named(path);
    }
    if (depth == DEPTH_MAX || file_list(path, &names, &count) != CADRE_OK) return 0;
    for (int i = 0; i < count; i++) {
        char *inner = names[i][0] == '.' ? NULL : file_join(path, names[i]);
        if (inner) images += survey_path(inner, depth + 1, bytes);
        mem_free(inner);
    }
    file_list_free(names, count);
    return images;
}

int64_t corpus_survey(const char *const *paths, int count, int64_t *bytes)
{
    int64_t images = 0;
    *bytes = 0;
    for (int i = 0; i < count; i++) images += survey_path(paths[i], 0, bytes);
    return images;
}
