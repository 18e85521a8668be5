/* expert_record_test.c - models whose experts stay in their files give the bits of mapped ones,
 * from folders and GGUF, plain and quantised, in any waves; a failing source is told of by
 * everyone. */
#include "weights/expert_record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/model.h"
#include "support/expert_slots.h"
#include "support/generation.h"
#include "support/oracle.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { MOST = 32, TOKENS = 13 };

/* ---- a stack of layers whose experts are streamed ---- */

typedef struct stack {
    cadre_model *model;
    const weight_file *file;
    expert_records records;
    expert_slots slots;
} stack;

static cadre_status read_range(
    void *arg, const expert_wave *w, int32_t expert, int part, void *to, size_t bytes)
{
    const stack *s = arg;
    const file_range *r = &expert_record_of(&s->records, w->layer, expert)->range[part];
    if (!r->bytes) return expert_slots_copy(NULL, w, expert, part, to, bytes);
    assert_int_equal(r->bytes, bytes);
    const char *path = weight_file_path_of(s->file, r->file);
    FILE *f = fopen(path, "rb");
    bool whole = f && !fseek(f, (long)r->offset, SEEK_SET) && fread(to, 1, bytes, f) == bytes;
    if (f) fclose(f);
    return whole ? CADRE_OK : cadre_fail(CADRE_EIO, path, "expected an expert, found an end");
}

/* Takes the mapped weights out, and puts streamed ones in. */
static void stream(stack *s, cadre_model *m, const weight_file *file, int32_t slots, bool joined)
{
    const placement_options options = { .stream = true };
    tensor_use use = { 0 };
    size_t room = 0;
    *s = (stack){ .model = m, .file = file };
    model_weights_free(&m->weights);
    placement_free(&m->placement);
    succeeds(placement_make(
        m->context->compute, file, &m->config, &m->table, &options, &use, &m->placement));
    tensor_use_free(&use);
    succeeds(model_weights_make(&m->config, &m->table, m->placement.place, &m->weights));
    succeeds(expert_records_make(&m->config, &m->table, m->placement.place, &s->records));
    for (int64_t l = 0; l < m->config.layers; l++) {
        const expert_weights *w = &m->weights.layer[l].moe.experts;
        size_t own = m->config.layer[l].sparse ? expert_slots_room(&s->slots, w) : 0;
        if (own > room) room = own;
    }
    expert_slots_open(&s->slots, slots, MOST, room);
    s->slots.joined = joined;
    s->slots.read = read_range;
    s->slots.arg = s;
    m->weights.source = &s->slots.source;
}

static void close_stack(stack *s)
{
    expert_records_free(&s->records);
    expert_slots_close(&s->slots);
}

/* ---- the same bits ---- */

static cadre_model *open(const char *path)
{
    cadre_context *context;
    cadre_model *model;
    succeeds(cadre_context_new(2, NULL, &context));
    succeeds(cadre_model_open(context, path, &model));
    return model;
}

static void close(cadre_model *m)
{
    cadre_context *context = m->context;
    cadre_model_close(m);
    cadre_context_free(context);
}

/* A file of logits and of every token's experts and weights. */
static void write_logits(cadre_model *m, int64_t count, const char *out)
{
    int32_t tokens[TOKENS], *decoder = m->encoder ? tokens : NULL;
    for (int i = 0; i < TOKENS; i++) tokens[i] = i * 7 % 50;
    succeeds(file_remove(out));
    succeeds(cadre_logits(m, tokens, count, decoder, decoder ? 5 : 0, out));
}

static void expect_same_files(const char *one, const char *other, const char *model)
{
    char *a, *b;
    size_t size, other_size;
    succeeds(file_read(one, SIZE_MAX, &a, &size));
    succeeds(file_read(other, SIZE_MAX, &b, &other_size));
    assert_int_equal(size, other_size);
    if (memcmp(a, b, size)) fail_msg("%s: other logits", model);
    mem_free(a);
    mem_free(b);
}

static void check_waves(const char *path, int32_t slots, bool joined, bool streams)
{
    char mapped[512], streamed[512];
    snprintf(mapped, sizeof mapped, "%s", scratch_file("mapped.safetensors"));
    snprintf(streamed, sizeof streamed, "%s", scratch_file("streamed.safetensors"));
    for (int64_t count = 1; count <= TOKENS; count += TOKENS - 1) {
        stack s, encoder;
        cadre_model *m = open(path);
        write_logits(m, count, mapped);
        stream(&s, m, &m->file, slots, joined);
        if (m->encoder) stream(&encoder, m->encoder, &m->file, slots, joined);
        assert_true((s.records.most_bytes > 0) == streams);
        write_logits(m, count, streamed);
        expect_same_files(mapped, streamed, path);
        assert_true(s.slots.waves > 0 && s.slots.prefetches > 0);
        if (m->encoder) close_stack(&encoder);
        close_stack(&s);
        close(m);
    }
}

static void check(const char *path, bool streams)
{
    static const int32_t slots[] = { 1, 2, MOST };
    for (size_t i = 0; i < sizeof slots / sizeof *slots; i++)
        for (int joined = 0; joined < 2; joined++) check_waves(path, slots[i], joined, streams);
}

