/* weight_file.c - gives the two kinds of file one interface. */
#include "weights/weight_file.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"

bool path_is_gguf(const char *path)
{
    size_t size = strlen(path);
    return size > 5 && !strcasecmp(path + size - 5, ".gguf");
}

cadre_status weight_file_open(const char *path, weight_file *f)
{
    weight_file opened = { 0 };
    CADRE_TRY(file_is_folder(path) ? safetensors_open(path, &opened.folder)
                                   : gguf_open(path, &opened.gguf));
    *f = opened;
    return CADRE_OK;
}

void weight_file_close(weight_file *f)
{
    safetensors_close(f->folder);
    gguf_close(f->gguf);
    *f = (weight_file){ 0 };
}

const char *weight_file_path(const weight_file *f)
{
    return f->gguf ? gguf_path(f->gguf) : safetensors_path(f->folder);
}

file_range weight_file_range(const weight_file *f, const uint8_t *at, int64_t bytes)
{
    file_range r = { .bytes = bytes };
    r.file = f->gguf ? gguf_part_of(f->gguf, at, &r.offset)
                     : safetensors_shard_of(f->folder, at, &r.offset);
    return r;
}

const char *weight_file_path_of(const weight_file *f, size_t file)
{
    return f->gguf ? gguf_part_path(f->gguf, file) : safetensors_shard_path(f->folder, file);
}

static stored_tensor of_safetensors(const safetensors_tensor *t)
{
    stored_tensor s = { .type = t->dtype,
        .format = number_by_safetensors(t->dtype),
        .rank = t->rank,
        .data = t->data,
        .size = t->size };
    memcpy(s.shape, t->shape, (size_t)t->rank * sizeof *s.shape);
    return s;
}

static stored_tensor of_gguf(const gguf_tensor *t)
{
    stored_tensor s = { .type = gguf_tensor_type_name(t->type),
        .format = number_by_gguf(t->type),
        .rank = t->rank,
        .data = t->data,
        .size = t->size };
    for (int i = 0; i < t->rank; i++) s.shape[i] = t->extent[t->rank - 1 - i];
    return s;
}

int64_t weight_file_bytes(const weight_file *f)
{
    char name[GGUF_NAME];
    stored_tensor t;
    int64_t bytes = 0;
    for (size_t i = 0; i < weight_file_count(f); i++) {
        weight_file_at(f, i, name, &t);
        bytes += (int64_t)t.size;
    }
    return bytes;
}

bool weight_file_find(const weight_file *f, const char *name, stored_tensor *out)
{
    if (f->gguf) {
        gguf_tensor t;
        if (!gguf_tensor_find(f->gguf, name, &t)) return false;
        *out = of_gguf(&t);
        return true;
    }
    const safetensors_tensor *t = safetensors_find(f->folder, name);
    if (!t) return false;
    *out = of_safetensors(t);
    return true;
}

size_t weight_file_count(const weight_file *f)
{
    return f->gguf ? gguf_tensor_count(f->gguf) : safetensors_count(f->folder);
}

const char *weight_file_at(
    const weight_file *f, size_t index, char buffer[GGUF_NAME], stored_tensor *out)
{
    if (f->gguf) {
        gguf_tensor t = gguf_tensor_at(f->gguf, index);
        *out = of_gguf(&t);
        return memcpy(buffer, t.name, GGUF_NAME);
    }
    const safetensors_tensor *t = safetensors_at(f->folder, index);
    *out = of_safetensors(t);
    return t->name;
}

bool stored_has_shape(const stored_tensor *t, int rank, const int64_t *shape)
{
    int i = 0, j = 0;
    if (!t->rank) return rank == 1 && shape[0] == 1; /* a scalar */
    while (i < t->rank - 1 && t->shape[i] == 1) i++;
    while (j < rank - 1 && shape[j] == 1) j++;
    if (t->rank - i != rank - j) return false;
    for (; j < rank; i++, j++)
        if (t->shape[i] != shape[j]) return false;
    return true;
}

cadre_status stored_refuse_shape(
    const weight_file *f, const char *name, int rank, const int64_t *shape, const stored_tensor *t)
{
    char expected[96] = "", found[256] = "";
    for (int i = 0; i < rank; i++)
        snprintf(expected + strlen(expected), sizeof expected - strlen(expected), "%s%lld",
            i ? ", " : "", (long long)shape[i]);
    for (int i = 0; i < t->rank; i++)
        snprintf(found + strlen(found), sizeof found - strlen(found), "%s%lld", i ? ", " : "",
            (long long)t->shape[i]);
    return cadre_fail(CADRE_EMISMATCH, weight_file_path(f),
        "%s: expected a shape of [%s], found [%s]", name, expected, found);
}
