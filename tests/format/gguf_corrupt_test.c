/* gguf_corrupt_test.c - damaged and hostile GGUF files, each by its name: refused, in one sentence,
 * in little time and memory. */
#ifndef _GNU_SOURCE
    #define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/memory.h"
#include "format/gguf.h"
#include "support/gguf_sample.h"
#include "support/heap_peak.h"
#include "support/refusal.h"

static const char path[] = "x.gguf";

/* One field overwritten; "size" cuts or lengthens the file to `value` bytes, "size of" to the place
 * of field `of`. */
typedef struct patch {
    const char *field;
    int bytes;
    uint64_t value;
} patch;

typedef struct kind {
    const char *name;
    const char *phrase; /* of the refusal */
    patch patches[4];
} kind;

#define BIG UINT64_MAX
static const kind kinds[] = {
    /* the frame */
    { "empty file", "begins with \"\"", { { "size", 0, 0 } } },
    { "three bytes", "begins with \"GGU\"", { { "size", 0, 3 } } },
    { "magic alone", "the version", { { "size", 0, 4 } } },
    { "no counts", "number of tensors", { { "size", 0, 8 } } },
    { "half a count", "number of keys", { { "size", 0, 20 } } },
    { "wrong magic", "expected a GGUF file", { { "magic", 1, 'g' } } },
    { "magic of an older format", "ggjt", { { "magic", 4, 0x746a6767 } } },
    { "magic with control characters", "\\x1b", { { "magic", 1, 27 } } },
    { "version 0", "version 2 or 3, found 0", { { "version", 4, 0 } } },
    { "version 1", "version 2 or 3, found 1", { { "version", 4, 1 } } },
    { "version 4", "version 2 or 3, found 4", { { "version", 4, 4 } } },
    { "version from the far future", "found 4294967295", { { "version", 4, 0xffffffff } } },
    { "big-endian", "big-endian", { { "version", 4, 3u << 24 } } },
    /* counts: CVE-2024-23605, and the sums of CVE-2025-53630, CVE-2026-27940 */
    { "tensor count of 2^64-1", "expected at most", { { "tensors", 8, BIG } } },
    { "tensor count that wraps when multiplied", "expected at most",
        { { "tensors", 8, 1ull << 61 } } },
    { "tensor count beyond the file", "tensors in", { { "tensors", 8, 1000 } } },
    { "key count of 2^64-1", "expected at most", { { "keys", 8, BIG } } },
    { "key count that wraps when multiplied", "expected at most",
        { { "keys", 8, 0x5555555555555556 } } },
    { "key count beyond the file", "keys in", { { "keys", 8, 2000 } } },
    { "one tensor too many", "", { { "tensors", 8, 5 } } },
    { "one tensor too few", "expected at most", { { "tensors", 8, 3 } } },
    { "one key too many", "a tensor's name", { { "keys", 8, 17 } } },
    { "one key too few", "", { { "keys", 8, 15 } } },
    { "no tensors but data", "expected at most", { { "tensors", 8, 0 } } },
    /* keys */
    { "key length 0", "a key of 1..65535", { { "k.u8.length", 8, 0 } } },
    { "key length 65536", "a key of 1..65535", { { "k.u8.length", 8, 65536 } } },
    { "key length 2^64-1", "a key of 1..65535", { { "k.u8.length", 8, BIG } } },
    { "key length 2^63", "a key of 1..65535", { { "k.u8.length", 8, 1ull << 63 } } },
    { "key beyond the file", "cut short", { { "k.u8.length", 8, 60000 } } },
    { "key with NUL", "printable UTF-8", { { "k.u8.name", 1, 0 } } },
    { "key with a line end", "printable UTF-8", { { "k.u8.name", 1, '\n' } } },
    { "key with an escape sequence", "\\x1b", { { "k.u8.name", 2, 0x5b1b } } },
    { "key that is not UTF-8", "printable UTF-8", { { "k.u8.name", 1, 0xff } } },
    { "key twice", "k.i8: expected this key once",
        { { "k.u8.name", 4, 0x38692e6b }, { "k.i8.name", 4, 0x38692e6b } } },
    { "key twice, far apart", "k.i64: expected this key once",
        { { "k.u64.name", 5, 0x3436692e6b } } },
    { "value type 13", "a value type of 0..12", { { "k.u8.type", 4, 13 } } },
    { "value type 2^32-1", "a value type of 0..12", { { "k.u8.type", 4, 0xffffffff } } },
    { "value type wider than its value", "", { { "k.u8.type", 4, 4 } } },
    { "boolean of 2", "k.bool: expected booleans of 0 or 1, found 2",
        { { "k.bool.value", 1, 2 } } },
    /* strings and arrays: CVE-2025-66960, and the length that once made a parser ask for a
     * terabyte */
    { "string length 2^64-1", "cut short", { { "general.architecture.value", 8, BIG } } },
    { "string length 2^40", "cut short", { { "general.architecture.value", 8, 1ull << 40 } } },
    { "string one byte beyond the file", "5 bytes of a string",
        { { "tensors", 8, 0 }, { "keys", 8, 1 }, { "size", 0, 68 } } },
    { "array of arrays", "array of arrays", { { "k.ints.items", 4, 9 } } },
    { "array of type 13", "a value type of 0..12", { { "k.ints.items", 4, 13 } } },
    { "array count 2^64-1", "no more values", { { "k.ints.count", 8, BIG } } },
    { "array count that wraps to 0 bytes", "no more values",
        { { "k.ints.count", 8, 1ull << 62 } } },
    { "array count beyond the file", "no more values", { { "k.ints.count", 8, 100000 } } },
    { "array of strings, count 2^64-1", "no more strings", { { "k.strings.count", 8, BIG } } },
    { "array of strings, count 2^61", "no more strings", { { "k.strings.count", 8, 1ull << 61 } } },
    { "array of strings, string length 2^64-1", "cut short", { { "k.strings.first", 8, BIG } } },
    { "array of booleans of 9", "k.bools: expected booleans", { { "k.bools.first", 1, 9 } } },
    { "array count 0 where three are", "", { { "k.ints.count", 8, 0 } } },
    /* alignment */
    { "alignment 0", "general.alignment", { { "general.alignment.value", 4, 0 } } },
    { "alignment 1", "general.alignment", { { "general.alignment.value", 4, 1 } } },
    { "alignment 33", "general.alignment", { { "general.alignment.value", 4, 33 } } },
    { "alignment 2^31", "general.alignment", { { "general.alignment.value", 4, 0x80000000 } } },
    { "alignment 2^17", "general.alignment", { { "general.alignment.value", 4, 1 << 17 } } },
    { "alignment of type i32", "general.alignment", { { "general.alignment.type", 4, 5 } } },
    { "alignment of type f32", "general.alignment", { { "general.alignment.type", 4, 6 } } },
    { "alignment that the offsets do not follow", "", { { "general.alignment.value", 4, 64 } } },
    /* tensors: CVE-2024-21802, CVE-2026-33298, CVE-2026-7482 */
    { "tensor name length 0", "a tensor's name of 1..63", { { "t.f32.length", 8, 0 } } },
    { "tensor name length 64", "a tensor's name of 1..63", { { "t.f32.length", 8, 64 } } },
    { "tensor name length 2^64-1", "a tensor's name of 1..63", { { "t.f32.length", 8, BIG } } },
    { "tensor name with NUL", "printable UTF-8", { { "t.f32.name", 1, 0 } } },
    { "tensor name twice", "t.f32: expected this tensor once",
        { { "t.f16.name", 5, 0x3233662e74 } } },
    { "rank 5", "at most 4 dimensions", { { "t.f32.rank", 4, 5 } } },
    { "rank 2^32-1", "at most 4 dimensions", { { "t.f32.rank", 4, 0xffffffff } } },
    { "rank one more than its extents", "", { { "t.f32.rank", 4, 3 } } },
    { "rank one less than its extents", "", { { "t.f32.rank", 4, 1 } } },
    { "extent -1", "dimensions below 2^63", { { "t.f32.ne0", 8, BIG } } },
    { "extent -2^63", "dimensions below 2^63", { { "t.f32.ne0", 8, 1ull << 63 } } },
    { "extents 2^32 x 2^32, a product that wraps to 0", "fits 64 bits",
        { { "t.f32.ne0", 8, 1ull << 32 }, { "t.f32.ne1", 8, 1ull << 32 } } },
    { "extents whose bytes wrap to 4", "fits 64 bits",
        { { "t.f32.ne0", 8, (1ull << 62) + 1 }, { "t.f32.ne1", 8, 1 } } },
    { "extents whose product wraps to 12", "fits 64 bits",
        { { "t.f32.ne0", 8, 0xaaaaaaaaaaaaaab }, { "t.f32.ne1", 8, 0x1000000000000003 } } },
    { "an exabyte", "fits 64 bits", { { "t.f32.ne0", 8, 1ull << 60 }, { "t.f32.ne1", 8, 4 } } },
    { "row shorter than a block", "whole Q8_0 blocks", { { "t.q8_0.ne0", 8, 31 } } },
    { "row of one and a half blocks", "whole Q8_0 blocks", { { "t.q8_0.ne0", 8, 48 } } },
    { "row of 32 in blocks of 256", "whole Q4_K blocks", { { "t.q8_0.type", 4, 12 } } },
    { "row of one and a half blocks of 256", "whole Q6_K blocks",
        { { "t.q8_0.type", 4, 14 }, { "t.q8_0.ne0", 8, 384 } } },
    { "row of 32 in IQ2_XXS",
        "t.q8_0: expected a shape that fits 64 bits and rows of whole IQ2_XXS blocks",
        { { "t.q8_0.type", 4, 16 } } },
    { "row of 32 in IQ2_XS",
        "t.q8_0: expected a shape that fits 64 bits and rows of whole IQ2_XS blocks",
        { { "t.q8_0.type", 4, 17 } } },
    { "row of 32 in IQ3_XXS",
        "t.q8_0: expected a shape that fits 64 bits and rows of whole IQ3_XXS blocks",
        { { "t.q8_0.type", 4, 18 } } },
    { "row of 32 in IQ1_S",
        "t.q8_0: expected a shape that fits 64 bits and rows of whole IQ1_S blocks",
        { { "t.q8_0.type", 4, 19 } } },
    { "row of 32 in IQ3_S",
        "t.q8_0: expected a shape that fits 64 bits and rows of whole IQ3_S blocks",
        { { "t.q8_0.type", 4, 21 } } },
    { "row of 32 in IQ2_S",
        "t.q8_0: expected a shape that fits 64 bits and rows of whole IQ2_S blocks",
        { { "t.q8_0.type", 4, 22 } } },
    { "row of 32 in IQ4_XS",
        "t.q8_0: expected a shape that fits 64 bits and rows of whole IQ4_XS blocks",
        { { "t.q8_0.type", 4, 23 } } },
    { "row of 32 in IQ1_M",
        "t.q8_0: expected a shape that fits 64 bits and rows of whole IQ1_M blocks",
        { { "t.q8_0.type", 4, 29 } } },
    { "row of 48 in IQ4_NL",
        "t.q8_0: expected a shape that fits 64 bits and rows of whole IQ4_NL blocks",
        { { "t.q8_0.type", 4, 20 }, { "t.q8_0.ne0", 8, 48 } } },
    { "rows of IQ4_NL in the bytes of Q8_0", "t.f16: expected its data at offset 128, found 160",
        { { "t.q8_0.type", 4, 20 } } },
    { "rows of IQ3_S beyond the file", "t.q8_0: expected 10890 bytes",
        { { "t.q8_0.type", 4, 21 }, { "t.q8_0.ne0", 8, 256 }, { "t.q8_0.ne1", 8, 99 } } },
    { "rows of IQ1_S whose bytes wrap", "t.q8_0: expected a shape that fits 64 bits",
        { { "t.q8_0.type", 4, 19 }, { "t.q8_0.ne0", 8, 1ull << 40 },
            { "t.q8_0.ne1", 8, 1ull << 24 } } },
    { "row of 16 in MXFP4", "whole MXFP4 blocks",
        { { "t.q8_0.type", 4, 39 }, { "t.q8_0.ne0", 8, 16 } } },
    { "blocks of fewer bytes than the next one's offset says", "at offset 128, found 160",
        { { "t.q8_0.type", 4, 2 } } },
    { "blocks of 256 beyond the file", "the file's end",
        { { "t.q8_0.type", 4, 13 }, { "t.q8_0.ne0", 8, 256 }, { "t.q8_0.ne1", 8, 99 } } },
    { "rows of whole blocks whose bytes wrap", "fits 64 bits",
        { { "t.q8_0.type", 4, 14 }, { "t.q8_0.ne0", 8, 1ull << 40 },
            { "t.q8_0.ne1", 8, 1ull << 24 } } },
    { "no row of blocks where bytes are", "at offset 64, found 160", { { "t.q8_0.ne1", 8, 0 } } },
    { "tensor larger than the file", "the file's end", { { "t.q8_0.ne1", 8, 10000 } } },
    { "tensor smaller than the next one's offset says", "at offset 32", { { "t.f32.ne1", 8, 1 } } },
    { "tensor type 4, removed", "a tensor type that exists", { { "t.f32.type", 4, 4 } } },
    { "tensor type 31, removed", "a tensor type that exists", { { "t.f32.type", 4, 31 } } },
    { "tensor type 43", "a tensor type that exists", { { "t.f32.type", 4, 43 } } },
    { "tensor type 2^31", "a tensor type that exists", { { "t.f32.type", 4, 1u << 31 } } },
    { "tensor type 2^32-1", "a tensor type that exists", { { "t.f32.type", 4, 0xffffffff } } },
    { "offset not aligned", "at offset 64, found 65", { { "t.q8_0.offset", 8, 65 } } },
    { "offset inside the tensor before", "at offset 64, found 32", { { "t.q8_0.offset", 8, 32 } } },
    { "offset of the tensor before", "at offset 64, found 0", { { "t.q8_0.offset", 8, 0 } } },
    { "offset that leaves a hole", "at offset 64, found 96", { { "t.q8_0.offset", 8, 96 } } },
    { "offset beyond the file", "at offset 64, found", { { "t.q8_0.offset", 8, 1ull << 40 } } },
    { "offset 2^64-32", "at offset 64, found", { { "t.q8_0.offset", 8, BIG - 31 } } },
    { "two tensors' offsets swapped", "at offset 64, found 160",
        { { "t.q8_0.offset", 8, 160 }, { "t.f16.offset", 8, 64 } } },
    { "first offset not 0", "at offset 0, found 32", { { "t.f32.offset", 8, 32 } } },
    /* the end */
    { "cut in the data", "the file's end", { { "size of", 0, 195 } } },
    { "cut before the last tensor", "the file's end", { { "size of", 0, 192 } } },
    { "cut after the header", "the file's end", { { "size of", 0, 0 } } },
    { "bytes after the last tensor", "expected at most", { { "size of", 0, 225 } } },
    { "half a file more", "expected at most", { { "size of", 0, 600 } } },
};
enum { KINDS = sizeof kinds / sizeof *kinds };

