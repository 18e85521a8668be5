/* follow_test.c - models that several ranks run together: every published architecture, in every
 * way to divide it, gives the bits of one process.
 *
 * In short, each runs on two ranks in every way, and in one of the other layouts: that which fewest
 * of the models before it ran in, so that every layout has its models. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "cadre.h"
#include "kernel/context.h"
#include "model/model.h"
#include "format/safetensors.h"
#include "support/generation.h"
#include "support/long.h"
#include "support/oracle.h"
#include "support/ranked.h"
#include "support/scratch.h"
#include "support/succeeds.h"

enum { MOST_CASES = 128, MOST_TOKENS = 64, WRITTEN = 5, WRITTEN_LONG = 12 };

typedef struct layout_case {
    int ranks;
    const char *layout;
} layout_case;

/* The first EVERY are those of every model. */
static const layout_case layouts[] = { { 2, "expert=2" }, { 2, "tensor=2" }, { 2, "pipeline=2" },
    { 2, NULL }, { 3, "expert=3" }, { 3, "pipeline=3" }, { 3, "tensor=3" }, { 4, "expert=4" },
    { 4, "tensor=4" }, { 4, "expert=2,tensor=2" }, { 4, "expert=2,pipeline=2" },
    { 4, "pipeline=2,tensor=2" } };
enum { LAYOUTS = sizeof layouts / sizeof *layouts, EVERY = 3 };

static int models[LAYOUTS]; /* that ran in each layout */

/* What is asked of a model, and what it answers: a file of logits and routes, and a text. */
typedef struct question {
    const int32_t *tokens, *decoder;
    int64_t count, decoder_count;
    const char *logits;
    int32_t ids[MOST_TOKENS];
    int64_t written;
} question;

static bool listen(void *arg, int32_t id, const char *piece, size_t size)
{
    question *q = arg;
    (void)piece, (void)size;
    if (id >= 0) q->ids[q->written++] = id;
    return q->written < MOST_TOKENS;
}

static cadre_status ask(cadre_model *model, void *arg)
{
    question *q = arg;
    const cadre_sampling greedy = { .size = sizeof greedy };
    cadre_status status =
        cadre_logits(model, q->tokens, q->count, q->decoder, q->decoder_count, q->logits);
    if (status != CADRE_OK) return status;
    int64_t limit = long_form() ? WRITTEN_LONG : WRITTEN;
    return continue_text(model, q->tokens, q->count, limit, &greedy, listen, q);
}

static bool same_files(const char *a, const char *b)
{
    file_map x, y;
    succeeds(file_map_open(a, &x));
    succeeds(file_map_open(b, &y));
    bool same = x.size == y.size && !memcmp(x.data, y.data, x.size);
    file_map_close(&x);
    file_map_close(&y);
    return same;
}

/* Some models cannot be divided in some way, and say so. */
static bool is_refused(const ranked_result *r)
{
    return r->status == CADRE_EARGUMENT && strstr(r->sentence, "--parallel");
}

/* Asks in a layout what one process has answered. Returns false if the model refuses it. */
static bool compare_layout(const char *path, const layout_case *l, question q, const question *one)
{
    char file[512];
    snprintf(file, sizeof file, "%s", scratch_file("many"));
    q.logits = file;
    ranked_result r = ranked_run(path, l->ranks, l->layout, ask, &q);
    const char *name = l->layout ? l->layout : "no layout";
    if (is_refused(&r)) return false;
    if (r.status != CADRE_OK) fail_msg("%s: %s: %s", path, name, r.sentence);
    if (!same_files(one->logits, file)) fail_msg("%s: %s: other logits", path, name);
    if (one->written != q.written || memcmp(one->ids, q.ids, sizeof q.ids) != 0)
        fail_msg("%s: %s: another text", path, name);
    return true;
}

/* The layout to try next; -1: all were tried. */
static int next_layout(const bool *tried)
{
    int best = -1;
    for (int i = 0; i < LAYOUTS; i++) {
        if (tried[i]) continue;
        if (i < EVERY) return i;
        if (best < 0 || models[i] < models[best]) best = i;
    }
    return best;
}

/* Asks in one process, and then in layouts. Returns in how many. */
static int compare_layouts(const char *path, question q)
{
    char file[512];
    bool tried[LAYOUTS] = { false };
    int ran = 0, wanted = long_form() ? LAYOUTS : EVERY + 1;
    snprintf(file, sizeof file, "%s", scratch_file("one"));
    question one = q;
    one.logits = file;
    ranked_result r = ranked_run(path, 1, NULL, ask, &one);
    if (r.status != CADRE_OK) fail_msg("%s: %s", path, r.sentence);
    for (int i; ran < wanted && (i = next_layout(tried)) >= 0; tried[i] = true) {
        bool runs = compare_layout(path, &layouts[i], q, &one);
        models[i] += runs, ran += runs;
    }
    return ran;
}

