/* corpus_test.c - what is a domain, where it is cut, and what is refused. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "support/tokenizer_sample.h"
#include "text/corpus.h"
#include "text/token_word.h"

static char folder[] = "/tmp/cadre-corpus-XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[4][256];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text)
{
    assert_int_equal(file_write(in_folder(name), text, strlen(text)), CADRE_OK);
}
static void make(const char *name)
{
    assert_int_equal(file_make_folder(in_folder(name)), CADRE_OK);
}

static corpus *read_all(const char *const *paths, int count)
{
    corpus *c = NULL;
    if (corpus_read(paths, count, NULL, &c) != CADRE_OK) fail_msg("%s", cadre_last_error());
    return c;
}

/* And takes the marks from the ids, of which the first one has one. */
static cadre_status tokenise(corpus *c, const tokenizer *t, int32_t end, int64_t context)
{
    const corpus_ids how = { .tokenizer = t, .end = end, .context = context };
    cadre_status status = corpus_tokenise(c, &how);
    for (int i = 0; i < c->count; i++) {
        token_list *lists[] = { &c->domains[i].training, &c->domains[i].validation };
        for (int k = 0; k < 2; k++) {
            if (lists[k]->count) assert_true(token_word_begins(lists[k]->ids[0]));
            for (size_t n = 0; n < lists[k]->count; n++) {
                assert_false(token_word_silent(lists[k]->ids[n]));
                lists[k]->ids[n] = token_word_id(lists[k]->ids[n]);
            }
        }
    }
    return status;
}

static void check_domain(const corpus *c, int index, const char *name, const char *text)
{
    assert_string_equal(c->domains[index].name, name);
    assert_int_equal(c->domains[index].size, strlen(text));
    assert_memory_equal(c->domains[index].text, text, strlen(text));
}

static void check_refused(const char *const *paths, int count, const char *words)
{
    corpus *c = NULL;
    assert_int_not_equal(corpus_read(paths, count, NULL, &c), CADRE_OK);
    assert_null(c);
    if (!strstr(cadre_last_error(), words))
        fail_msg("\"%s\" is not in \"%s\"", words, cadre_last_error());
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    make("texts");
    make("texts/code");
    make("texts/code/deep");
    put("texts/de.txt", "Deutsch\n");
    put("texts/en.a.txt", "English\n");
    put("texts/.hidden", "nobody reads this");
    put("texts/code/b.c", "two");
    put("texts/code/a.c", "one");
    put("texts/code/deep/z", "three");
    make("empty");
    put("nothing.txt", "");
    put("de.md", "again");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char *command = mem_printf("rm -rf %s", folder);
    int failed = system(command);
    mem_free(command);
    return failed;
}

static void test_one_folder(void **state)
{
    (void)state;
    corpus *c = read_all((const char *[]){ in_folder("texts") }, 1);
    assert_int_equal(c->count, 3);
    check_domain(c, 0, "code", "onetwothree");
    check_domain(c, 1, "de", "Deutsch\n");
    check_domain(c, 2, "en.a", "English\n");
    corpus_free(c);
}

static void test_several_paths(void **state)
{
    (void)state;
    corpus *c = read_all((const char *[]){ in_folder("de.md"), in_folder("texts/code/") }, 2);
    assert_int_equal(c->count, 2);
    check_domain(c, 0, "de", "again");
    check_domain(c, 1, "code", "onetwothree");
    corpus_free(c);
}

static void test_refused(void **state)
{
    (void)state;
    check_refused(NULL, 0, "at least one");
    check_refused((const char *[]){ in_folder("missing.txt") }, 1, "missing.txt");
    check_refused((const char *[]){ in_folder("empty") }, 1, "an empty one");
    check_refused((const char *[]){ in_folder("nothing.txt") }, 1, "is empty");
    check_refused((const char *[]){ in_folder("empty"), in_folder("de.md") }, 2, "is empty");
    check_refused(
        (const char *[]){ in_folder("de.md"), in_folder("texts/de.txt") }, 2, "found \"de\" twice");
    assert_int_equal(symlink(".", in_folder("empty/again")), 0);
    check_refused((const char *[]){ in_folder("empty"), in_folder("de.md") }, 2, "");
    unlink(in_folder("empty/again"));
}

static size_t cut_of(const char *text, size_t size)
{
    assert_int_equal(file_write(in_folder("cut.txt"), text, size), CADRE_OK);
    corpus *c = read_all((const char *[]){ in_folder("cut.txt") }, 1);
    size_t cut = c->domains[0].training_size;
    corpus_free(c);
    return cut;
}

static void test_passage_begins_with_prose(void **state)
{
    (void)state;
    const char
        table[] = "a | b\nc | d\n\n  indented\n",
        prose[] =
            "\n\nHere begins a paragraph whose first line is long enough to be read as prose.\n";
    char text[400] = "";
    for (int i = 0; i < 8; i++) strcat(text, table);
    size_t middle = strlen(text) / 2;
    assert_true(corpus_passage(text, strlen(text)) == middle); /* none: the middle */
    strcat(text, prose);
    assert_memory_equal(text + corpus_passage(text, strlen(text)), "Here", 4);
    assert_int_equal(corpus_passage("", 0), 0);
    const char cut[] = "ab\xf0\x9f\x91\x8d";
    assert_int_equal(corpus_passage(cut, 6), 6); /* not within a character */
}