static size_t first_item(const gguf_sample *s, const char *field)
{
    char count[40];
    snprintf(count, sizeof count, "%.*s.count", (int)(strrchr(field, '.') - field), field);
    return gguf_sample_place(s, count) + 8;
}

static void spoil(gguf_sample *s, const kind *k)
{
    for (int i = 0; i < 4 && k->patches[i].field; i++) {
        const patch *p = &k->patches[i];
        if (!strcmp(p->field, "size")) s->size = p->value;
        else if (!strcmp(p->field, "size of")) s->size = gguf_sample_place(s, "data") + p->value;
        else if (strstr(p->field, ".first"))
            memcpy(s->data + first_item(s, p->field), &p->value, (size_t)p->bytes);
        else gguf_sample_set(s, p->field, p->bytes, p->value);
    }
}

/* The sample is parsed from a block of its own size, so that the sanitizer sees a read beyond
 * it. */
static cadre_status parse(const gguf_sample *s, gguf **file)
{
    uint8_t *exact = malloc(s->size ? s->size : 1);
    memcpy(exact, s->data, s->size);
    cadre_status status = gguf_parse(path, exact, s->size, file);
    if (status == CADRE_OK) {
        for (size_t i = 0; i < gguf_tensor_count(*file); i++) {
            gguf_tensor t = gguf_tensor_at(*file, i);
            assert_true(t.data >= exact && t.data + t.size <= exact + s->size);
        }
        gguf_close(*file);
    }
    free(exact);
    return status;
}

