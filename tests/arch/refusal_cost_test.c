/* refusal_cost_test.c - what it costs to refuse the JSON of a model: at most 24 times its bytes of
 * memory, and little time, whatever its size and wherever in a file the values stand that are too
 * many, too deep or too long. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "arch/config_json.h"
#include "base/buffer.h"
#include "format/safetensors.h"
#include "support/heap_peak.h"
#include "support/long.h"
#include "support/refusal.h"
#include "support/scratch.h"
#include "text/tokenizer.h"

/* The memory that small files may take beyond the rule; and seconds, far above what is printed, for
 * machines under load. */
enum { FLOOR = 64 << 10 };
static const double TIME_MOST = 1;

/* ---- values ---- */

static const struct {
    const char *name, *begin, *item, *between, *end; /* %zx in an item is its number */
} values[] = {
    { "empty arrays", "[", "[]", ",", "]" },
    { "empty objects", "[", "{}", ",", "]" },
    { "empty strings", "[", "\"\"", ",", "]" },
    { "zeros", "[", "0", ",", "]" },
    { "pairs", "[", "[0,1]", ",", "]" },
    { "words", "[", "\"word\"", ",", "]" },
    { "members", "{", "\"%zx\":0", ",", "}" },
    { "members that are words", "{", "\"%zx\":\"w\"", ",", "}" },
    { "members that are objects", "{", "\"%zx\":{}", ",", "}" },
    { "members that are arrays", "{", "\"%zx\":[]", ",", "}" },
    { "tensors", "{", "\"%zx\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}", ",", "}" },
    { "pieces", "[", "[\"%zx\",0]", ",", "]" },
    { "tokens", "[", "{\"id\":%zu,\"content\":\"\",\"special\":true}", ",", "]" },
    { "arrays in arrays", "", "[", "", "" },
    { "objects in objects", "", "{\"\":", "", "" },
    { "a long string", "\"", "x", "", "\"" },
    { "a long string of escapes", "\"", "\\u0061", "", "\"" },
    { "a long number", "", "1", "", "" },
    { "white space", "[", " ", "", "]" },
};
enum { VALUES = sizeof values / sizeof *values };

/* Writes a value of about `room` bytes; returns its bytes. */
static size_t put_value(char *text, size_t room, int kind)
{
    size_t size = (size_t)sprintf(text, "%s", values[kind].begin),
           between = strlen(values[kind].between);
    for (size_t i = 0; size < room; i++) {
        if (i && between) text[size++] = *values[kind].between;
        if (strchr(values[kind].item, '%')) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            size += (size_t)sprintf(text + size, values[kind].item, i);
#pragma GCC diagnostic pop
        } else {
            size_t length = strlen(values[kind].item);
            memcpy(text + size, values[kind].item, length);
            size += length;
        }
    }
    return size + (size_t)sprintf(text + size, "%s", values[kind].end);
}

/* ---- files ---- */

static cadre_status open_safetensors(const char *path)
{
    safetensors *file;
    cadre_status status = safetensors_open(path, &file);
    if (status == CADRE_OK) safetensors_close(file);
    return status;
}

static cadre_status open_config(const char *path)
{
    model_config config;
    cadre_status status = model_config_read(path, &config);
    if (status == CADRE_OK) model_config_free(&config);
    return status;
}

static cadre_status open_tokenizer(const char *path)
{
    tokenizer *t;
    cadre_status status = tokenizer_open_json(path, &t);
    if (status == CADRE_OK) tokenizer_close(t);
    return status;
}