static void test_cut(void **state)
{
    (void)state;
    char text[2000];
    memset(text, 'x', sizeof text);
    assert_int_equal(cut_of(text, sizeof text), 1900); /* no line end: 5 % */
    text[1850] = '\n';
    assert_int_equal(cut_of(text, sizeof text), 1851); /* after the last line end before */
    text[1899] = '\n';
    assert_int_equal(cut_of(text, sizeof text), 1900);
    memset(text, 'x', sizeof text);
    memcpy(text + 1898, "\xf0\x9f\x91\x8d", 4);
    assert_int_equal(cut_of(text, sizeof text), 1898); /* not within a character */
    assert_int_equal(cut_of("ab", 2), 2);
}

static void test_tokens(void **state)
{
    (void)state;
    char *json = tokenizer_sample_text(SAMPLE_BYTE_LEVEL), line[] = "the experts and the tokens\n";
    byte_buffer text = { 0 }, back = { 0 };
    tokenizer *t;
    assert_int_equal(tokenizer_open_text(json, strlen(json), "sample", &t), CADRE_OK);
    for (int i = 0; i < 100; i++) byte_buffer_put(&text, line, strlen(line));
    assert_int_equal(file_write(in_folder("lines.txt"), text.data, text.size), CADRE_OK);
    corpus *c = read_all((const char *[]){ in_folder("lines.txt"), in_folder("de.md") }, 2);
    assert_int_equal(tokenise(c, t, -1, 2), CADRE_OK);
    const corpus_domain *d = &c->domains[0];
    assert_int_equal(d->training_size, 95 * strlen(line));
    assert_int_equal(tokenizer_decode(t, d->training.ids, d->training.count, 0, &back), CADRE_OK);
    assert_int_equal(
        tokenizer_decode(t, d->validation.ids, d->validation.count, 0, &back), CADRE_OK);
    assert_int_equal(back.size, text.size);
    assert_memory_equal(back.data, text.data, text.size);
    assert_int_equal(tokenise(c, t, -1, 64), CADRE_EFORMAT); /* "again" is shorter */
    assert_non_null(strstr(cadre_last_error(), "de.md: expected at least 65 tokens"));
    corpus_free(c);
    tokenizer_close(t);
    byte_buffer_free(&text);
    byte_buffer_free(&back);
    mem_free(json);
}

/* Files of a folder, or lines with a text: each ends with the token, none runs into the next. */
static void check_documents(const char *path, tokenizer *t)
{
    static const char *const documents[] = { "the expert", "and the token", "the end" };
    enum { END = 7 };
    corpus *c = read_all(&path, 1);
    token_list expected = { 0 };
    string_view *texts;
    int count;
    const corpus_domain *d = &c->domains[0];
    assert_int_equal(d->documents, 3);
    assert_int_equal(corpus_training_texts(c, SIZE_MAX, &texts, &count), CADRE_OK);
    assert_int_equal(count, 3); /* the last up to where it is cut */
    for (int i = 0; i < 2; i++) assert_true(string_view_is(texts[i], documents[i]));
    assert_int_equal(corpus_document_end(d, 0), 10);
    assert_int_equal(corpus_document_end(d, 10), 23);
    assert_int_equal(corpus_document_end(d, d->size - 1), d->size);
    assert_int_equal(tokenise(c, t, END, 2), CADRE_OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            tokenizer_encode(t, documents[i], strlen(documents[i]), 0, &expected), CADRE_OK);
        assert_int_equal(token_list_put(&expected, END), CADRE_OK);
    }
    assert_true(d->training.count > expected.count); /* the begun third, which does not end there */
    assert_memory_equal(d->training.ids, expected.ids, expected.count * sizeof *expected.ids);
    assert_int_not_equal(d->training.ids[d->training.count - 1], END);
    assert_int_equal(d->validation.ids[d->validation.count - 1], END);
    mem_free(texts);
    token_list_free(&expected);
    corpus_free(c);
}

static void test_documents(void **state)
{
    (void)state;
    char *json = tokenizer_sample_text(SAMPLE_BYTE_LEVEL);
    tokenizer *t;
    assert_int_equal(tokenizer_open_text(json, strlen(json), "sample", &t), CADRE_OK);
    make("documents");
    make("documents/all");
    put("documents/all/1", "the expert");
    put("documents/all/2", "and the token");
    put("documents/all/3", "the end");
    put("documents/all/4", "");
    check_documents(in_folder("documents"), t);
    put("lines.jsonl", "{\"text\": \"the expert\"}\n\n{\"id\": 2, \"text\": \"and the "
                       "token\"}\n{\"text\": \"the end\"}");
    check_documents(in_folder("lines.jsonl"), t);
    put("numbers.jsonl", "[1, 2]\n[3]\n"); /* no texts in it: a text itself */
    corpus *c = read_all((const char *[]){ in_folder("numbers.jsonl") }, 1);
    check_domain(c, 0, "numbers", "[1, 2]\n[3]\n");
    assert_int_equal(corpus_check_length(c, 12), CADRE_EFORMAT); /* fewer bytes than that */
    assert_int_equal(corpus_check_length(c, 11), CADRE_OK);
    corpus_free(c);
    put("broken.jsonl", "{\"text\": \"one\"}\n{\"texts\": 2}\n");
    check_refused((const char *[]){ in_folder("broken.jsonl") }, 1, "line 2");
    tokenizer_close(t);
    mem_free(json);
}