static void the_sample_itself_is_accepted(void **state)
{
    (void)state;
    gguf *file;
    gguf_sample s;
    for (uint32_t version = 2; version <= 3; version++) {
        gguf_sample_make(&s, version);
        assert_int_equal(parse(&s, &file), CADRE_OK);
    }
    s.size -= 28; /* without the padding after the last tensor */
    assert_int_equal(parse(&s, &file), CADRE_OK);
}

static void every_kind_is_refused(void **state)
{
    (void)state;
    int bad = 0;
    for (int i = 0; i < KINDS; i++) {
        gguf_sample s;
        gguf *file;
        gguf_sample_make(&s, 3);
        spoil(&s, &kinds[i]);
        bad += !refusal_is_good(kinds[i].name, parse(&s, &file), path, kinds[i].phrase);
    }
    printf("    %d kinds\n", KINDS);
    assert_true(KINDS >= 60);
    assert_int_equal(bad, 0);
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    gguf_sample whole, s;
    gguf *file;
    gguf_sample_make(&whole, 3);
    for (size_t size = 0; size < whole.size - 28; size++) { /* the last 28 bytes are padding */
        s = whole;
        s.size = size;
        if (!refusal_is_good("prefix", parse(&s, &file), path, ""))
            fail_msg("a prefix of %zu bytes", size);
    }
}

