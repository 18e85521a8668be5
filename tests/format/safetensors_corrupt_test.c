/* safetensors_corrupt_test.c - damaged and hostile safetensors files and indices, each by its
 * name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/safetensors.h"
#include "support/heap_peak.h"
#include "support/refusal.h"
#include "support/scratch.h"

static const char path[] = "x.safetensors";

/* A file of a header and so many bytes of data. */
typedef struct kind {
    const char *name;
    const char *phrase; /* of the refusal */
    const char *header;
    size_t data;
} kind;

#define A "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}"
#define B "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[8,12]}"
#define ONE(dtype, shape, offsets)                                                                 \
    "{\"a\":{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define TWO(begin, end)                                                                            \
    "{" A ",\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[" begin "," end "]}}"
static const char good[] = "{\"__metadata__\":{\"format\":\"pt\"}," A "," B "}  ";

static const kind kinds[] = {
    /* the header as text */
    { "header of spaces", "one JSON object", "        ", 0 },
    { "header of one brace", "one JSON object", "{", 0 },
    { "header that is an array", "one JSON object", "[]", 0 },
    { "header that is a string", "one JSON object", "\"{}\"", 0 },
    { "space before the header", "one JSON object", " {" A "}", 8 },
    { "byte order mark before the header", "one JSON object", "\xef\xbb\xbf{" A "}", 8 },
    { "padding of line ends", "one JSON object", "{" A "}\n\n", 8 },
    { "padding of tabs", "one JSON object", "{" A "}\t", 8 },
    { "two objects", "nothing after the header, found an object", "{" A "}{}", 8 },
    { "header not closed", "b.dtype: expected a string, found nothing", "{" A ",\"b\":{}", 8 },
    { "comma at the end", "the header: expected a string, found }", "{" A ",}", 8 },
    { "single quotes", "the header: expected a string, found 'a'", "{'a':{}}", 0 },
    { "comment", "the header: expected a string", "{/* */" A "}", 8 },
    { "name that is not UTF-8", "a string in UTF-8, found \\xff",
        "{\"\xff\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4 },
    { "name with an overlong slash", "a string in UTF-8",
        "{\"\xc0\xaf\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4 },
    { "name with a lone surrogate", "half a pair",
        "{\"\\ud800\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4 },
    { "name with NUL", "a character other than NUL",
        "{\"a\\u0000\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4 },
    { "control character in a name", "the rest of a string, found \\x01",
        "{\"\x01\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4 },
    { "infinity", "a.shape[0]: expected an integer in 0..9223372036854775807, found Infinity",
        ONE("\"F32\"", "[Infinity]", "[0,8]"), 8 },
    { "number beyond 64 bits", "found 18446744073709551618",
        ONE("\"F32\"", "[18446744073709551618]", "[0,8]"), 8 },
    { "number beyond all doubles", "found 1e999", ONE("\"F32\"", "[1e999]", "[0,8]"), 8 },
    /* names */
    { "tensor twice", "tensors overlap", "{" A "," A "}", 8 },
    { "tensor twice, other spelling", "tensors overlap",
        "{" A ",\"\\u0061\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}", 8 },
    { "4 bytes to one reader, a float to another", "tensors overlap",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
        4 },
    { "dtype twice in a tensor", "each once",
        "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4 },
    { "tensor without bytes twice", "a: expected this tensor once",
        "{\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}",
        0 },
    { "line end in a name", "the rest of a string",
        "{\"a\n\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4 },
    { "leading zero", "found 02", ONE("\"F32\"", "[02]", "[0,8]"), 8 },
    { "comma at the end of a shape", "a.shape[1]: expected an integer",
        ONE("\"F32\"", "[2,]", "[0,8]"), 8 },
    { "metadata key twice", "__metadata__.a: expected this key once",
        "{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}," A "}", 8 },
    { "metadata twice", "the metadata once", "{\"__metadata__\":{},\"__metadata__\":{}}", 0 },
    { "metadata that is a list", "__metadata__: expected an object", "{\"__metadata__\":[]," A "}",
        8 },
    { "metadata that is null", "__metadata__: expected an object", "{\"__metadata__\":null," A "}",
        8 },
    { "metadata value that is a number", "__metadata__: expected a string, found 3",
        "{\"__metadata__\":{\"step\":3}," A "}", 8 },
    { "metadata value that is an object", "__metadata__: expected a string, found an object",
        "{\"__metadata__\":{\"x\":{}}," A "}", 8 },
    /* tensors */
    { "tensor that is null", "a: expected an object", "{\"a\":null}", 0 },
    { "tensor that is a list", "a: expected an object", "{\"a\":[\"F32\",[2],[0,8]]}", 8 },
    { "tensor without anything", "a.dtype: expected a string, found nothing", "{\"a\":{}}", 0 },
    { "tensor without dtype", "a.dtype: expected a string",
        "{\"a\":{\"shape\":[2],\"data_offsets\":[0,8]}}", 8 },
    { "tensor without offsets", "a.data_offsets: expected an array",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8 },
    { "tensor with a fourth key", "alone",
        "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8 },
    { "dtype unknown", "found \"F31\"", ONE("\"F31\"", "[2]", "[0,8]"), 8 },
    { "dtype in lower case", "found \"f32\"", ONE("\"f32\"", "[2]", "[0,8]"), 8 },
    { "dtype empty", "a dtype of safetensors", ONE("\"\"", "[2]", "[0,8]"), 8 },
    { "dtype with an escape sequence", "\\u001b[31m", ONE("\"\\u001b[31m\"", "[2]", "[0,8]"), 8 },
    { "dtype that is a number", "a.dtype: expected a string, found 32", ONE("32", "[2]", "[0,8]"),
        8 },
    { "shape that is a number", "a.shape: expected an array, found 2", ONE("\"F32\"", "2", "[0,8]"),
        8 },
    { "shape of a string", "a.shape[0]: expected an integer", ONE("\"F32\"", "[\"2\"]", "[0,8]"),
        8 },
    { "shape of a fraction", "a.shape[0]: expected an integer", ONE("\"F32\"", "[2.5]", "[0,8]"),
        8 },
    { "shape of 2.0", "a.shape[0]: expected an integer in 0..9223372036854775807, found 2.0",
        ONE("\"F32\"", "[2.0]", "[0,8]"), 8 },
    { "shape of -2", "a.shape[0]: expected an integer in 0..", ONE("\"F32\"", "[-2]", "[0,8]"), 8 },
    { "shape of -1 and -2", "a.shape[0]: expected an integer in 0..",
        ONE("\"F32\"", "[-1,-2]", "[0,8]"), 8 },
    { "nine dimensions", "at most 8 dimensions", ONE("\"F32\"", "[1,1,1,1,1,1,1,1,2]", "[0,8]"),
        8 },
    { "product that wraps to 4", "product fits 64 bits",
        ONE("\"U8\"", "[4194305,4194305,211106198978564]", "[0,4]"), 4 },
    { "product that wraps to 0", "product fits 64 bits",
        ONE("\"F32\"", "[4294967296,4294967296]", "[0,0]"), 0 },
    { "bits that wrap", "whole bytes of F32 and fits",
        ONE("\"F32\"", "[4611686018427387904]", "[0,0]"), 0 },
    { "half a byte", "whole bytes of F4", ONE("\"F4\"", "[3]", "[0,2]"), 2 },
    { "six bits", "whole bytes of F6_E2M3", ONE("\"F6_E2M3\"", "[1]", "[0,1]"), 1 },
    /* offsets: CVE-2026-7482 */
    { "offsets of one number", "a.data_offsets: expected an array of 2",
        ONE("\"F32\"", "[2]", "[8]"), 8 },
    { "offsets of three numbers", "a.data_offsets: expected an array of 2",
        ONE("\"F32\"", "[2]", "[0,8,8]"), 8 },
    { "offsets of strings", "a.data_offsets[0]: expected an integer",
        ONE("\"F32\"", "[2]", "[\"0\",\"8\"]"), 8 },
    { "offset -8", "a.data_offsets[0]: expected an integer in 0..9223372036854775807, found -8",
        ONE("\"F32\"", "[2]", "[-8,0]"), 8 },
    { "offset 2^63-1", "a.data_offsets[0]: expected",
        ONE("\"F32\"", "[2]", "[9223372036854775807,9223372036854775807]"), 8 },
    { "end before begin",
        "a.data_offsets[1]: expected an integer in 8..9223372036854775807, found 0",
        ONE("\"F32\"", "[2]", "[8,0]"), 8 },
    { "end beyond the file",
        "a.data_offsets[1]: expected at most the 8 bytes of tensors that the file has (is it cut "
        "short?)",
        ONE("\"F32\"", "[4]", "[0,16]"), 8 },
    { "fewer bytes than the shape", "expected 8, where 8 bytes of F32 end, found 4",
        ONE("\"F32\"", "[2]", "[0,4]"), 4 },
    { "more bytes than the shape", "expected 8, where 8 bytes of F32 end, found 12",
        ONE("\"F32\"", "[2]", "[0,12]"), 12 },
    { "hole at the front", "a: expected its data at offset 0, found 4: a hole",
        ONE("\"F32\"", "[2]", "[4,12]"), 12 },
    { "hole between", "b: expected its data at offset 8, found 9: a hole", TWO("9", "13"), 13 },
    { "overlap by one byte", "b: expected its data at offset 8, found 7: tensors overlap",
        TWO("7", "11"), 11 },
    { "two tensors on the same bytes", "tensors overlap",
        "{" A ",\"c\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8 },
    { "one tensor inside another", "overlap", TWO("2", "6"), 8 },
    { "empty tensor inside another", "overlap",
        "{" A ",\"c\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[4,4]}}", 8 },
    { "empty tensor with bytes", "expected 0, where 0 bytes", ONE("\"F32\"", "[0]", "[0,8]"), 8 },
    { "bytes after the last tensor", "expected 12 bytes of tensors, found 13", TWO("8", "12"), 13 },
    { "no tensors but data", "expected 0 bytes of tensors, found 4", "{}", 4 },
};
enum { KINDS = sizeof kinds / sizeof *kinds, ROOM = 4096 };

static size_t make(uint8_t *file, const char *header, size_t data)
{
    size_t length = strlen(header);
    for (int i = 0; i < 8; i++) file[i] = (uint8_t)(length >> 8 * i);
    memcpy(file + 8, header, length);
    memset(file + 8 + length, 0x3f, data);
    return 8 + length + data;
}

/* Parsed from a block of its own size, so that the sanitizer sees a read beyond it. */
static cadre_status parse(const uint8_t *data, size_t size)
{
    safetensors *file;
    uint8_t *exact = malloc(size ? size : 1);
    if (size) memcpy(exact, data, size);
    cadre_status status = safetensors_parse(path, exact, size, &file);
    if (status == CADRE_OK) {
        for (size_t i = 0; i < safetensors_count(file); i++) {
            const safetensors_tensor *t = safetensors_at(file, i);
            assert_true(t->data >= exact && t->data + t->size <= exact + size);
            assert_ptr_equal(safetensors_find(file, t->name), t);
        }
        safetensors_close(file);
    }
    free(exact);
    return status;
}

static void every_kind_is_refused(void **state)
{
    (void)state;
    int bad = 0;
    uint8_t file[ROOM];
    assert_int_equal(parse(file, make(file, good, 12)), CADRE_OK);
    assert_int_equal(parse(file, make(file, "{}", 0)), CADRE_OK);
    for (int i = 0; i < KINDS; i++) {
        size_t size = make(file, kinds[i].header, kinds[i].data);
        bad += !refusal_is_good(kinds[i].name, parse(file, size), path, kinds[i].phrase);
    }
    printf("    %d kinds\n", KINDS);
    assert_true(KINDS >= 40);
    assert_int_equal(bad, 0);
}

static void every_wrong_header_length_is_refused(void **state)
{
    (void)state;
    static const struct {
        uint64_t length;
        const char *phrase;
    } cases[] = { { 0, "one JSON object" }, { 1, "one JSON object" }, { 100000000, "cut short" },
        { 100000001, "at most 100000000 bytes" }, { INT64_MAX, "at most" },
        { UINT64_MAX, "found 18446744073709551615" }, { UINT64_MAX - 7, "at most" } };
    uint8_t file[ROOM];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = make(file, good, 12);
        for (int b = 0; b < 8; b++) file[b] = (uint8_t)(cases[i].length >> 8 * b);
        assert_true(refusal_is_good("length", parse(file, size), path, cases[i].phrase));
    }
    size_t size = make(file, good, 12);
    /* Every other length than its own, but for its padding */
    for (size_t length = 2; length < size - 8; length++) {
        file[0] = (uint8_t)length;
        if (length + 2 >= strlen(good) && length <= strlen(good)) continue;
        assert_true(refusal_is_good("length", parse(file, size), path, ""));
    }
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    uint8_t file[ROOM];
    size_t size = make(file, good, 12);
    for (size_t cut = 0; cut < size; cut++)
        if (!refusal_is_good("prefix", parse(file, cut), path, ""))
            fail_msg("a prefix of %zu bytes", cut);
}

static void every_flipped_bit_is_refused_or_harmless(void **state)
{
    (void)state;
    uint8_t file[ROOM];
    size_t size = make(file, good, 12), bits = 8 * (size - 12);
    int refused = 0;
    for (size_t bit = 0; bit < bits; bit++) {
        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
        cadre_status status = parse(file, size);
        refused += status != CADRE_OK;
        if (status != CADRE_OK) assert_true(refusal_is_good("bit", status, path, ""));
        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(refused > (int)(bits * 3 / 4));
}

/* ---- the cost of large headers ---- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* `count` times an entry, between braces. */
static void check_cost(
    const char *what, const char *entry, int count, cadre_status expected, const char *phrase)
{
    size_t room = (size_t)count * (strlen(entry) + 16) + 64, size = 9;
    char *text = malloc(room);
    text[8] = '{';
    for (int i = 0; i < count; i++) {
        size += (size_t)snprintf(text + size, room - size, entry, i);
        text[size++] = i + 1 < count ? ',' : '}';
    }
    for (int i = 0; i < 8; i++) text[i] = (char)((size - 8) >> 8 * i);
    bool counts = heap_peak_begin();
    double begin = seconds();
    safetensors *file = NULL;
    cadre_status status = safetensors_parse(path, text, size, &file);
    double took = seconds() - begin;
    size_t peak = heap_peak_end();
    if (!counts) printf("SKIP: not built with the address sanitizer, which counts: memory\n");
    printf("    %s: %zu bytes, %.0f ms, %.1f times its bytes\n", what, size, took * 1e3,
        (double)peak / (double)size);
    assert_true(status == expected && peak <= 24 * size + 65536 && took < 30);
    if (status != CADRE_OK) assert_true(refusal_is_good(what, status, path, phrase));
    else safetensors_close(file);
    free(text);
}

static void cost_is_bounded(void **state)
{
    (void)state;
    check_cost("100,000 tensors",
        "\"model.layers.%d.weight\":{\"dtype\":\"F32\",\"shape\":[0,64],\"data_offsets\":[0,0]}",
        100000, CADRE_OK, "");
    check_cost("20,000 tensors of the shortest kind",
        "\"%d\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", 20000, CADRE_OK, "");
    check_cost("empty objects", "\"%d\":{}", 300000, CADRE_EFORMAT, "");
    check_cost("empty objects in arrays", "\"%d\":[{},{},{},{},{},{},{},{},{},{}]", 100000,
        CADRE_EFORMAT, "expected an object, found an array");
    check_cost("empty arrays", "\"%d\":[[],[],[],[],[],[],[],[],[],[]]", 100000, CADRE_EFORMAT,
        "expected an object, found an array");
    check_cost("deep arrays",
        "\"%d\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", 1,
        CADRE_EFORMAT, "expected an object, found an array");
}

static void a_failed_allocation_is_told_and_leaks_nothing(void **state)
{
    (void)state;
    uint8_t data[ROOM];
    size_t size = make(data, good, 12);
    safetensors *file;
    for (int sticky = 0; sticky < 2; sticky++) {
        cadre_status status = CADRE_ENOMEM;
        int failures = 0;
        for (long n = 1; status != CADRE_OK; n++, failures++) {
            mem_fail_at(n, sticky);
            status = safetensors_parse(path, data, size, &file);
            mem_fail_at(0, false);
            if (status != CADRE_OK) assert_int_equal(status, CADRE_ENOMEM);
        }
        safetensors_close(file);
        assert_true(failures >= 8);
    }
}

/* ---- shards ---- */

static void put_file(const char *name, const void *data, size_t size)
{
    assert_int_equal(file_write(scratch_file(name), data, size), CADRE_OK);
}

#define INDEX "model.safetensors.index.json"
static const struct {
    const char *name, *blamed, *phrase, *index;
} index_kinds[] = {
    { "index that is empty", INDEX, "expected an object, found the end", "" },
    { "index that is a list", INDEX, "expected an object", "[]" },
    { "index without a map", INDEX, "weight_map: expected an object, found nothing", "{}" },
    { "map that is a list", INDEX, "weight_map: expected an object", "{\"weight_map\":[]}" },
    { "file that is a number", INDEX, "weight_map: expected a string, found 1",
        "{\"weight_map\":{\"a\":1}}" },
    { "file in another folder", INDEX, "the plain name of a file",
        "{\"weight_map\":{\"a\":\"../one.safetensors\"}}" },
    { "file by its whole path", INDEX, "the plain name of a file",
        "{\"weight_map\":{\"a\":\"/etc/passwd\"}}" },
    { "file in a folder below", INDEX, "the plain name of a file",
        "{\"weight_map\":{\"a\":\"x/one.safetensors\"}}" },
    { "file named ..", INDEX, "the plain name of a file", "{\"weight_map\":{\"a\":\"..\"}}" },
    { "file without a name", INDEX, "the plain name of a file", "{\"weight_map\":{\"a\":\"\"}}" },
    { "file name with NUL", INDEX, "a character other than NUL",
        "{\"weight_map\":{\"a\":\"one.safetensors\\u0000.json\"}}" },
    { "tensor twice", INDEX, "a: expected this tensor once",
        "{\"weight_map\":{\"a\":\"one.safetensors\",\"a\":\"two.safetensors\"}}" },
    { "tensor that its file lacks", "one.safetensors", "only tensors that the index names, found b",
        "{\"weight_map\":{\"a\":\"one.safetensors\",\"z\":\"one.safetensors\"}}" },
    { "tensor that no file has", INDEX,
        "weight_map: z: expected this tensor in one.safetensors, found none",
        "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"one.safetensors\",\"z\":\"one."
        "safetensors\"}}" },
    { "tensor that the index does not name", "one.safetensors",
        "only tensors that the index names, found b",
        "{\"weight_map\":{\"a\":\"one.safetensors\"}}" },
    { "tensor in another file than said", INDEX,
        "weight_map: b: expected this tensor in two.safetensors, found none",
        "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\",\"c\":\"two."
        "safetensors\"}}" },
    { "shard that is damaged", "bad.safetensors", "one JSON object",
        "{\"weight_map\":{\"a\":\"bad.safetensors\"}}" },
};

static void every_kind_of_index_is_refused(void **state)
{
    (void)state;
    int bad = 0;
    uint8_t file[ROOM];
    safetensors *opened;
    put_file("one.safetensors", file, make(file, good, 12));
    put_file("two.safetensors", file,
        make(file, "{\"c\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1));
    put_file("bad.safetensors", file, make(file, "[]", 0));
    for (size_t i = 0; i < sizeof index_kinds / sizeof *index_kinds; i++) {
        put_file(INDEX, index_kinds[i].index, strlen(index_kinds[i].index));
        cadre_status status = safetensors_open(scratch_folder(), &opened);
        bad += !refusal_is_good(index_kinds[i].name, status, scratch_file(index_kinds[i].blamed),
            index_kinds[i].phrase);
    }
    assert_int_equal(bad, 0);
    const char absent[] = "{\"weight_map\":{\"a\":\"three.safetensors\"}}";
    put_file(INDEX, absent, strlen(absent));
    assert_int_equal(safetensors_open(scratch_folder(), &opened), CADRE_EIO);
}

/* Of two copies of a tensor the one counts that the index points to; what else it says is of no
 * weight. */
static void the_index_decides_between_copies(void **state)
{
    (void)state;
    uint8_t file[ROOM], newer[ROOM];
    safetensors *opened;
    put_file("base.safetensors", file, make(file, good, 12));
    size_t size = make(newer, "{\"b\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}", 3);
    put_file("edit.safetensors", newer, size);
    const char index[] = "{\"metadata\":{\"total_size\":99,\"x\":NaN},"
                         "\"weight_map\":{\"a\":\"base.safetensors\",\"b\":\"edit.safetensors\"}}";
    put_file(INDEX, index, strlen(index));
    assert_int_equal(safetensors_open(scratch_folder(), &opened), CADRE_OK);
    assert_int_equal(safetensors_count(opened), 2);
    const safetensors_tensor *b = safetensors_find(opened, "b");
    assert_true(b && b->size == 3 && b->shape[0] == 3);
    safetensors_close(opened);
}

static void more_shards_than_are_allowed_are_refused(void **state)
{
    (void)state;
    enum { SHARDS = 10001, ENTRY = 32 };
    char *index = malloc((size_t)SHARDS * ENTRY + 64);
    size_t size = (size_t)sprintf(index, "{\"weight_map\":{");
    for (int i = 0; i < SHARDS; i++)
        size += (size_t)sprintf(index + size, "%s\"%d\":\"%d.safetensors\"", i ? "," : "", i, i);
    size += (size_t)sprintf(index + size, "}}");
    put_file(INDEX, index, size);
    free(index);
    safetensors *file;
    cadre_status status = safetensors_open(scratch_folder(), &file);
    assert_true(refusal_is_good(
        "shards", status, scratch_file(INDEX), "weight_map: expected at most 10000 files"));
}

static void a_failed_allocation_among_shards_leaks_nothing(void **state)
{
    (void)state;
    static const char index[] = "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"one."
                                "safetensors\",\"c\":\"two.safetensors\"}}";
    put_file(INDEX, index, strlen(index));
    safetensors *file;
    cadre_status status = CADRE_ENOMEM;
    for (long n = 1; status != CADRE_OK; n++) {
        mem_fail_at(n, false);
        status = safetensors_open(scratch_folder(), &file);
        mem_fail_at(0, false);
        if (status != CADRE_OK) assert_int_equal(status, CADRE_ENOMEM);
    }
    assert_int_equal(safetensors_count(file), 3);
    assert_non_null(safetensors_find(file, "c"));
    safetensors_close(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_is_refused),
        cmocka_unit_test(every_wrong_header_length_is_refused),
        cmocka_unit_test(every_prefix_is_refused),
        cmocka_unit_test(every_flipped_bit_is_refused_or_harmless),
        cmocka_unit_test(cost_is_bounded),
        cmocka_unit_test(a_failed_allocation_is_told_and_leaks_nothing),
        cmocka_unit_test(every_kind_of_index_is_refused),
        cmocka_unit_test(the_index_decides_between_copies),
        cmocka_unit_test(more_shards_than_are_allowed_are_refused),
        cmocka_unit_test(a_failed_allocation_among_shards_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