/* Prompts with completions, and texts beside them: what is silent, and where a document begins. */
static void test_silent_parts(void **state)
{
    (void)state;
    enum { END = 7 };
    char *json = tokenizer_sample_text(SAMPLE_BYTE_LEVEL);
    tokenizer *t;
    token_list prompt = { 0 }, completion = { 0 };
    assert_int_equal(tokenizer_open_text(json, strlen(json), "sample", &t), CADRE_OK);
    put("pairs.jsonl",
        "{\"prompt\": \"the expert\", \"completion\": \" and the token\"}\n"
        "{\"text\": \"the end\"}\n{\"prompt\": [{\"role\": \"user\", \"content\": \"a\"}], "
        "\"completion\": [{\"role\": \"assistant\", \"content\": [{\"type\": \"text\", \"text\": "
        "\"b\"}]}]}\n{\"messages\": []}\n{\"text\": \"held out\"}");
    corpus *c = read_all((const char *[]){ in_folder("pairs.jsonl") }, 1);
    const corpus_domain *d = &c->domains[0];
    assert_int_equal(d->documents, 4); /* one says nothing */
    assert_int_equal(d->part_count, 4);
    assert_true(corpus_has_conversations(d));
    corpus_ids how = { .tokenizer = t, .end = END, .context = 2, .answers_only = true };
    assert_int_equal(corpus_tokenise(c, &how), CADRE_EUNSUPPORTED); /* no template */
    how.chat = chat_template_find("chatml");
    assert_int_equal(corpus_tokenise(c, &how), CADRE_OK);
    assert_int_equal(tokenizer_encode(t, "the expert", 10, 0, &prompt), CADRE_OK);
    assert_int_equal(tokenizer_encode(t, " and the token", 14, 0, &completion), CADRE_OK);
    assert_int_equal(token_list_put(&completion, END), CADRE_OK);
    for (size_t i = 0; i < prompt.count; i++)
        assert_int_equal(d->training.ids[i], prompt.ids[i] | TOKEN_SILENT | (i ? 0 : TOKEN_BEGINS));
    for (size_t i = 0; i < completion.count; i++)
        assert_int_equal(d->training.ids[prompt.count + i], completion.ids[i]);
    assert_true(token_word_begins(d->training.ids[prompt.count + completion.count]));
    /* The conversation is the last that is trained on, and ends with a line feed that is silent. */
    assert_true(token_word_silent(d->training.ids[d->training.count - 1]));
    assert_false(token_word_silent(d->training.ids[d->training.count - 2]));
    how.answers_only = false;
    assert_int_equal(corpus_tokenise(c, &how), CADRE_OK);
    for (size_t i = 0; i < d->training.count; i++)
        assert_false(token_word_silent(d->training.ids[i]));
    token_list_free(&prompt), token_list_free(&completion);
    corpus_free(c);
    tokenizer_close(t);
    mem_free(json);
}

/* A folder is cut between documents where one ends in the 5 % before; a hash tells one document
 * from two of the same text. */
static void test_cut_between_documents(void **state)
{
    (void)state;
    char text[2000];
    memset(text, 'x', sizeof text);
    text[1899] = '\n';
    make("halves");
    make("halves/a");
    make("whole");
    make("whole/a");
    assert_int_equal(file_write(in_folder("halves/a/1"), text, 1830), CADRE_OK);
    assert_int_equal(file_write(in_folder("halves/a/2"), text + 1830, 170), CADRE_OK);
    assert_int_equal(file_write(in_folder("whole/a/1"), text, sizeof text), CADRE_OK);
    corpus *halves = read_all((const char *[]){ in_folder("halves") }, 1);
    corpus *whole = read_all((const char *[]){ in_folder("whole") }, 1);
    assert_int_equal(halves->domains[0].training_size, 1830);
    assert_int_equal(whole->domains[0].training_size, 1900);
    hash128 two, one;
    assert_int_equal(corpus_hash(&halves->domains[0], &two), CADRE_OK);
    assert_int_equal(corpus_hash(&whole->domains[0], &one), CADRE_OK);
    assert_false(hash_equal(two, one));
    corpus_free(halves);
    corpus_free(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_folder),
        cmocka_unit_test(test_several_paths),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_passage_begins_with_prose),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_silent_parts),
        cmocka_unit_test(test_cut_between_documents),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
