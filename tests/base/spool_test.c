/* spool_test.c - memory in a file without a name: it grows, keeps what it holds, and leaves
 * nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/spool.h"
#include "support/scratch.h"

static int files_in(const char *folder)
{
    char **names;
    int count;
    assert_int_equal(file_list(folder, &names, &count), CADRE_OK);
    file_list_free(names, count);
    return count;
}

static void test_it_grows_and_keeps(void **state)
{
    (void)state;
    spool s;
    assert_int_equal(spool_open(scratch_folder(), &s), CADRE_OK);
    assert_int_equal(files_in(scratch_folder()), 0);
    assert_int_equal(spool_grow(&s, 10), CADRE_OK);
    assert_true(s.size >= 10);
    size_t small = s.size;
    strcpy(s.data, "expert");
    s.data[small - 1] = 'e';
    assert_int_equal(spool_grow(&s, 3), CADRE_OK); /* never smaller */
    assert_int_equal(s.size, small);
    assert_int_equal(spool_grow(&s, small + 1), CADRE_OK);
    assert_true(s.size > small);
    assert_string_equal(s.data, "expert");
    assert_int_equal(s.data[small - 1], 'e');
    assert_int_equal(s.data[s.size - 1], 0);
    spool_close(&s);
    assert_null(s.data);
    spool_close(&s);
    assert_int_equal(files_in(scratch_folder()), 0);
}

static void test_a_folder_that_is_none(void **state)
{
    (void)state;
    spool s;
    assert_int_equal(spool_open("/nowhere/at/all", &s), CADRE_EIO);
    assert_non_null(strstr(cadre_last_error(), "/nowhere/at/all"));
    spool_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_it_grows_and_keeps),
        cmocka_unit_test(test_a_folder_that_is_none) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