/* A flipped bit may leave a file that is well-formed (a number, a letter); it must never leave one
 * that reads outside itself. */
static void every_flipped_bit_is_refused_or_harmless(void **state)
{
    (void)state;
    gguf_sample whole, s;
    gguf *file;
    int refused = 0;
    gguf_sample_make(&whole, 3);
    size_t bits = 8 * gguf_sample_place(&whole, "data");
    for (size_t bit = 0; bit < bits; bit++) {
        s = whole;
        s.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cadre_status status = parse(&s, &file);
        refused += status != CADRE_OK;
        if (status != CADRE_OK) assert_true(refusal_is_good("bit", status, path, ""));
    }
    assert_true(refused > (int)bits / 2);
}

/* ---- large headers ---- */

typedef struct large {
    uint8_t *data;
    size_t size;
} large;

static void put(large *l, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) l->data[l->size++] = (uint8_t)(value >> 8 * i);
}

static large large_begin(size_t room, uint64_t tensors, uint64_t keys)
{
    large l = { malloc(room), 4 };
    memcpy(l.data, "GGUF", 4);
    put(&l, 3, 4);
    put(&l, tensors, 8);
    put(&l, keys, 8);
    return l;
}

/* The smallest keys that can be: three letters, a byte. */
static large many_keys(uint64_t count)
{
    large l = large_begin(24 + count * 20 + 64, 0, count);
    for (uint64_t i = 0; i < count; i++) {
        put(&l, 4, 8);
        put(&l,
            0x41414141 + (i & 15) + (i >> 4 & 15) * 256 + (i >> 8 & 15) * 65536 +
                (i >> 12 & 15) * 16777216,
            4);
        put(&l, GGUF_U8, 4);
        put(&l, 0, 1);
    }
    return l;
}

