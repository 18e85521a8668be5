/* gguf.c - opens one GGUF file or a split set, and finds tensors by name. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "format/gguf_header.h"
#include "format/quote.h"

enum { SPLIT_FILES = 10000 };

void gguf_close(gguf *file)
{
    if (!file) return;
    for (size_t i = 0; i < file->part_count; i++) gguf_part_close(&file->parts[i]);
    mem_free(file->parts);
    mem_free(file->first);
    mem_free((void *)file->tensors);
    mem_free(file->tensors_by_name);
    mem_free(file);
}

size_t gguf_part_of(const gguf *file, const uint8_t *at, int64_t *offset)
{
    size_t part = 0;
    while ((*offset = file_map_offset(&file->parts[part].map, at)) < 0) part++;
    return part;
}

const char *gguf_part_path(const gguf *file, size_t part) { return file->parts[part].path; }

/* ---- split sets ---- */

static cadre_status read_part(gguf_part *part, const char *path)
{
    if (!(part->path = mem_strdup(path))) return CADRE_ENOMEM;
    if (!part->borrowed) CADRE_TRY(file_map_open(path, &part->map));
    return gguf_part_read(part);
}

/* Checks what part number `number` says about the set that it belongs to. */
static cadre_status check_split(gguf *file, size_t number, int64_t count)
{
    int64_t no, of;
    const gguf view = { .parts = &file->parts[number], .part_count = 1 };
    CADRE_TRY(gguf_get_int(&view, "split.no", (int64_t)number, (int64_t)number, &no));
    return gguf_get_int(&view, "split.count", count, count, &of);
}

/* Opens the other files of a set. The first is named STEM-00001-of-NNNNN.gguf; in the others' names
 * that number differs. */
static cadre_status open_others(gguf *file, int64_t count)
{
    char tail[40];
    char *path = file->parts[0].path;
    size_t length = strlen(path),
           tail_length = (size_t)snprintf(tail, sizeof tail, "-00001-of-%05d.gguf", (int)count);
    if (length < tail_length || strcmp(path + length - tail_length, tail))
        return cadre_fail(CADRE_EFORMAT, path,
            "expected the first file of %d, whose name ends in %s", (int)count, tail);
    gguf_part *parts = mem_resize(file->parts, 1, (size_t)count, sizeof *parts);
    if (!parts) return CADRE_ENOMEM;
    file->parts = parts;
    CADRE_TRY(check_split(file, 0, count));
    for (int i = 1; i < (int)count; i++) {
        char *other = mem_printf(
            "%.*s-%05d-of-%05d.gguf", (int)(length - tail_length), path, i + 1, (int)count);
        if (!other) return CADRE_ENOMEM;
        cadre_status status = read_part(&file->parts[file->part_count++], other);
        mem_free(other);
        CADRE_TRY(status);
        CADRE_TRY(check_split(file, (size_t)i, count));
    }
    return CADRE_OK;
}

/* ---- opening ---- */

static cadre_status join_tensors(gguf *file)
{
    size_t total = 0;
    if (!(file->first = MEM_ARRAY(size_t, file->part_count + 1))) return CADRE_ENOMEM;
    for (size_t i = 0; i < file->part_count; i++)
        file->first[i + 1] = total += file->parts[i].tensor_count;
    if (!(file->tensors = MEM_ARRAY(const uint8_t *, total))) return CADRE_ENOMEM;
    for (size_t i = 0; i < file->part_count; i++) {
        gguf_part *part = &file->parts[i];
        if (part->tensor_count)
            memcpy((void *)(file->tensors + file->first[i]), (const void *)part->tensors,
                part->tensor_count * sizeof *part->tensors);
        mem_free((void *)part->tensors);
        part->tensors = NULL;
    }
    return CADRE_OK;
}

static cadre_status sort_tensors(gguf *file)
{
    size_t count = gguf_tensor_count(file);
    if (!(file->tensors_by_name = gguf_sort(file->tensors, count))) return CADRE_ENOMEM;
    const uint8_t *twice = gguf_twice(file->tensors, file->tensors_by_name, count);
    if (!twice) return CADRE_OK;
    gguf_string name = gguf_entry_name(twice);
    return cadre_fail(CADRE_EFORMAT, gguf_path(file),
        "%s: expected this tensor once, found it twice", quote_bytes(name.data, name.size).text);
}

static cadre_status open_all(gguf *file, const char *path)
{
    int64_t parts = 1, total = -1;
    CADRE_TRY(read_part(&file->parts[0], path));
    CADRE_TRY(gguf_opt_int(file, "split.count", 0, SPLIT_FILES, &parts));
    if (parts > 1 && file->parts[0].borrowed)
        return cadre_fail(CADRE_EUNSUPPORTED, path,
            "expected a GGUF file of its own, found one of %d", (int)parts);
    if (parts > 1) CADRE_TRY(open_others(file, parts));
    CADRE_TRY(join_tensors(file));
    CADRE_TRY(gguf_opt_int(file, "split.tensors.count", 0, INT32_MAX, &total));
    if (parts > 1 && total >= 0 && (size_t)total != gguf_tensor_count(file))
        return cadre_fail(CADRE_EFORMAT, path, "expected %lld tensors in %d files, found %zu",
            (long long)total, (int)parts, gguf_tensor_count(file));
    return sort_tensors(file);
}

static cadre_status open_map(const char *path, gguf_part first, gguf **file)
{
    gguf *opened = MEM_ARRAY(gguf, 1);
    if (!opened) return CADRE_ENOMEM;
    cadre_status status = CADRE_ENOMEM;
    if ((opened->parts = MEM_ARRAY(gguf_part, 1))) {
        opened->parts[0] = first;
        opened->part_count = 1;
        status = open_all(opened, path);
    }
    if (status == CADRE_OK) *file = opened;
    else gguf_close(opened);
    return status;
}

cadre_status gguf_open(const char *path, gguf **file)
{
    return open_map(path, (gguf_part){ 0 }, file);
}

cadre_status gguf_parse(const char *name, const void *data, size_t size, gguf **file)
{
    return open_map(name, (gguf_part){ .map = { data, size }, .borrowed = true }, file);
}

const char *gguf_path(const gguf *file) { return file->parts[0].path; }

/* ---- tensors ---- */

size_t gguf_tensor_count(const gguf *file) { return file->first[file->part_count]; }

gguf_tensor gguf_tensor_at(const gguf *file, size_t index)
{
    size_t low = 0, high = file->part_count; /* first[low] <= index < first[high] */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (file->first[middle] <= index) low = middle;
        else high = middle;
    }
    size_t offset;
    gguf_tensor t = gguf_entry_tensor(file->tensors[index], &offset);
    t.data = file->parts[low].data + offset;
    return t;
}

bool gguf_tensor_find(const gguf *file, const char *name, gguf_tensor *tensor)
{
    size_t index;
    if (!gguf_search(file->tensors, file->tensors_by_name, gguf_tensor_count(file), name, &index))
        return false;
    *tensor = gguf_tensor_at(file, index);
    return true;
}

cadre_status gguf_tensor_get(const gguf *file, const char *name, gguf_tensor *tensor)
{
    if (gguf_tensor_find(file, name, tensor)) return CADRE_OK;
    return cadre_fail(
        CADRE_EFORMAT, gguf_path(file), "expected a tensor %s, found none", quote_text(name).text);
}
