/* dequantise_test.c - block formats against the Python package gguf: by hashes that
 * tests/oracle/dequantise.py made of its values, and where $CADRE_PYTHON has the package, number by
 * number on random and extreme blocks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "kernel/number.h"
#include "support/scratch.h"

static const struct {
    const char *format;
    uint64_t hash;
} expected[] = {
    { "q8_0", 0x7a835148ef7c7e1f },
    { "q4_0", 0xce4fb65a99429166 },
    { "q4_1", 0x1d3947e7aa32144a },
    { "q5_0", 0x26f3b3c8dda20f4e },
    { "q5_1", 0xc7c1aed9f843bc12 },
    { "q2_k", 0x51bb59e63997ed1b },
    { "q3_k", 0xf355e2b7fc11f412 },
    { "q4_k", 0xa0d2d76760c7e772 },
    { "q5_k", 0xac0f4c4297476e43 },
    { "q6_k", 0x99d81018bf15d3ea },
    { "iq4_nl", 0x1994cb3c7fc193d3 },
    { "iq4_xs", 0x8f752c88ffaa98b4 },
    { "mxfp4", 0x83667737bbd7cd5f },
    { "nvfp4", 0x699c4c18b172422a },
    { "iq3_s", 0xf40b1fb9c01a3e07 },
    { "iq3_xxs", 0x1ff6dac2f23c3e20 },
    { "iq2_s", 0x179ccd1ab947dce3 },
    { "iq2_xs", 0x0a18692be6f1b1f8 },
    { "iq2_xxs", 0xcb55aea56c60d3f6 },
    { "iq1_m", 0x650501c1efaa36a9 },
    { "iq1_s", 0x0f113ac1de9d4072 },
    { "tq2_0", 0x5937617d2de44888 },
    { "tq1_0", 0xd69e33512e301d83 },
};
enum { FORMATS = sizeof expected / sizeof *expected, SAME_BLOCKS = 64 };

/* The bits of a value, every NaN the same: which of them comes out is the processor's choice. */
static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return isnan(value) ? 0x7fc00000 : bits;
}

/* ---- hashes ---- */

/* The bytes of splitmix64 from 0; the last two blocks zeros and ones. */
static void make_same_blocks(uint8_t *blocks, size_t size)
{
    for (size_t i = 0; i < SAME_BLOCKS * size / 8; i++) {
        uint64_t z = (i + 1) * 0x9e3779b97f4a7c15;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
        z = (z ^ z >> 27) * 0x94d049bb133111eb;
        z ^= z >> 31;
        memcpy(blocks + 8 * i, &z, 8);
    }
    memset(blocks + (SAME_BLOCKS - 2) * size, 0, size);
    memset(blocks + (SAME_BLOCKS - 1) * size, 255, size);
}

static void hashes_are_the_references(void **state)
{
    (void)state;
    static uint8_t blocks[SAME_BLOCKS * 256];
    static float values[SAME_BLOCKS * 256];
    for (int k = 0; k < FORMATS; k++) {
        const number_format *f = number_by_name(expected[k].format);
        assert_non_null(f);
        make_same_blocks(blocks, (size_t)f->block_bytes);
        f->unpack(blocks, values, SAME_BLOCKS * f->block);
        uint64_t hash = 0;
        for (uint64_t i = 0; i < (uint64_t)(SAME_BLOCKS * f->block); i++) {
            uint64_t mixed = (bits_of(values[i]) + (uint64_t)1) * (2 * i + 1) * 0x9e3779b97f4a7c15;
            hash += mixed ^ mixed >> 29;
        }
        if (hash != expected[k].hash)
            fail_msg("%s: hash 0x%016llx", f->name, (unsigned long long)hash);
    }
}

/* ---- number by number ---- */

static void read_made(const char *format, const char *what, char **data, size_t *size)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%s", format, what);
    if (file_read(scratch_file(name), (size_t)1 << 28, data, size) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
}

static void compare(const number_format *f)
{
    char *blocks, *theirs;
    size_t block_bytes, bytes;
    read_made(f->name, "blocks", &blocks, &block_bytes);
    read_made(f->name, "values", &theirs, &bytes);
    int64_t count = (int64_t)bytes / 4;
    assert_int_equal(number_row_bytes(f, count), block_bytes);
    float *ours = MEM_ARRAY(float, count);
    f->unpack(blocks, ours, count);
    for (int64_t i = 0; i < count; i++) {
        float value;
        memcpy(&value, theirs + 4 * i, 4);
        if (bits_of(value) != bits_of(ours[i]))
            fail_msg("%s: element %lld: expected %a, found %a", f->name, (long long)i,
                (double)value, (double)ours[i]);
    }
    mem_free(ours);
    mem_free(blocks);
    mem_free(theirs);
}

static void every_number_is_the_references(void **state)
{
    (void)state;
    char command[1024];
    const char *python = getenv("CADRE_PYTHON");
    if (!python) {
        printf("SKIP: CADRE_PYTHON names no Python with gguf: dequantise.py\n");
        skip();
    }
    snprintf(command, sizeof command, "'%s' tests/oracle/dequantise.py make '%s'", python,
        scratch_folder());
    if (system(command) != 0) fail_msg("%s", command);
    for (int k = 0; k < FORMATS; k++) compare(number_by_name(expected[k].format));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_the_references),
        cmocka_unit_test(every_number_is_the_references),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
