/* corpus_survey.c - what lies at the paths of a corpus, before anything is read. */
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/image_file.h"
#include "format/unpacked_file.h"
#include "text/corpus_lines.h"
#include "text/plain_text.h"

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

/* ---- the files of a domain ---- */

static cadre_status add_source(hash_stream *s, const char *path, int depth, int64_t *bytes)
{
    char **names;
    int count;
    cadre_status status = CADRE_OK;
    if (!file_is_folder(path)) {
        const int64_t facts[] = { file_bytes(path), file_changed(path) };
        hash_stream_add(s, facts, sizeof facts);
        *bytes += facts[0];
        return CADRE_OK;
    }
    if (depth == DEPTH_MAX) return CADRE_OK;
    CADRE_TRY(file_list(path, &names, &count));
    for (int i = 0; i < count && status == CADRE_OK; i++) {
        if (names[i][0] == '.') continue;
        char *inner = file_join(path, names[i]);
        hash_stream_add(s, names[i], strlen(names[i]) + 1);
        status = inner ? add_source(s, inner, depth + 1, bytes) : CADRE_ENOMEM;
        mem_free(inner);
    }
    file_list_free(names, count);
    return status;
}

cadre_status corpus_sources(const corpus_domain *d, hash128 *hash, int64_t *bytes)
{
    hash_stream *s = hash_stream_new();
    if (!s) return CADRE_ENOMEM;
    *bytes = 0;
    hash_stream_add(s, d->name, strlen(d->name) + 1);
    cadre_status status = add_source(s, d->path, 0, bytes);
    *hash = hash_stream_value(s);
    hash_stream_free(s);
    return status;
}

/* ---- the first lines of a domain's files ---- */

/* Reads pieces of the file until a line ends, of which as many bytes are read as of a text's
 * head. */
static cadre_status read_first_line(const char *path, byte_buffer *head)
{
    unpacked_file *f;
    const char *data;
    size_t size = 1;
    CADRE_TRY(unpacked_open(path, &f));
    cadre_status status = CADRE_OK;
    while (status == CADRE_OK && size && head->size < PLAIN_TEXT_HEAD) {
        status = unpacked_next(f, &data, &size);
        if (status == CADRE_OK) status = byte_buffer_put(head, data, size);
        if (status == CADRE_OK && size && memchr(data, '\n', size)) break;
    }
    unpacked_close(f);
    return status;
}

static cadre_status look_into_file(const char *path, bool *found)
{
    byte_buffer head = { 0 };
    if (!corpus_lines_named(path) || !file_bytes(path)) return CADRE_OK; /* a pipe is read once */
    cadre_status status = read_first_line(path, &head);
    if (status == CADRE_OK && head.size)
        *found = corpus_lines_begin_conversation(head.data, head.size);
    byte_buffer_free(&head);
    return status == CADRE_ENOMEM ? status : CADRE_OK;
}

static cadre_status look_into(const char *path, int depth, bool *found)
{
    char **names;
    int count;
    cadre_status status = CADRE_OK;
    if (!file_is_folder(path)) return look_into_file(path, found);
    if (depth == DEPTH_MAX || file_list(path, &names, &count) != CADRE_OK) return CADRE_OK;
    for (int i = 0; i < count && status == CADRE_OK && !*found; i++) {
        if (names[i][0] == '.') continue;
        char *inner = file_join(path, names[i]);
        status = inner ? look_into(inner, depth + 1, found) : CADRE_ENOMEM;
        mem_free(inner);
    }
    file_list_free(names, count);
    return status;
}

cadre_status corpus_begins_conversation(const corpus_domain *d, bool *found)
{
    *found = false;
    return look_into(d->path, 0, found);
}

int64_t corpus_survey(const char *const *paths, int count, int64_t *bytes)
{
    int64_t images = 0;
    *bytes = 0;
    for (int i = 0; i < count; i++) images += survey_path(paths[i], 0, bytes);
    return images;
}
