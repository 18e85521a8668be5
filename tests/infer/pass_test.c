/* pass_test.c - many sessions in one pass: the bits of each alone, faults told before any work,
 * prefixes shared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cadre.h"
#include "format/safetensors.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { V = 512, LENGTH = 100, CAPACITY = 128, MOST = 3 };

static cadre_context *context;
static cadre_model *model;
static cadre_pass *pass;
static int32_t text[MOST][LENGTH];
static cadre_real expected[MOST][LENGTH][V]; /* by cadre_logits, of each text alone */

static void read_expected(int i)
{
    safetensors *file;
    const char *path = scratch_file("logits.safetensors");
    succeeds(cadre_logits(model, text[i], LENGTH, NULL, 0, path));
    succeeds(safetensors_open(path, &file));
    const safetensors_tensor *t = safetensors_find(file, "logits");
    assert_non_null(t);
    assert_int_equal(t->size, sizeof expected[i]);
    memcpy(expected[i], t->data, sizeof expected[i]);
    safetensors_close(file);
}

static int begin(void **state)
{
    (void)state;
    const char *path = scratch_file("model.gguf");
    cadre_options *o = small_options("qwen3-moe");
    small_set(o, "context", "128");
    succeeds(cadre_context_new(2, NULL, &context));
    succeeds(cadre_init(context, o, NULL, "f32", path, NULL));
    succeeds(cadre_model_open(context, path, &model));
    succeeds(cadre_pass_new(model, MOST * LENGTH, MOST, CAPACITY, &pass));
    cadre_options_free(o);
    for (int i = 0; i < MOST; i++) {
        for (int t = 0; t < LENGTH; t++) text[i][t] = (t * (7 + 4 * i) + 3 * i + 1) % V;
        read_expected(i);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    cadre_pass_free(pass);
    cadre_model_close(model);
    cadre_context_free(context);
    return 0;
}

static cadre_session *new_session(void)
{
    cadre_session *s;
    succeeds(cadre_session_new(model, CAPACITY, &s));
    return s;
}

/* Each session takes pieces of its own length, beside the others while they last. */
static void batch_mates_and_pieces_change_no_bit(void **state)
{
    (void)state;
    static cadre_real logits[MOST * LENGTH][V];
    cadre_session *sessions[MOST];
    int64_t at[MOST] = { 0 };
    for (int i = 0; i < MOST; i++) sessions[i] = new_session();
    for (int turn = 0; at[0] < LENGTH || at[1] < LENGTH || at[2] < LENGTH; turn++) {
        cadre_pass_part parts[MOST];
        int owner[MOST], count = 0;
        for (int i = 0; i < MOST; i++) {
            int64_t piece = 1 + (turn * 13 + i * 5) % 31, left = LENGTH - at[i];
            if (piece > left) piece = left;
            if (!piece) continue;
            owner[count] = i;
            parts[count++] = (cadre_pass_part){ .session = sessions[i],
                .tokens = text[i] + at[i],
                .count = piece,
                .row_count = piece };
        }
        succeeds(cadre_pass_run(pass, parts, count, &logits[0][0]));
        int64_t row = 0;
        for (int p = 0; p < count; p++) {
            int i = owner[p];
            assert_int_equal(parts[p].status, CADRE_OK);
            assert_memory_equal(
                logits[row], expected[i][at[i]], (size_t)parts[p].count * sizeof *expected[i]);
            row += parts[p].count, at[i] += parts[p].count;
            assert_int_equal(cadre_session_length(sessions[i]), at[i]);
            assert_memory_equal(
                cadre_session_tokens(sessions[i]), text[i], (size_t)at[i] * sizeof **text);
        }
    }
    for (int i = 0; i < MOST; i++) cadre_session_free(sessions[i]);
}

static void rows_are_chosen(void **state)
{
    (void)state;
    static cadre_real logits[4][V];
    const int64_t rows[] = { 7, 0, 7 };
    cadre_session *a = new_session(), *b = new_session();
    cadre_pass_part parts[] = {
        { .session = a, .tokens = text[0], .count = 9, .row_count = 3, .rows = rows },
        { .session = b, .tokens = text[1], .count = 20, .row_count = 1 }
    };
    succeeds(cadre_pass_run(pass, parts, 2, &logits[0][0]));
    for (int i = 0; i < 3; i++)
        assert_memory_equal(logits[i], expected[0][rows[i]], sizeof logits[i]);
    assert_memory_equal(logits[3], expected[1][19], sizeof logits[3]);
    cadre_pass_part silent = { .session = a, .tokens = text[0] + 9, .count = 2 };
    succeeds(cadre_pass_run(pass, &silent, 1, NULL));
    assert_int_equal(cadre_session_length(a), 11);
    cadre_session_free(a);
    cadre_session_free(b);
}

static void a_prefix_is_shared(void **state)
{
    (void)state;
    static cadre_real logits[2][V];
    cadre_session *a = new_session(), *b = NULL;
    cadre_pass_part prefix = { .session = a, .tokens = text[0], .count = 80 };
    succeeds(cadre_pass_run(pass, &prefix, 1, NULL));
    succeeds(cadre_session_fork(a, 70, CAPACITY, &b));
    succeeds(cadre_session_truncate(a, 65));
    assert_true(cadre_session_length(a) == 65 && cadre_session_length(b) == 70);
    cadre_pass_part parts[] = {
        { .session = a, .tokens = text[0] + 65, .count = 35, .row_count = 1 },
        { .session = b, .tokens = text[0] + 70, .count = 10, .row_count = 1 }
    };
    succeeds(cadre_pass_run(pass, parts, 2, &logits[0][0]));
    assert_memory_equal(logits[0], expected[0][99], sizeof logits[0]);
    assert_memory_equal(logits[1], expected[0][79], sizeof logits[1]);
    cadre_session *c = NULL;
    refuses(cadre_session_fork(b, 81, CAPACITY, &c), CADRE_EARGUMENT, "expected 0 to 80");
    refuses(cadre_session_fork(b, 80, 79, &c), CADRE_EARGUMENT, "capacity");
    refuses(cadre_session_truncate(b, 81), CADRE_EARGUMENT, "expected 0 to 80");
    refuses(cadre_session_truncate(b, -1), CADRE_EARGUMENT, "expected 0 to 80");
    assert_null(c);
    cadre_session_free(a);
    cadre_session_free(b);
}

/* One fault in a pass of two: nothing has moved, the part at fault is known. */
static void fault(cadre_pass_part wrong, const char *phrase)
{
    cadre_real logits[2][V];
    cadre_session *good = new_session();
    cadre_pass_part parts[] = { { .session = good, .tokens = text[0], .count = 3, .row_count = 1 },
        wrong };
    int64_t before = wrong.session ? cadre_session_length(wrong.session) : 0;
    refuses(cadre_pass_run(pass, parts, 2, &logits[0][0]), CADRE_EARGUMENT, phrase);
    assert_non_null(strstr(cadre_last_error(), "part 1: "));
    assert_true(parts[0].status == CADRE_OK && parts[1].status == CADRE_EARGUMENT);
    assert_int_equal(cadre_session_length(good), 0);
    if (wrong.session) assert_int_equal(cadre_session_length(wrong.session), before);
    succeeds(cadre_pass_run(pass, parts, 1, &logits[0][0])); /* the other one goes on */
    cadre_session_free(good);
}

static void faults_are_told_before_any_work(void **state)
{
    (void)state;
    cadre_session *s = new_session(), *large;
    const int32_t high = V;
    const int64_t beyond = 3;
    fault((cadre_pass_part){ .session = NULL, .tokens = text[0], .count = 1 }, "found NULL");
    fault((cadre_pass_part){ .session = s, .tokens = text[0], .count = 0 },
        "expected at least one token");
    fault((cadre_pass_part){ .session = s, .tokens = &high, .count = 1 },
        "expected an id of 0 to 511");
    fault((cadre_pass_part){ .session = s, .tokens = text[0], .count = 3, .row_count = 4 },
        "expected logits of 0 to 3");
    fault(
        (cadre_pass_part){
            .session = s, .tokens = text[0], .count = 3, .row_count = 1, .rows = &beyond },
        "0 to 2, found 3");
    succeeds(cadre_session_new(model, CAPACITY + 1, &large));
    fault((cadre_pass_part){ .session = large, .tokens = text[0], .count = 1 },
        "capacity of at most 128");
    cadre_session_free(large);
    cadre_pass_part fill = { .session = s, .tokens = text[0], .count = 100 };
    succeeds(cadre_pass_run(pass, &fill, 1, NULL));
    fault((cadre_pass_part){ .session = s, .tokens = text[0], .count = 29 },
        "at most 28 more tokens");
    cadre_pass_part twice[] = { { .session = s, .tokens = text[0], .count = 1 },
        { .session = s, .tokens = text[0], .count = 1 } };
    refuses(cadre_pass_run(pass, twice, 2, NULL), CADRE_EBUSY, "stands in one part");
    assert_int_equal(cadre_session_length(s), 100);
    refuses(cadre_pass_run(pass, twice, MOST + 1, NULL), CADRE_EARGUMENT, "at most 3 sessions");
    twice[0].row_count = 1;
    refuses(cadre_pass_run(pass, twice, 1, NULL), CADRE_EARGUMENT, "found NULL");
    succeeds(cadre_pass_run(pass, twice, 0, NULL));
    cadre_session_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(batch_mates_and_pieces_change_no_bit),
        cmocka_unit_test(rows_are_chosen),
        cmocka_unit_test(a_prefix_is_shared),
        cmocka_unit_test(faults_are_told_before_any_work),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
