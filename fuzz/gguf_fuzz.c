/* gguf_fuzz.c - any bytes as a GGUF file: refused, or every key and tensor can be read. */
#include "fuzz.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "format/gguf.h"
#include "kernel/number.h"

/* All items of an array; strings by their first and last byte. */
static double read_array(const gguf *file, const char *key)
{
    gguf_array a;
    double sum = 0;
    if (gguf_get_array(file, key, &a) != CADRE_OK) return 0;
    if (a.type == GGUF_STRING) {
        gguf_string *items = MEM_ARRAY(gguf_string, a.count);
        gguf_array_strings(&a, items);
        for (size_t i = 0; i < a.count; i++)
            if (items[i].size) sum += items[i].data[0] + items[i].data[items[i].size - 1];
        mem_free(items);
    } else {
        for (size_t i = 0; i < a.count; i++) sum += gguf_array_real(&a, i);
        for (size_t i = 0; i < a.count && gguf_array_is_int(&a); i++)
            sum += (double)gguf_array_int(&a, i);
    }
    return sum;
}

static double read_key(const gguf *file, const char *key)
{
    int64_t integer = 0;
    double real = 0;
    bool flag = false;
    gguf_string text = { "", 0 };
    fuzz_require(gguf_has(file, key));
    if (gguf_get_int(file, key, INT64_MIN, INT64_MAX, &integer) != CADRE_OK)
        fuzz_require(*cadre_last_error());
    if (gguf_get_real(file, key, -DBL_MAX, DBL_MAX, &real) != CADRE_OK)
        fuzz_require(*cadre_last_error());
    if (gguf_opt_bool(file, key, &flag) != CADRE_OK) fuzz_require(*cadre_last_error());
    if (gguf_get_string(file, key, &text) == CADRE_OK && text.size)
        real += text.data[text.size - 1];
    return real + (double)integer + flag + read_array(file, key);
}

/* As numbers: whatever the bytes are, they are within the tensor. */
static double first_and_last_block(const gguf_tensor *t)
{
    float values[256];
    double sum = 0;
    const number_format *f = number_by_gguf(t->type);
    for (int last = 0; f && t->elements >= f->block && last < 2; last++) {
        f->unpack(t->data + (last ? t->size - (size_t)f->block_bytes : 0), values, f->block);
        for (int i = 0; i < f->block; i++) sum += (double)values[i];
    }
    return sum;
}

static void read_tensor(const gguf *file, size_t index, const uint8_t *data, size_t size)
{
    gguf_tensor t = gguf_tensor_at(file, index), found;
    fuzz_require(t.data >= data && t.data <= data + size && t.size <= size &&
                 t.data + t.size <= data + size);
    fuzz_require(
        gguf_tensor_find(file, t.name, &found) && found.data == t.data && found.size == t.size);
    if (t.size) fuzz_keep((double)t.data[0] + (double)t.data[t.size - 1]);
    fuzz_keep(first_and_last_block(&t));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    gguf *file;
    if (gguf_parse("fuzz.gguf", data, size, &file) != CADRE_OK) {
        fuzz_require(!strncmp(cadre_last_error(), "fuzz.gguf: ", 11));
        return 0;
    }
    for (size_t i = 0; i < gguf_key_count(file); i++) {
        gguf_string name = gguf_key_at(file, i);
        char *key = mem_printf("%.*s", (int)name.size, name.data);
        fuzz_keep(read_key(file, key));
        mem_free(key);
    }
    for (size_t i = 0; i < gguf_tensor_count(file); i++) read_tensor(file, i, data, size);
    gguf_close(file);
    return 0;
}
