/* corpus_store_test.c - domains whose tokens lie in a file have the same ones as in memory; long
 * texts, and samples of large ones. */
#define _GNU_SOURCE
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
#include "support/tokenizer_sample.h"
#include "text/corpus.h"
#include "text/corpus_domain.h"
#include "text/token_word.h"

static const hash128 key = { 1, 2 };
static tokenizer *t;

static int set_up(void **state)
{
    (void)state;
    char *json = tokenizer_sample_text(SAMPLE_BYTE_LEVEL);
    cadre_status status = tokenizer_open_text(json, strlen(json), "sample", &t);
    mem_free(json);
    return status != CADRE_OK;
}

static int tear_down(void **state)
{
    (void)state;
    tokenizer_close(t);
    return 0;
}

static corpus *read_one(const char *path)
{
    corpus *c;
    if (corpus_read(&path, 1, NULL, &c) != CADRE_OK) fail_msg("%s", cadre_last_error());
    return c;
}

static void put_lines(const char *path, int count)
{
    byte_buffer text = { 0 };
    for (int i = 0; i < count; i++)
        if (i % 3) byte_buffer_format(&text, "{\"text\": \"the expert %d\"}\n", i);
        else byte_buffer_format(&text, "{\"prompt\": \"token %d\", \"completion\": \" and\"}\n", i);
    assert_int_equal(file_write(path, text.data, text.size), CADRE_OK);
    byte_buffer_free(&text);
}

/* a in memory, b in a store */
static void check_same_rest(const corpus_domain *a, const corpus_domain *b)
{
    token_list validation = { 0 };
    held_text own = { 0 };
    const held_text *held, *there;
    assert_int_equal(a->facts.documents, b->facts.documents);
    assert_int_equal(a->facts.texts, b->facts.texts);
    assert_int_equal(a->facts.completions, b->facts.completions);
    assert_true(hash_equal(a->facts.content, b->facts.content));
    assert_int_equal(token_store_read_validation(b->store, INT64_MAX, &validation), CADRE_OK);
    assert_int_equal(a->validation.count, validation.count);
    assert_memory_equal(a->validation.ids, validation.ids, validation.count * 4);
    assert_int_equal(corpus_held_out(a, &own, &there), CADRE_OK);
    assert_ptr_equal(there, &a->held_out);
    assert_int_equal(corpus_held_out(b, &own, &held), CADRE_OK);
    assert_int_equal(there->text.size, held->text.size);
    assert_memory_equal(there->text.data, held->text.data, held->text.size);
    assert_int_equal(there->documents, held->documents);
    assert_memory_equal(there->ends, held->ends, held->documents * 8);
    token_list_free(&validation);
    held_text_free(&own);
}

static void check_same_training(const corpus_domain *memory, const token_store *store)
{
    int32_t *words = MEM_ARRAY(int32_t, memory->training.count);
    assert_int_equal(store->training, memory->training.count);
    assert_int_equal(token_store_read(store, 0, store->training, words), CADRE_OK);
    assert_memory_equal(words, memory->training.ids, memory->training.count * sizeof *words);
    mem_free(words);
}

static void test_a_store_has_the_same_tokens(void **state)
{
    (void)state;
    const char *path = scratch_file("lines.jsonl"), *stored = scratch_file("lines.tokens");
    const corpus_ids how = { .tokenizer = t, .end = 7, .context = 4, .answers_only = true };
    put_lines(path, 90000); /* more ids than are kept before they are written */
    corpus *memory = read_one(path), *disk = read_one(path), *later;
    assert_int_equal(corpus_tokenise(memory, &how), CADRE_OK);
    assert_int_equal(corpus_store_domain(disk, 0, &how, stored, key), CADRE_OK);
    assert_null(disk->domains[0].text);
    check_same_training(&memory->domains[0], disk->domains[0].store);
    check_same_rest(&memory->domains[0], &disk->domains[0]);
    /* A later run reads no text at all. */
    token_store *store;
    assert_int_equal(corpus_list(&path, 1, NULL, &later), CADRE_OK);
    assert_int_equal(token_store_open(stored, key, &store), CADRE_OK);
    assert_non_null(store);
    assert_int_equal(corpus_take_store(later, 0, store, 4), CADRE_OK);
    check_same_training(&memory->domains[0], store);
    check_same_rest(&memory->domains[0], &later->domains[0]);
    assert_int_equal(later->domains[0].size, memory->domains[0].size);
    corpus_free(memory), corpus_free(disk), corpus_free(later);
}

