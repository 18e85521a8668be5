/* safetensors_fuzz.c - any bytes as a safetensors file: refused, or every tensor lies in it, side
 * by side with the others. */
#include "fuzz.h"

#include <string.h>

#include "format/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    safetensors *file;
    if (safetensors_parse("fuzz.safetensors", data, size, &file) != CADRE_OK) {
        fuzz_require(!strncmp(cadre_last_error(), "fuzz.safetensors: ", 18));
        return 0;
    }
    size_t total = 0;
    for (size_t i = 0; i < safetensors_count(file); i++) {
        const safetensors_tensor *t = safetensors_at(file, i);
        fuzz_require(t->data >= data + 8 && t->size <= size && t->data + t->size <= data + size);
        fuzz_require(safetensors_find(file, t->name) == t);
        fuzz_require(
            t->elements >= 0 &&
            (uint64_t)t->elements * (uint64_t)safetensors_dtype_bits(t->dtype) / 8 == t->size);
        if (t->size) fuzz_keep((double)t->data[0] + (double)t->data[t->size - 1]);
        total += t->size;
    }
    fuzz_require(total <= size - 8);
    const char *format = safetensors_metadata(file, "format");
    fuzz_keep(format ? (double)strlen(format) : 0);
    (void)safetensors_verify(file);
    safetensors_close(file);
    return 0;
}
