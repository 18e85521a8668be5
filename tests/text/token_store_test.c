/* token_store_test.c - tokens in a file: what comes back, and what is no store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/scratch.h"
#include "text/token_store.h"
#include "text/token_word.h"

enum { WORDS = 1000 };

static const hash128 key = { 3, 4 };

static int32_t word_at(int32_t i) /* documents of 1, 2, 3 ... words */
{
    int32_t begin = 0, length = 1;
    while (begin + length <= i) begin += length++;
    return i * 7 | (i == begin ? TOKEN_BEGINS : 0) | (i % 5 ? 0 : TOKEN_SILENT);
}

static void write_store(const char *path, size_t piece)
{
    int32_t words[WORDS], ids[] = { 5, 6, 7 };
    int64_t ends[] = { 4, 9 };
    token_store_writer *w;
    token_facts facts = { .bytes = 77,
        .documents = 44,
        .texts = 40,
        .conversations = 3,
        .completions = 1,
        .content = { 8, 9 } };
    const token_list validation = { ids, 3, 3 };
    held_text held = { .ends = ends, .documents = 2 };
    assert_int_equal(byte_buffer_put(&held.text, "heldout\n\n", 9), CADRE_OK);
    for (int32_t i = 0; i < WORDS; i++) words[i] = word_at(i);
    assert_int_equal(token_store_begin(path, &w), CADRE_OK);
    for (size_t at = 0; at < WORDS; at += piece)
        assert_int_equal(
            token_store_put(w, words + at, WORDS - at < piece ? WORDS - at : piece), CADRE_OK);
    assert_int_equal(token_store_end(w, key, &facts, &validation, &held), CADRE_OK);
    byte_buffer_free(&held.text);
}

/* The most documents that begin among so many words */
static int64_t most_in(int32_t words)
{
    int64_t most = 0;
    for (int32_t from = 0; from < WORDS; from++) {
        int64_t count = 0;
        for (int32_t i = from; i < from + words && i < WORDS; i++)
            count += token_word_begins(word_at(i));
        if (count > most) most = count;
    }
    return most;
}

static void test_what_comes_back(void **state)
{
    (void)state;
    const char *path = scratch_file("a.tokens");
    token_store *s;
    token_list validation = { 0 };
    held_text held = { 0 };
    int32_t words[WORDS];
    write_store(path, 17);
    assert_int_equal(token_store_open(path, key, &s), CADRE_OK);
    assert_non_null(s);
    assert_int_equal(s->training, WORDS);
    assert_int_equal(s->facts.bytes, 77);
    assert_int_equal(s->facts.conversations, 3);
    assert_true(hash_equal(s->facts.content, (hash128){ 8, 9 }));
    assert_int_equal(token_store_read(s, 0, WORDS, words), CADRE_OK);
    for (int32_t i = 0; i < WORDS; i++) assert_int_equal(words[i], word_at(i));
    assert_int_equal(token_store_read(s, 998, 2, words), CADRE_OK);
    assert_int_equal(words[1], word_at(999));
    for (int level = 0; level < 11; level++)
        assert_int_equal(s->facts.most[level], most_in(1 << level));
    assert_int_equal(token_store_read_validation(s, 2, &validation), CADRE_OK);
    assert_int_equal(validation.count, 2);
    assert_int_equal(token_store_read_validation(s, 100, &validation), CADRE_OK);
    assert_int_equal(validation.count, 3);
    assert_int_equal(validation.ids[2], 7);
    assert_int_equal(token_store_read_held_out(s, &held), CADRE_OK);
    assert_string_equal(held.text.data, "heldout\n\n");
    assert_int_equal(held.documents, 2);
    assert_int_equal(held.ends[1], 9);
    token_list_free(&validation);
    held_text_free(&held);
    token_store_close(s);
}

static void check_is_none(const char *path, hash128 wanted)
{
    token_store *s;
    assert_int_equal(token_store_open(path, wanted, &s), CADRE_OK);
    assert_null(s);
}

/* Another key, a byte too few or too many, and every flipped bit of the footer */
static void test_what_is_no_store(void **state)
{
    (void)state;
    const char *path = scratch_file("b.tokens"), *other = scratch_file("c.tokens");
    char *data;
    size_t size, begin = WORDS * 4 + 3 * 4 + 2 * 8 + 9;
    write_store(path, WORDS);
    check_is_none(scratch_file("none.tokens"), key);
    check_is_none(path, (hash128){ 3, 5 });
    assert_int_equal(file_read(path, 1 << 20, &data, &size), CADRE_OK);
    for (size_t n = 0; n < size; n += size / 40) {
        assert_int_equal(file_write(other, data, n), CADRE_OK);
        check_is_none(other, key);
    }
    assert_int_equal(file_write(other, data + 1, size - 1), CADRE_OK);
    check_is_none(other, key);
    for (size_t bit = begin * 8; bit < size * 8; bit += 13) {
        data[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(file_write(other, data, size), CADRE_OK);
        check_is_none(other, key);
        data[bit / 8] ^= (char)(1 << bit % 8);
    }
    /* Ends of held-out documents that fall are damage too. */
    token_store *s;
    held_text held = { 0 };
    data[WORDS * 4 + 3 * 4] = 100;
    assert_int_equal(file_write(other, data, size), CADRE_OK);
    assert_int_equal(token_store_open(other, key, &s), CADRE_OK);
    assert_int_equal(token_store_read_held_out(s, &held), CADRE_EFORMAT);
    held_text_free(&held);
    token_store_close(s);
    mem_free(data);
}

/* What was begun and not ended leaves nothing. */
static void test_a_store_that_is_given_up(void **state)
{
    (void)state;
    const char *path = scratch_file("d.tokens");
    token_store_writer *w;
    assert_int_equal(token_store_begin(path, &w), CADRE_OK);
    assert_int_equal(token_store_put(w, (const int32_t[]){ 1, 2 }, 2), CADRE_OK);
    token_store_discard(w);
    token_store_discard(NULL);
    assert_false(file_exists(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_comes_back),
        cmocka_unit_test(test_what_is_no_store),
        cmocka_unit_test(test_a_store_that_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