static large many_tensors(uint64_t count)
{
    large l = large_begin(24 + count * 37 + 64, count, 0);
    for (uint64_t i = 0; i < count; i++) {
        put(&l, 5, 8);
        put(&l,
            0x4141414141 + (i & 15) + (i >> 4 & 15) * 256 + (i >> 8 & 15) * 65536 +
                (i >> 12 & 15) * 16777216 + (i >> 16 & 15) * 4294967296,
            5);
        put(&l, 1, 4);
        put(&l, 0, 8);
        put(&l, 0, 4);
        put(&l, 0, 8);
    }
    while (l.size % 32) put(&l, 0, 1);
    return l;
}

static large many_strings(uint64_t count)
{
    large l = large_begin(64 + count * 8, 0, 1);
    put(&l, 1, 8), put(&l, 'k', 1), put(&l, GGUF_ARRAY, 4), put(&l, GGUF_STRING, 4),
        put(&l, count, 8);
    memset(l.data + l.size, 0, count * 8);
    l.size += count * 8;
    return l;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Peak memory at most twice the header. The bound on the time of this process is wide: it tells a
 * square from a line, under any sanitizer. */
static void check_cost(const char *what, large l, cadre_status expected)
{
    gguf *file;
    bool counts = heap_peak_begin();
    double begin = seconds();
    cadre_status status = gguf_parse(path, l.data, l.size, &file);
    double took = seconds() - begin;
    size_t peak = heap_peak_end();
    if (!counts) printf("SKIP: not built with the address sanitizer, which counts: memory\n");
    printf("    %s: %zu bytes, %.1f ms, %.2f times its bytes\n", what, l.size, took * 1e3,
        (double)peak / (double)l.size);
    assert_int_equal(status, expected);
    assert_true(peak <= 2 * l.size + 65536);
    assert_true(took < 30);
    if (status == CADRE_OK) gguf_close(file);
    free(l.data);
}

static void cost_is_bounded(void **state)
{
    (void)state;
    check_cost("as many keys as are allowed", many_keys(65536), CADRE_OK);
    check_cost("too many keys", many_keys(65537), CADRE_EFORMAT);
    check_cost("many tensors", many_tensors(262144), CADRE_OK);
    check_cost("too many tensors", many_tensors(262145), CADRE_EFORMAT);
    check_cost("a vocabulary", many_strings(1 << 20), CADRE_OK);
    check_cost("too many strings", many_strings((1 << 22) + 1), CADRE_EFORMAT);
}

static void a_failed_allocation_is_told_and_leaks_nothing(void **state)
{
    (void)state;
    gguf_sample s;
    gguf *file;
    gguf_sample_make(&s, 3);
    for (int sticky = 0; sticky < 2; sticky++) {
        cadre_status status = CADRE_ENOMEM;
        int failures = 0;
        for (long n = 1; status != CADRE_OK; n++, failures++) {
            mem_fail_at(n, sticky);
            status = gguf_parse(path, s.data, s.size, &file);
            mem_fail_at(0, false);
            if (status != CADRE_OK) assert_int_equal(status, CADRE_ENOMEM);
        }
        gguf_close(file);
        assert_true(failures >= 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_itself_is_accepted),
        cmocka_unit_test(every_kind_is_refused),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused_or_harmless),
        cmocka_unit_test(cost_is_bounded),
        cmocka_unit_test(a_failed_allocation_is_told_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
