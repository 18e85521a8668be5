/* event_log_test.c - records of events, byte by byte. */ #include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/scratch.h"
#include "support/succeeds.h"
#include "train/event_log.h"

    /* CRC-32C of "123456789" is e3069283 (RFC 3720), which TFRecord masks */
    static void test_checksum(void **state)
{
    (void)state;
    uint32_t crc = 0xe3069283;
    assert_int_equal(
        event_log_checksum("123456789", 9), (uint32_t)((crc >> 15 | crc << 17) + 0xa282ead8));
    assert_int_equal(event_log_checksum("", 0), 0xa282ead8);
}

/* Reads the record at *at, and returns its message. */
static const char *record_at(const char *file, size_t size, size_t *at, uint64_t *length)
{
    uint32_t of_length, of_message;
    assert_true(*at + 12 <= size);
    memcpy(length, file + *at, 8);
    memcpy(&of_length, file + *at + 8, 4);
    assert_int_equal(of_length, event_log_checksum(file + *at, 8));
    const char *message = file + *at + 12;
    assert_true(*at + 12 + *length + 4 <= size);
    memcpy(&of_message, message + *length, 4);
    assert_int_equal(of_message, event_log_checksum(message, *length));
    *at += 12 + *length + 4;
    return message;
}

static void test_records(void **state)
{
    (void)state;
    const char *folder = scratch_file("events");
    const event_scalar scalars[] = { { "loss", 2.5 }, { "lr", 0.25 } };
    event_log *log;
    succeeds(event_log_open(folder, &log));
    succeeds(event_log_put(log, 1.5, 300, scalars, 2));
    succeeds(event_log_close(log));
    char *path = file_join(folder, "events.out.tfevents.0000000001.cadre"), *file;
    size_t size, at = 0;
    uint64_t length;
    succeeds(file_read(path, 1000, &file, &size));
    const char *first = record_at(file, size, &at, &length);
    assert_int_equal(length, 9 + 2 + 13);
    assert_memory_equal(first + 9,
        "\x1a\x0d"
        "brain.Event:2",
        15);
    const char *second = record_at(file, size, &at, &length);
    /* wall time 1.5, step 300 = ac 02, summary of 13 + 11 bytes: a value of 11, one of 9 */
    const char expected[] = "\x09\0\0\0\0\0\0\xf8\x3f"
                            "\x10\xac\x02"
                            "\x2a\x18"
                            "\x0a\x0b\x0a\x04loss\x15\0\0\x20\x40"
                            "\x0a\x09\x0a\x02lr\x15\0\0\x80\x3e";
    assert_int_equal(length, sizeof expected - 1);
    assert_memory_equal(second, expected, length);
    assert_int_equal(at, size);
    mem_free(file);
    mem_free(path);
}

/* A resumed run adds a file. */
static void test_a_second_file(void **state)
{
    (void)state;
    const char *folder = scratch_file("twice");
    event_log *log;
    for (int i = 0; i < 2; i++) {
        succeeds(event_log_open(folder, &log));
        succeeds(event_log_close(log));
    }
    assert_true(file_exists_in(folder, "events.out.tfevents.0000000001.cadre"));
    assert_true(file_exists_in(folder, "events.out.tfevents.0000000002.cadre"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksum),
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_a_second_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
