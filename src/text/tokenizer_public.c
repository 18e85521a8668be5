/* tokenizer_public.c - the tokenizer of cadre.h. */
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/model_path.h"
#include "text/tokenizer_gguf.h"
#include "text/tokenizer_parts.h"

static cadre_status begins_as_gguf(const char *path, bool *yes)
{
    file_map map;
    CADRE_TRY(file_map_open(path, &map));
    *yes = map.size >= 4 && memcmp(map.data, "GGUF", 4) == 0;
    file_map_close(&map);
    return CADRE_OK;
}

static cadre_status open_gguf(const char *path, tokenizer **t)
{
    gguf *file;
    CADRE_TRY(gguf_open(path, &file));
    cadre_status status = tokenizer_from_gguf(file, t);
    gguf_close(file);
    return status;
}

static cadre_status open_file(const char *path, tokenizer **t)
{
    bool is_gguf;
    CADRE_TRY(begins_as_gguf(path, &is_gguf));
    return is_gguf ? open_gguf(path, t) : tokenizer_open_json(path, t);
}

static cadre_status open_path(const char *path, tokenizer **t)
{
    if (!file_is_folder(path)) return open_file(path, t);
    char *file = file_join(path, "tokenizer.json");
    if (!file) return CADRE_ENOMEM;
    cadre_status status = tokenizer_open_json(file, t);
    mem_free(file);
    return status;
}

cadre_status tokenizer_open(const char *path, tokenizer **t)
{
    cadre_status status = open_path(path, t);
    if (status == CADRE_EIO) model_path_advise(path);
    return status;
}

bool tokenizer_exists(const char *path)
{
    gguf *file;
    bool there;
    if (!file_is_folder(path)) {
        if (gguf_open(path, &file) != CADRE_OK) return false;
        there = tokenizer_in_gguf(file);
        gguf_close(file);
        return there;
    }
    return file_exists_in(path, "tokenizer.json");
}

cadre_status cadre_tokenizer_open(const char *path, cadre_tokenizer **t)
{
    return tokenizer_open(path, t);
}
void cadre_tokenizer_close(cadre_tokenizer *t) { tokenizer_close(t); }
int32_t cadre_tokenizer_size(const cadre_tokenizer *t) { return tokenizer_size(t); }
void cadre_free(void *result) { mem_free(result); }

cadre_status cadre_tokenizer_encode(const cadre_tokenizer *t, const char *text, size_t size,
    unsigned flags, int32_t **ids, int64_t *count)
{
    token_list list = { 0 };
    cadre_status status = tokenizer_encode(t, text, size, flags, &list);
    if (status == CADRE_OK) status = token_list_reserve(&list, 1); /* an empty list, but not NULL */
    if (status != CADRE_OK) {
        token_list_free(&list);
        return status;
    }
    *ids = list.ids;
    *count = (int64_t)list.count;
    return CADRE_OK;
}

cadre_status cadre_tokenizer_decode(const cadre_tokenizer *t, const int32_t *ids, int64_t count,
    unsigned flags, char **text, size_t *size)
{
    byte_buffer bytes = { 0 };
    for (int64_t i = 0; i < count; i++)
        if (ids[i] < 0 || ids[i] >= tokenizer_size(t))
            return cadre_fail(CADRE_EARGUMENT, t->name, "expected ids in 0..%d, found %d",
                tokenizer_size(t) - 1, ids[i]);
    cadre_status status = tokenizer_decode(t, ids, (size_t)count, flags, &bytes);
    if (status == CADRE_OK) status = byte_buffer_put(&bytes, "", 1);
    if (status != CADRE_OK) {
        byte_buffer_free(&bytes);
        return status;
    }
    *text = bytes.data;
    *size = bytes.size - 1;
    return CADRE_OK;
}
