/* bpe_train_test.c - merges in the right order, any bytes there and back, the same texts the same
 * bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"
#include "text/bpe_train.h"
#include "text/tokenizer.h"

static const char *const end_of_text[] = { "<|endoftext|>" };

static byte_buffer trained(const string_view *texts, int count, int32_t vocabulary)
{
    byte_buffer json = { 0 };
    bpe_train_options options = { vocabulary, end_of_text, 1 };
    if (bpe_train(texts, count, &options, &json) != CADRE_OK) fail_msg("%s", cadre_last_error());
    return json;
}

static tokenizer *opened(const byte_buffer *json)
{
    tokenizer *t = NULL;
    if (tokenizer_open_text(json->data, json->size, "trained", &t) != CADRE_OK)
        fail_msg("%s", cadre_last_error());
    return t;
}

static string_view view(const char *text) { return (string_view){ text, strlen(text) }; }

/* Counted by hand: "ab" 5 times, then " ab" 4, then " abc" 3; the first word stays alone. */
static void test_order_of_merges(void **state)
{
    (void)state;
    byte_buffer json = trained((string_view[]){ view("ab ab abc"), view(" abc abc") }, 2, 512);
    tokenizer *t = opened(&json);
    assert_int_equal(tokenizer_size(t), 257 + 3);
    assert_int_equal(tokenizer_id(t, "<|endoftext|>", 13), 0);
    static const char *const merged[] = { "ab",
        "\xc4\xa0"
        "ab",
        "\xc4\xa0"
        "abc" };
    for (int i = 0; i < 3; i++) {
        string_view piece = tokenizer_piece(t, 257 + i);
        assert_int_equal(piece.size, strlen(merged[i]));
        assert_memory_equal(piece.data, merged[i], piece.size);
    }
    tokenizer_close(t);
    byte_buffer_free(&json);
}

/* Overlapping pairs: "aaaa" is aa aa, then aaaa. */
static void test_runs(void **state)
{
    (void)state;
    byte_buffer json = trained((string_view[]){ view("aaaa\naaaa\naaaa") }, 1, 512);
    tokenizer *t = opened(&json);
    token_list ids = { 0 };
    assert_int_equal(tokenizer_size(t), 257 + 2);
    assert_int_equal(tokenizer_encode(t, "aaaaaaa", 7, 0, &ids), CADRE_OK);
    assert_int_equal(ids.count, 3);
    assert_int_equal(ids.ids[0], tokenizer_id(t, "aaaa", 4));
    assert_int_equal(ids.ids[1], tokenizer_id(t, "aa", 2));
    token_list_free(&ids);
    tokenizer_close(t);
    byte_buffer_free(&json);
}

static void test_any_bytes(void **state)
{
    (void)state;
    byte_buffer json = trained(
        (string_view[]){ view("the text of the tokens, \xc3\xa9t\xc3\xa9 \xff\xfe the the the") },
        1, 600);
    tokenizer *t = opened(&json);
    random_key key = random_key_of(3, "bytes", 0, 0);
    for (uint64_t round = 0; round < 300; round++) {
        char text[64];
        token_list ids = { 0 };
        byte_buffer back = { 0 };
        for (uint64_t i = 0; i < sizeof text; i++) {
            uint32_t bits = random_bits(key, round * sizeof text + i);
            text[i] = bits & 1 ? (char)(bits >> 8) : "the \xc3\xa9"[bits >> 8 & 3];
        }
        assert_int_equal(tokenizer_encode(t, text, sizeof text, 0, &ids), CADRE_OK);
        assert_int_equal(tokenizer_decode(t, ids.ids, ids.count, 0, &back), CADRE_OK);
        assert_int_equal(back.size, sizeof text);
        assert_memory_equal(back.data, text, sizeof text);
        token_list_free(&ids);
        byte_buffer_free(&back);
    }
    tokenizer_close(t);
    byte_buffer_free(&json);
}

/* A word without end, in which every pair can be merged, is counted in parts. */
static void test_endless_word(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    char *text = malloc(SIZE);
    random_key key = random_key_of(4, "letters", 0, 0);
    for (uint64_t i = 0; i < SIZE; i++) text[i] = (char)('a' + random_bits(key, i) % 4);
    byte_buffer json = trained((string_view[]){ { text, SIZE } }, 1, 1024),
                again = trained((string_view[]){ { text, SIZE } }, 1, 1024);
    tokenizer *t = opened(&json);
    assert_int_equal(tokenizer_size(t), 1024);
    assert_int_equal(json.size, again.size);
    assert_memory_equal(json.data, again.data, json.size);
    tokenizer_close(t);
    byte_buffer_free(&json);
    byte_buffer_free(&again);
    free(text);
}

static void test_refused(void **state)
{
    (void)state;
    byte_buffer json = { 0 };
    string_view text = view("text");
    assert_int_equal(
        bpe_train(&text, 1, &(bpe_train_options){ 511, NULL, 0 }, &json), CADRE_EARGUMENT);
    assert_int_equal(
        bpe_train(&text, 1, &(bpe_train_options){ 65537, NULL, 0 }, &json), CADRE_EARGUMENT);
    assert_int_equal(
        bpe_train(&text, 1, &(bpe_train_options){ 512, NULL, 257 }, &json), CADRE_EARGUMENT);
    assert_null(json.data);
}

static void test_nothing_to_learn(void **state)
{
    (void)state;
    byte_buffer json = trained(NULL, 0, 512);
    tokenizer *t = opened(&json);
    assert_int_equal(tokenizer_size(t), 257);
    tokenizer_close(t);
    byte_buffer_free(&json);
}

static void stops_when_asked(void **state)
{
    (void)state;
    string_view text = { "the experts and the tokens", 26 };
    bpe_train_options o = { BPE_TRAIN_MIN, NULL, 0 };
    byte_buffer json = { 0 };
    cadre_interrupt();
    assert_int_equal(bpe_train(&text, 1, &o, &json), CADRE_EINTERRUPTED);
    cadre_interrupt_clear();
    assert_int_equal(bpe_train(&text, 1, &o, &json), CADRE_OK);
    byte_buffer_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_when_asked),
        cmocka_unit_test(test_order_of_merges),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_endless_word),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nothing_to_learn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
