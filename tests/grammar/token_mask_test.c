/* token_mask_test.c - a mask holds exactly the tokens whose bytes can be read; and what one costs
 * beside a large vocabulary. */
#include "grammar/token_mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "format/json_writer.h"
#include "grammar/schema.h"
#include "support/succeeds.h"
#include "support/tokenizer_sample.h"
#include "text/byte_level.h"
#include "text/vocabulary.h"

typedef struct opened {
    tokenizer *t;
    token_trie *trie;
    network n;
    token_masks m;
} opened;

static void open_masks(tokenizer *t, const char *schema, opened *o)
{
    node_id piece;
    o->t = t;
    succeeds(token_trie_new(t, &o->trie));
    succeeds(network_open(&o->n, "S"));
    succeeds(schema_read(&o->n, "S", schema, strlen(schema), &piece));
    node_id root = network_call(&o->n, piece, NETWORK_END);
    succeeds(network_measure(&o->n));
    succeeds(token_masks_open(&o->m, o->trie, tokenizer_size(t), &o->n, root));
}

static void close_masks(opened *o)
{
    token_masks_close(&o->m);
    network_free(&o->n);
    token_trie_free(o->trie);
    tokenizer_close(o->t);
}

static state_id step_text(opened *o, state_id state, const char *text, size_t size)
{
    for (size_t i = 0; i < size && state; i++)
        state = pushdown_step(&o->m.pushdown, state, (uint8_t)text[i]);
    return state;
}

static bool in_mask(const uint64_t *mask, int32_t id) { return mask[id >> 6] >> (id & 63) & 1; }

/* Some token that ends in a letter. */
static int32_t a_word(const tokenizer *t)
{
    for (int32_t id = 0; id < tokenizer_size(t); id++) {
        string_view piece = tokenizer_piece(t, id);
        char last = piece.size ? piece.data[piece.size - 1] : 0;
        if (last >= 'a' && last <= 'z' && !tokenizer_is_special(t, id)) return id;
    }
    fail();
    return -1;
}

/* Token by token, by what the tokenizer itself makes of each behind another one. */
static int check_mask(opened *o, state_id state)
{
    const uint64_t *mask;
    int allowed = 0, differ = 0;
    int32_t before = a_word(o->t);
    succeeds(token_masks_of(&o->m, state, &mask));
    for (int32_t id = 0; id < tokenizer_size(o->t); id++) {
        byte_buffer one = { 0 }, both = { 0 };
        int32_t pair[2] = { before, id };
        succeeds(tokenizer_decode(o->t, pair, 1, CADRE_SKIP_SPECIAL, &one));
        succeeds(tokenizer_decode(o->t, pair, 2, CADRE_SKIP_SPECIAL, &both));
        const char *bytes = both.data + one.size;
        size_t size = both.size - one.size;
        char byte = 0;
        if (size == 3 && !memcmp(bytes, "\xef\xbf\xbd", 3)) { /* a byte that is no text alone */
            int own = vocabulary_byte_of(tokenizer_piece(o->t, id));
            byte = (char)own;
            if (own >= 0) bytes = &byte, size = 1;
        }
        bool may = size && step_text(o, state, bytes, size);
        differ += may != in_mask(mask, id);
        allowed += may;
        byte_buffer_free(&one);
        byte_buffer_free(&both);
    }
    assert_int_equal(differ, 0);
    return allowed;
}

static tokenizer *sample(tokenizer_sample which)
{
    tokenizer *t;
    char *json = tokenizer_sample_text(which);
    succeeds(tokenizer_open_text(json, strlen(json), "sample", &t));
    mem_free(json);
    return t;
}

static const char schema[] = "{\"type\":\"object\",\"properties\":{\"the\":{\"type\":\"string\"},"
                             "\"n\":{\"type\":\"array\",\"items\":{"
                             "\"type\":\"number\"}}},\"required\":[\"the\"]}";

