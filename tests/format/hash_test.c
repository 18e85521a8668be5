/* hash_test.c - the published values of XXH3-128, pieces against the whole, text and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/hash.h"
#include "support/scratch.h"

static void the_empty_string_has_its_published_hash(void **state)
{
    (void)state;
    char text[HASH_TEXT];
    assert_string_equal(hash_text(hash_bytes(NULL, 0), text), "99aa06d3014798d86001c324468d497f");
}

static void pieces_give_the_hash_of_the_whole(void **state)
{
    (void)state;
    uint8_t data[5000];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 2654435761u >> 13);
    hash128 whole = hash_bytes(data, sizeof data);
    hash_stream *s = hash_stream_new();
    for (size_t step = 1; step < sizeof data; step = step * 3 + 1) {
        hash_stream_reset(s);
        for (size_t at = 0; at < sizeof data; at += step)
            hash_stream_add(s, data + at, at + step < sizeof data ? step : sizeof data - at);
        assert_true(hash_equal(hash_stream_value(s), whole));
    }
    hash_stream_free(s);
    assert_int_equal(file_write(scratch_file("data"), data, sizeof data), CADRE_OK);
    hash128 of_file;
    assert_int_equal(hash_file(scratch_file("data"), &of_file), CADRE_OK);
    assert_true(hash_equal(of_file, whole));
    for (size_t bit = 0; bit < 8 * sizeof data; bit += 31) {
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(hash_equal(hash_bytes(data, sizeof data), whole));
        data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void text_and_bytes_come_back(void **state)
{
    (void)state;
    hash128 hash = { 0x0123456789abcdef, 0xfedcba9876543210 };
    char text[HASH_TEXT];
    uint8_t bytes[HASH_BYTES];
    assert_string_equal(hash_text(hash, text), "0123456789abcdeffedcba9876543210");
    hash_store(hash, bytes);
    assert_true(bytes[0] == 1 && bytes[15] == 0x10 && hash_equal(hash_load(bytes), hash));
}

static void no_memory_is_told(void **state)
{
    (void)state;
    mem_fail_at(1, false);
    assert_null(hash_stream_new());
    mem_fail_at(0, false);
    hash_stream_free(NULL);
    hash128 hash;
    assert_int_equal(hash_file(scratch_file("absent"), &hash), CADRE_EIO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_empty_string_has_its_published_hash),
        cmocka_unit_test(pieces_give_the_hash_of_the_whole),
        cmocka_unit_test(text_and_bytes_come_back),
        cmocka_unit_test(no_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