static void test_a_store_that_is_too_short(void **state)
{
    (void)state;
    const char *path = scratch_file("short.txt"), *stored = scratch_file("short.tokens");
    const corpus_ids how = { .tokenizer = t, .end = -1, .context = 1000 };
    assert_int_equal(file_write(path, "the expert and the token", 24), CADRE_OK);
    corpus *c = read_one(path);
    assert_int_equal(corpus_store_domain(c, 0, &how, stored, key), CADRE_EFORMAT);
    assert_non_null(strstr(cadre_last_error(), "expected at least 1001 tokens"));
    corpus_free(c);
}

/* A text that the tokenizer does not take at once is the same text, and one document. */
static void test_a_long_text(void **state)
{
    (void)state;
    const size_t size = (size_t)20 << 20;
    static const char line[] = "the expert and the token of the layer\n";
    const char *path = scratch_file("long.txt");
    char *text = mem_alloc(size, 1);
    byte_buffer back = { 0 };
    for (size_t i = 0; i < size; i++) text[i] = line[i % (sizeof line - 1)];
    assert_int_equal(file_write(path, text, size), CADRE_OK);
    corpus *c = read_one(path);
    corpus_domain *d = &c->domains[0];
    const corpus_ids how = { .tokenizer = t, .end = -1, .context = 4 };
    assert_int_equal(corpus_tokenise(c, &how), CADRE_OK);
    assert_true(d->size - d->training_size <= 1 << 20);
    assert_true(token_word_begins(d->training.ids[0]));
    d->training.ids[0] = token_word_id(d->training.ids[0]);
    for (size_t i = 0; i < d->training.count; i++)
        assert_true(d->training.ids[i] == token_word_id(d->training.ids[i]));
    assert_int_equal(tokenizer_decode(t, d->training.ids, d->training.count, 0, &back), CADRE_OK);
    assert_int_equal(back.size, d->training_size);
    assert_memory_equal(back.data, text, back.size);
    byte_buffer_free(&back);
    corpus_free(c);
    mem_free(text);
}

/* Of a large text, about as much as is asked for, from everywhere, and always the same. */
static void test_samples(void **state)
{
    (void)state;
    const char *path = scratch_file("sample.txt");
    const size_t size = (size_t)6 << 20, most = 1 << 20;
    char *text = mem_alloc(size, 1);
    memset(text, 'a', size);
    assert_int_equal(file_write(path, text, size), CADRE_OK);
    corpus *c = read_one(path);
    string_view *texts, *again;
    int count, same;
    size_t sum = 0, thirds[3] = { 0 };
    assert_int_equal(corpus_training_texts(c, SIZE_MAX, &texts, &count), CADRE_OK);
    assert_int_equal(count, 1);
    mem_free(texts);
    assert_int_equal(corpus_training_texts(c, most, &texts, &count), CADRE_OK);
    assert_int_equal(corpus_training_texts(c, most, &again, &same), CADRE_OK);
    assert_int_equal(count, same);
    assert_memory_equal(texts, again, (size_t)count * sizeof *texts);
    for (int i = 0; i < count; i++) {
        sum += texts[i].size;
        thirds[3 * (size_t)(texts[i].data - c->domains[0].text) / size] += texts[i].size;
    }
    assert_in_range(sum, most - (1 << 17), most + (1 << 17));
    for (int i = 0; i < 3; i++) assert_true(thirds[i] > most / 4);
    mem_free(texts), mem_free(again);
    corpus_free(c);
    mem_free(text);
}

/* A large text lies in a file, from the byte on at which it becomes large. */
static void test_a_text_in_a_spool(void **state)
{
    (void)state;
    corpus_domain d = { .spool_folder = scratch_folder() };
    const size_t piece = (size_t)9 << 20;
    char *text = mem_alloc(piece, 1);
    for (int i = 0; i < 10; i++) {
        memset(text, 'a' + i, piece);
        assert_int_equal(domain_append(&d, text, piece), CADRE_OK);
        assert_int_equal(d.spool.data != NULL, (size_t)(i + 1) * piece + 1 > (size_t)64 << 20);
    }
    assert_int_equal(d.size, 10 * piece);
    for (size_t at = 0; at < d.size; at += piece / 3)
        assert_int_equal(d.text[at], 'a' + (int)(at / piece));
    assert_int_equal(d.text[d.size], 0);
    domain_drop_text(&d);
    assert_null(d.text);
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_store_has_the_same_tokens),
        cmocka_unit_test(test_a_store_that_is_too_short),
        cmocka_unit_test(test_a_long_text),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_a_text_in_a_spool),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