static const int32_t *ids_of(const safetensors *file, const char *name, int64_t *count)
{
    const safetensors_tensor *t = safetensors_find(file, name);
    *count = t ? t->elements : 0;
    return t ? (const int32_t *)(const void *)t->data : NULL;
}

static void check_case(void **state)
{
    char path[4096], from_gguf[4200], file[4200];
    safetensors *expected;
    question q = { 0 };
    snprintf(path, sizeof path, "%s", oracle_path(*state));
    snprintf(from_gguf, sizeof from_gguf, "%s/model.gguf", path);
    snprintf(file, sizeof file, "%s/expected.safetensors", path);
    succeeds(safetensors_open(file, &expected));
    q.tokens = ids_of(expected, "tokens", &q.count);
    q.decoder = ids_of(expected, "decoder_tokens", &q.decoder_count);
    assert_true(compare_layouts(path, q) >= 3);
    if (file_exists(from_gguf)) assert_true(compare_layouts(from_gguf, q) >= 3);
    safetensors_close(expected);
}

static void every_layout_has_run(void **state)
{
    (void)state;
    if (oracle_is_small())
        printf("SKIP: the small oracle has no model for it: every_layout_has_run\n");
    for (int i = 0; !oracle_is_small() && i < LAYOUTS; i++)
        if (!models[i])
            fail_msg("no model ran in %s", layouts[i].layout ? layouts[i].layout : "no layout");
}

typedef struct gathered_bytes {
    int64_t tokens, sent; /* of rank 0 */
    int64_t elements;     /* of a token that it should send */
} gathered_bytes;

/* Half of the heads, of the picked experts' hidden rows, and of two rows of the residual, in each
 * layer; then half of the logits. The outputs of the picked experts are added up first. */
static int64_t half_of_token(const model_config *c)
{
    int64_t sum = c->vocab / 2;
    for (int64_t l = 0; l < c->layers; l++) {
        const layer_config *layer = &c->layer[l];
        assert_true(layer->sparse && !layer->moe.shared);
        sum += (c->heads * c->head_dim + 2 * c->width + c->topk * layer->moe.hidden) / 2;
    }
    return sum;
}

static cadre_status count_bytes(cadre_model *model, void *arg)
{
    gathered_bytes *g = arg;
    int32_t tokens[MOST_TOKENS] = { 0 };
    const comm *world = model->context->world;
    comm_tally before = comm_tally_of(world);
    cadre_status status = cadre_logits(model, tokens, g->tokens, NULL, 0, scratch_file("gathered"));
    g->sent = comm_tally_since(world, &before).bytes_sent;
    g->elements = half_of_token(&model->config);
    return status;
}

/* What a rank of two sends for 40 tokens more */
static void sums_are_gathered(void **state)
{
    enum { ORDER = 1024 }; /* bytes in which rank 0 asks for a row of logits */
    gathered_bytes few = { .tokens = 20 }, many = { .tokens = 60 };
    (void)state;
    if (!oracle_has("models/qwen3_moe")) return;
    const char *path = oracle_path("models/qwen3_moe");
    assert_int_equal(ranked_run(path, 2, "tensor=2", count_bytes, &few).status, CADRE_OK);
    assert_int_equal(ranked_run(path, 2, "tensor=2", count_bytes, &many).status, CADRE_OK);
    int64_t token = many.elements * (int64_t)sizeof(real) + ORDER;
    assert_int_equal(many.sent - few.sent, (many.tokens - few.tokens) * token);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct CMUnitTest *)a)->name, ((const struct CMUnitTest *)b)->name);
}

/* Appends the models of a folder of the oracle, or the one that is wanted; returns how many tests
 * there are now. */
static size_t add_cases(struct CMUnitTest *tests, size_t count, const char *in, const char *wanted)
{
    char name[300];
    DIR *folder = oracle_has(in) ? opendir(oracle_path(in)) : NULL;
    for (const struct dirent *entry; folder && (entry = readdir(folder)) && count < MOST_CASES;) {
        if (entry->d_name[0] == '.' || (wanted && strcmp(wanted, entry->d_name) != 0)) continue;
        snprintf(name, sizeof name, "%s/%s", in, entry->d_name);
        char *kept = mem_strdup(name);
        tests[count++] =
            (struct CMUnitTest){ .name = kept, .test_func = check_case, .initial_state = kept };
    }
    if (folder) closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    struct CMUnitTest tests[MOST_CASES + 2];
    size_t count = add_cases(tests, 0, "models", argv[1]);
    count = add_cases(tests, count, "models-newer", argv[1]);
    if (!count) return 1;
    qsort(tests, count, sizeof *tests, by_name);
    size_t more = argc == 1 ? 2 : 0;
    tests[count] = (struct CMUnitTest)cmocka_unit_test(every_layout_has_run);
    tests[count + 1] = (struct CMUnitTest)cmocka_unit_test(sums_are_gathered);
    int failed = _cmocka_run_group_tests("ranks that run models", tests, count + more, NULL, NULL);
    for (size_t i = 0; i < count; i++) mem_free(tests[i].initial_state);
    return failed;
}
