/* image_fuzz.c - any bytes as an image: refused in one sentence, or every pixel is there. */
#include "fuzz.h"

#include <string.h>

#include "base/memory.h"
#include "format/image_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    image p = { 0 };
    int64_t before = mem_balance();
    if (image_parse("fuzz.png", data, size, &p) != CADRE_OK) {
        fuzz_require(!strncmp(cadre_last_error(), "fuzz.png: ", 10) ||
                     !strncmp(cadre_last_error(), "out of memory", 13));
        fuzz_require(!p.rgb && mem_balance() == before);
        return 0;
    }
    fuzz_require(p.width >= 1 && p.width <= IMAGE_SIDE);
    fuzz_require(p.height >= 1 && p.height <= IMAGE_SIDE);
    fuzz_require(p.width * p.height <= IMAGE_PIXELS);
    double sum = 0;
    for (int64_t i = 0; i < p.width * p.height * 3; i++) sum += p.rgb[i];
    fuzz_keep(sum);
    image_free(&p);
    return 0;
}
