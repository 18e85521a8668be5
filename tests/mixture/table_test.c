/* table_test.c - tables as programs write them, and what is no table, refused with its place. */
#include "mixture/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "support/scratch.h"
#include "support/succeeds.h"

static const char *written(const char *text)
{
    const char *path = scratch_file("t.csv");
    succeeds(file_write(path, text, strlen(text)));
    return path;
}

/* All columns of a text, which must be a table. */
static table_numbers numbers_of(const char *text, int64_t columns)
{
    const int64_t all[] = { 0, 1, 2, 3 };
    table t;
    table_numbers n;
    succeeds(table_open(written(text), &t));
    assert_int_equal(t.columns, columns);
    succeeds(table_read(&t, all, columns, &n));
    table_close(&t);
    return n;
}

static void expect(const char *text, int64_t columns, int64_t rows, const double *values)
{
    table_numbers n = numbers_of(text, columns);
    assert_int_equal(n.rows, rows);
    for (int64_t i = 0; i < rows * columns; i++)
        if (n.value[i] != values[i]) fail_msg("number %lld is %g", (long long)i, n.value[i]);
    table_numbers_free(&n);
}

static void tables_of_many_programs_are_read(void **state)
{
    (void)state;
    const double values[] = { 1, -2.5, 3e2, 0.25 };
    expect("a,b\n1,-2.5\n3e2,.25\n", 2, 2, values);
    expect("a,b\r\n1,-2.5\r\n3e2,.25", 2, 2, values);
    expect("a,b\r1,-2.5\r3e2,.25\r", 2, 2, values);
    expect("\xef\xbb\xbf"
           "a,b\n1,-2.5\n300,0.25\n",
        2, 2, values);
    expect("\n\na , b\n 1 ,\t-2.5\n\n  \n+300, 0.250 \n\n", 2, 2, values);
    expect("\"a\",\"b\"\n\"1\",\"-2.5\"\n\"300\" , 0.25\n", 2, 2, values);
}

static void quotes_and_lines_are_kept_apart(void **state)
{
    (void)state;
    table t;
    table_numbers n;
    const int64_t second[] = { 1 };
    succeeds(table_open(written("\"a,1\",\"the \"\"b\"\"\nhere\"\n\"1\",2\nx,\"3\"\n"), &t));
    assert_string_equal(t.name[0], "a,1");
    assert_string_equal(t.name[1], "the \"b\"\nhere");
    assert_int_equal(table_column(&t, "a,1", 3), 0);
    assert_int_equal(table_column(&t, "a", 1), -1);
    succeeds(table_read(&t, second, 1, &n)); /* the x of the first is not looked at */
    assert_int_equal(n.rows, 2);
    assert_true(n.value[0] == 2 && n.value[1] == 3);
    assert_int_equal(n.line[0], 3);
    assert_int_equal(n.line[1], 4);
    table_numbers_free(&n);
    table_close(&t);
}

/* Refused while it is opened or read, with a part of the sentence. */
static void refuse(const char *text, const char *phrase)
{
    const int64_t all[] = { 0, 1 };
    table t;
    table_numbers n;
    cadre_status status = table_open(written(text), &t);
    if (status == CADRE_OK) {
        assert_true(t.columns <= 2);
        status = table_read(&t, all, t.columns, &n);
        table_close(&t);
    }
    refuses(status, CADRE_EFORMAT, phrase);
}

static void what_is_no_table_is_refused_with_its_place(void **state)
{
    (void)state;
    refuse("", "t.csv: expected a table, found an empty file");
    refuse("\n \n", "t.csv: expected a table, found empty lines");
    refuse("a,b\n", "t.csv: expected rows under the names, found none");
    refuse("a,b\n1,2\n1,\n", "t.csv:3: column 2 ('b'): expected a number, found nothing");
    refuse("a,b\n1,2\n\n,2\n", "t.csv:4: column 1 ('a'): expected a number, found nothing");
    refuse("a,b\n1,two\n", "t.csv:2: column 2 ('b'): expected a number, found 'two'");
    refuse("a,b\n1,nan\n", "t.csv:2: column 2 ('b'): expected a number, found 'nan'");
    refuse("a,b\n1,0x10\n", "found '0x10'");
    refuse("a,b\n1,1e999\n", "found '1e999'");
    refuse("a,b\n1,\"1,5\"\n", "found '1,5'");
    refuse("a,b\n1,1 000\n", "found '1 000'");
    refuse("a,b\n1,\x1b[31m\n", "found '\\x1b[31m'");
    refuse("a,b\n1\n", "t.csv:2: expected 2 cells, as line 1 has names, found 1");
    refuse("a,b\n1,2,3\n", "t.csv:2: expected 2 cells, as line 1 has names, found at least 3");
    refuse("a,\n1,2\n", "t.csv:1: column 2: expected a name, found nothing");
    refuse("a,a\n1,2\n", "t.csv:1: column 2: expected a name of its own, found 'a' as in column 1");
    refuse("a,\xff\n1,2\n", "t.csv:1: column 2: expected a name in UTF-8");
    refuse("a;b\n1;2\n", "t.csv: expected cells between commas, found 'a;b'");
    refuse("a,b\n1,\"2\n", "t.csv:2: column 2: expected a second quote, found the end");
    refuse("a,b\n1,\"2\"3\n", "t.csv:2: column 2: expected a comma after the second quote");
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    table t;
    refuses(table_open("nowhere.csv", &t), CADRE_EIO, "nowhere.csv");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_of_many_programs_are_read),
        cmocka_unit_test(quotes_and_lines_are_kept_apart),
        cmocka_unit_test(what_is_no_table_is_refused_with_its_place),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