static void masks_are_what_can_be_read(void **state)
{
    static const tokenizer_sample kinds[] = { SAMPLE_BYTE_LEVEL, SAMPLE_SENTENCEPIECE };
    static const char *const texts[] = { "", "{", "{ \"", "{\"the\": \"", "{\"the\": \"a\\",
        "{\"the\": \"\xc3", "{\"the\": \"x\", \"n\":[1.5", "{\"the\":\"\"}" };
    (void)state;
    for (int k = 0; k < 2; k++) {
        opened o;
        open_masks(sample(kinds[k]), schema, &o);
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            state_id at = step_text(&o, o.m.pushdown.start, texts[i], strlen(texts[i]));
            assert_true(at);
            int allowed = check_mask(&o, at);
            if (strcmp(texts[i], "{\"the\":\"\"}") == 0) assert_int_equal(allowed, 0);
            else assert_true(allowed > 0);
        }
        close_masks(&o);
    }
}

/* ---- a large vocabulary ---- */

enum { WORDS = 150000 };

static void put_piece(json_writer *w, const char *bytes, size_t size, int32_t *id)
{
    byte_buffer piece = { 0 };
    succeeds(byte_level_put(&piece, bytes, size));
    json_put_int(w, piece.data, (*id)++);
    byte_buffer_free(&piece);
}

/* As many pieces as the largest vocabularies have: all bytes, and words of letters, of marks as in
 * programs, and of parts of characters. */
static tokenizer *large(void)
{
    static const char letters[] =
        "etaoinshrdlucmfwypvbgkjqxzETAOIN\xc3\xa9\xe6\xbc\xa2\"{}[]:,.\\ \n019";
    json_writer w = json_writer_new(0);
    tokenizer *t;
    int32_t id = 0;
    uint64_t seed = 1;
    json_put_object(&w, NULL);
    json_put_object(&w, "model");
    json_put_string(&w, "type", "BPE");
    json_put_object(&w, "vocab");
    for (int b = 0; b < 256; b++) put_piece(&w, &(char){ (char)b }, 1, &id);
    while (id < WORDS) {
        char word[32];
        uint64_t left = (uint64_t)id; /* first what makes it differ from all others */
        size_t size = 0, extra;
        if (id % 2) word[size++] = ' ';
        for (; left; left /= 26) word[size++] = letters[left % 26];
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        extra = (seed >> 60) % 6;
        word[size++] = '_';
        for (size_t i = 0; i < extra; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            word[size++] = letters[(seed >> 33) % (sizeof letters - 1)];
        }
        put_piece(&w, word, size, &id);
    }
    json_put_close(&w, '}');
    json_put_array(&w, "merges");
    json_put_close(&w, ']');
    json_put_close(&w, '}');
    json_put_object(&w, "decoder");
    json_put_string(&w, "type", "ByteLevel");
    json_put_close(&w, '}');
    json_put_close(&w, '}');
    succeeds(json_writer_status(&w));
    succeeds(tokenizer_open_text(w.text.data, w.text.size, "large", &t));
    json_writer_free(&w);
    return t;
}

static double seconds_of_mask(opened *o, state_id state)
{
    const uint64_t *mask;
    double begin = clock_processor_seconds();
    succeeds(token_masks_of(&o->m, state, &mask));
    return clock_processor_seconds() - begin;
}

static void a_step_costs_little(void **state)
{
    static const char *const texts[] = { "", "{\"", "{\"the\":\"", "{\"the\":\"abc\\",
        "{\"the\":\"\",\"n\":[" };
    opened o;
    (void)state;
    double begin = clock_processor_seconds();
    open_masks(large(), schema, &o);
    print_message(
        "# %u nodes, opened in %.3f s\n", o.trie->count, clock_processor_seconds() - begin);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        state_id at = step_text(&o, o.m.pushdown.start, texts[i], strlen(texts[i]));
        double first = seconds_of_mask(&o, at), again = seconds_of_mask(&o, at);
        print_message("# a mask of %d tokens after '%s': %.2f ms, then %.4f ms\n", WORDS, texts[i],
            1e3 * first, 1e3 * again);
        assert_true(first < 1 && again < 0.01);
    }
    close_masks(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(masks_are_what_can_be_read),
        cmocka_unit_test(a_step_costs_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
