/* disk_bandwidth_test.c - a file that is large enough gives a bandwidth, a small one gives 0, and
 * one that has become shorter gives an error. */
#include "store/disk_bandwidth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "support/scratch.h"
#include "support/succeeds.h"

enum { LARGE = 9 << 20, SMALL = 1 << 20 };

static void write_file(const char *name, size_t bytes)
{
    uint8_t *content = MEM_ARRAY(uint8_t, bytes);
    assert_non_null(content);
    succeeds(file_write(scratch_file(name), content, bytes));
    mem_free(content);
}

static void files_large_and_small(void **state)
{
    direct_file f;
    disk_measurement measurement = { 0 };
    (void)state;
    write_file("large", LARGE);
    write_file("small", SMALL);
    assert_true(disk_bandwidth(&measurement) == 0);
    succeeds(direct_file_open(scratch_file("large"), &f));
    double begin = clock_seconds();
    succeeds(disk_measurement_add(&f, 0.1, &measurement));
    disk_measurement once = measurement;
    succeeds(disk_measurement_add(&f, 0.1, &measurement));
    assert_true(disk_bandwidth(&measurement) > 1e5 && clock_seconds() - begin < 60);
    for (int i = 0; i < DISK_SIZES; i++)
        assert_true(once.seconds[i] > 0 && measurement.bytes[i] > once.bytes[i]);
    direct_file_close(&f);
    succeeds(direct_file_open(scratch_file("small"), &f));
    measurement = (disk_measurement){ 0 };
    succeeds(disk_measurement_add(&f, 0.1, &measurement));
    assert_true(disk_bandwidth(&measurement) == 0);
    direct_file_close(&f);
}

static void a_file_that_lost_its_end(void **state)
{
    direct_file f;
    disk_measurement measurement = { 0 };
    (void)state;
    write_file("large", LARGE);
    succeeds(direct_file_open(scratch_file("large"), &f));
    f.bytes *= 100; /* as if most of it were gone */
    refuses(disk_measurement_add(&f, 0.1, &measurement), CADRE_EIO, "cannot be read");
    assert_true(measurement.bytes[0] == 0);
    direct_file_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(files_large_and_small),
        cmocka_unit_test(a_file_that_lost_its_end) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