typedef struct oracle_case {
    const char *name;
    bool streams; /* false: its experts lie transposed, and are copied */
} oracle_case;

static void folder(void **state)
{
    const oracle_case *c = *state;
    char name[128], path[4096];
    snprintf(name, sizeof name, "models/%s", c->name);
    snprintf(path, sizeof path, "%s", oracle_path(name));
    check(path, c->streams);
}

static void gguf_of_every_format(void **state)
{
    static const char *const cases[][3] = { { "qwen3-moe", "256", "q4_k_m" },
        { "olmoe", "96", "q8_0" }, { "mixtral", "160", "q4_0" }, { "deepseek-v3", "256", "q6_k" },
        { "olmoe", "64", "f32" }, { "gshard", "64", "mxfp4" }, { "qwen3-moe", "64", "bf16" } };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[512];
        cadre_context *context;
        cadre_options *o = small_options(cases[i][0]);
        small_set(o, "width", cases[i][1]);
        small_set(o, "expert-width", cases[i][1]);
        snprintf(path, sizeof path, "%s", scratch_file("experts.gguf"));
        succeeds(file_remove(path));
        succeeds(cadre_context_new(1, NULL, &context));
        succeeds(cadre_init(context, o, NULL, cases[i][2], path, NULL));
        cadre_context_free(context);
        cadre_options_free(o);
        check(path, true);
    }
}

/* ---- failures ---- */

static bool listen(void *arg, int32_t id, const char *text, size_t size)
{
    (void)arg, (void)id, (void)text, (void)size;
    return true;
}

/* A file that has lost its end since it was opened: everything that computes says so. */
static void a_failure_is_told_by_everyone(void **state)
{
    const int32_t tokens[] = { 5, 17, 3, 9, 42, 7 };
    const cadre_sampling greedy = { .size = sizeof greedy, .top_p = 1 };
    expert_slots slots;
    cadre_session *session;
    cadre_pass *pass;
    cadre_real logits[1024], again[1024];
    (void)state;
    cadre_model *m = open(oracle_path("models/olmoe"));
    size_t row = (size_t)m->config.vocab * sizeof *logits;
    assert_true(row <= sizeof logits);
    expert_slots_open(&slots, 2, MOST, 1 << 20);
    slots.fails_at = 3;
    m->weights.source = &slots.source;
    succeeds(cadre_session_new(m, 64, &session));
    succeeds(cadre_pass_new(m, 16, 1, 64, &pass));
    cadre_pass_part part = { .session = session, .tokens = tokens, .count = 6, .row_count = 1 };
    const char *out = scratch_file("none.safetensors");
    cadre_evaluation result = { .size = sizeof result };
    slots.waves = 0;
    refuses(cadre_logits(m, tokens, 6, NULL, 0, out), CADRE_EIO, "a broken disk");
    assert_false(file_exists(out));
    slots.waves = 0;
    refuses(continue_text(m, tokens, 6, 4, &greedy, listen, NULL), CADRE_EIO, "a broken disk");
    slots.waves = 0;
    refuses(cadre_session_generate(session, tokens, 6, 4, &greedy, listen, NULL), CADRE_EIO,
        "a broken disk");
    slots.waves = 0;
    refuses(
        cadre_evaluate(m, "one and two", 11, 0, NULL, NULL, &result), CADRE_EIO, "a broken disk");
    slots.waves = 0;
    refuses(cadre_pass_run(pass, &part, 1, logits), CADRE_EIO, "a broken disk");
    succeeds(cadre_pass_run(pass, &part, 1, logits)); /* as if nothing had been */
    m->weights.source = NULL;
    cadre_session_free(session);
    succeeds(cadre_session_new(m, 64, &session));
    part.session = session;
    succeeds(cadre_pass_run(pass, &part, 1, again));
    assert_memory_equal(logits, again, row);
    cadre_pass_free(pass);
    cadre_session_free(session);
    expert_slots_close(&slots);
    close(m);
}

int main(void)
{
    static const oracle_case cases[] = {
        { "olmoe", true },
        { "qwen3_moe", true },
        { "qwen3_moe_sharded", true },
        { "mixtral_bf16", true },
        { "deepseek_v3", true },
        { "deepseek_v3_fp8", true },
        { "granitemoe", true },
        { "gpt_oss", false },
        { "gpt_oss_mxfp4", true },
        { "switch", true },
    };
    enum { CASES = sizeof cases / sizeof *cases };
    struct CMUnitTest tests[CASES + 2] = { cmocka_unit_test(gguf_of_every_format),
        cmocka_unit_test(a_failure_is_told_by_everyone) };
    for (size_t i = 0; i < CASES; i++)
        tests[i + 2] = (struct CMUnitTest){ .name = cases[i].name,
            .test_func = folder,
            .initial_state = (void *)(uintptr_t)&cases[i] };
    return _cmocka_run_group_tests("expert records", tests, CASES + 2, NULL, NULL);
}