#define BPE "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}"
static const struct {
    const char *name, *before, *after;
    cadre_status (*open)(const char *path);
} places[] = {
    { "x.safetensors", "", "", open_safetensors },
    { "x.safetensors", "{\"a\":", "}", open_safetensors },
    { "x.safetensors", "{\"__metadata__\":", ",\"a\":0}", open_safetensors },
    { "x.index.json", "", "", open_safetensors },
    { "x.index.json", "{\"weight_map\":", "}", open_safetensors },
    { "x.index.json", "{\"metadata\":", ",\"weight_map\":0}", open_safetensors },
    { "config.json", "", "", open_config },
    { "config.json", "{\"model_type\":\"mixtral\",\"hidden_size\":", "}", open_config },
    { "config.json", "{\"model_type\":\"none\",\"x\":", "}", open_config },
    { "tokenizer.json", "", "", open_tokenizer },
    { "tokenizer.json", "{\"model\":{\"type\":\"BPE\",\"merges\":[],\"vocab\":", "}}",
        open_tokenizer },
    { "tokenizer.json", "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":", "}}",
        open_tokenizer },
    { "tokenizer.json", "{\"model\":{\"type\":\"Unigram\",\"unk_id\":-1,\"vocab\":", "}}",
        open_tokenizer },
    { "tokenizer.json", BPE ",\"added_tokens\":", "}", open_tokenizer },
    { "tokenizer.json", BPE ",\"normalizer\":", "}", open_tokenizer },
    { "tokenizer.json", BPE ",\"none\":", "}", open_tokenizer },
};
enum { PLACES = sizeof places / sizeof *places };

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef struct cost {
    double seconds, memory; /* the most, memory beyond the floor and per byte */
    char slowest[96], largest[96];
} cost;

/* `text` has room for the value, which is of `kind`, and what stands around it. */
static void measure(int place, int kind, string_view value, char *text, bool counts, cost *worst)
{
    char what[96];
    snprintf(
        what, sizeof what, "%s, %s%s", values[kind].name, places[place].name, places[place].before);
    size_t head =
        places[place].open == open_safetensors && !strstr(places[place].name, "json") ? 8 : 0;
    size_t size = head + (size_t)sprintf(text + head, "%s", places[place].before);
    memcpy(text + size, value.data, value.size);
    size += value.size;
    size += (size_t)sprintf(text + size, "%s", places[place].after);
    for (size_t i = 0; i < head; i++) text[i] = (char)((size - head) >> 8 * i);
    const char *path = scratch_file(places[place].name);
    FILE *file = fopen(path, "wb");
    assert_true(file && fwrite(text, 1, size, file) == size && fclose(file) == 0);
    if (counts) heap_peak_begin();
    double begin = seconds();
    cadre_status status = places[place].open(path);
    double took = seconds() - begin;
    size_t peak = counts ? heap_peak_end() : 0;
    double memory = peak > FLOOR ? (double)(peak - FLOOR) / (double)size : 0;
    /* EIO: a shard */
    if (status != CADRE_OK && status != CADRE_EIO)
        assert_true(refusal_is_good(what, status, path, ""));
    if (took > worst->seconds) {
        worst->seconds = took;
        memcpy(worst->slowest, what, sizeof what);
    }
    if (memory > worst->memory) {
        worst->memory = memory;
        memcpy(worst->largest, what, sizeof what);
    }
    if (memory > 24 || took > TIME_MOST)
        printf("    %zu bytes, %s: %.1f ms, %.1f times\n", size, what, took * 1e3, memory);
}

static void check_size(size_t room, bool counts)
{
    cost worst = { 0 };
    char *text = malloc(room + 4096), *value = malloc(room + 1024);
    for (int kind = 0; kind < VALUES; kind++) {
        const string_view v = { value, put_value(value, room, kind) };
        for (int place = 0; place < PLACES; place++) measure(place, kind, v, text, counts, &worst);
    }
    free(value);
    free(text);
    printf("    %zu bytes: at most %.1f ms (%s)\n", room, worst.seconds * 1e3, worst.slowest);
    printf("    %zu bytes: at most %.1f times the bytes (%s)\n", room, worst.memory, worst.largest);
    assert_true(worst.memory <= 24 && worst.seconds <= TIME_MOST);
}

static void refusal_is_cheap_at_every_size(void **state)
{
    (void)state;
    bool counts = heap_peak_begin();
    if (!counts) printf("SKIP: not built with the address sanitizer, which counts: memory\n");
    static const size_t sizes[] = { 100, 1000, 4000, 16000, 64000, 250000 };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) check_size(sizes[i], counts);
    if (long_form()) check_size(1000000, counts);
    const char *more = getenv("CADRE_REFUSAL_BYTES"); /* larger ones, by hand */
    if (more) check_size(strtoul(more, NULL, 10), counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(refusal_is_cheap_at_every_size) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
