/* conversation_test.c - answers of a conversation are those of its whole text, read afresh; what is
 * interrupted stays said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cadre.h"
#include "infer/session_public.h"
#include "support/generation.h"
#include "support/scratch.h"
#include "support/small_run.h"
#include "support/succeeds.h"

enum { ROOM = 4096, LIMIT = 12 };

static const cadre_sampling drawn = {
    .size = sizeof drawn, .temperature = 1, .top_p = 1, .repetition_penalty = 1, .seed = 3
};

/* Its marks are not in this vocabulary: no answer ends early */
static const char name[] = "llama-2";

static cadre_context *context;
static cadre_model *model;

static int begin_with(const char *mixers)
{
    const char *out = scratch_file("run");
    cadre_options *o = small_options("olmoe");
    if (mixers) small_set(o, "mixer", mixers);
    succeeds(cadre_options_add(o, "data", small_text("text.txt", 6000)));
    small_set(o, "out", out);
    small_train(o, 1, CADRE_OK);
    succeeds(cadre_context_new(1, NULL, &context));
    succeeds(cadre_model_open(context, out, &model));
    cadre_options_free(o);
    return 0;
}

static int begin(void **state) { return (void)state, begin_with(NULL); }
static int begin_recurrent(void **state) { return (void)state, begin_with("kda,attention"); }

static int end(void **state)
{
    (void)state;
    cadre_model_close(model);
    cadre_context_free(context);
    small_remove(scratch_file("run"));
    return 0;
}

typedef struct heard {
    char text[ROOM];
    size_t size;
    int calls, interrupt_at, stop_at; /* 0: never */
} heard;

static bool put(heard *h, const char *text, size_t size)
{
    assert_true(h->size + size < ROOM);
    if (size) memcpy(h->text + h->size, text, size);
    h->size += size;
    if (++h->calls == h->interrupt_at) cadre_interrupt();
    return h->calls != h->stop_at;
}

static bool hear_answer(void *arg, bool thought, const char *text, size_t size)
{
    assert_false(thought);
    assert_true(size > 0);
    return put(arg, text, size);
}

static bool hear_token(void *arg, int32_t id, const char *text, size_t size)
{
    return (void)id, put(arg, text, size);
}

static heard read_afresh(const cadre_message *messages, int count, const cadre_sampling *sampling)
{
    const cadre_tokenizer *t;
    int32_t *ids;
    int64_t id_count;
    heard h = { .size = 0 };
    succeeds(cadre_model_tokenizer(model, &t));
    succeeds(cadre_chat_encode(t, name, messages, count, &ids, &id_count));
    succeeds(continue_text(model, ids, id_count, LIMIT, sampling, hear_token, &h));
    cadre_free(ids);
    return h;
}

static void answers_are_those_of_the_whole_text(void **state)
{
    (void)state;
    const cadre_sampling sampling = {
        .size = sizeof sampling, .temperature = 1, .top_p = 1, .repetition_penalty = 1, .seed = 3
    };
    static const char *const lines[] = { "the expert", "and a <|endoftext|> token",
        "the gate is the load" };
    cadre_chat *chat;
    cadre_message said[8] = { { "system", "mixture", 7 } };
    heard answers[3];
    int count = 1;
    succeeds(cadre_chat_new(model, name, 1024, &chat));
    assert_string_equal(cadre_chat_template_of(chat), name);
    succeeds(cadre_chat_add(chat, "system", "mixture", 7));
    for (int i = 0; i < 3; i++) {
        said[count++] = (cadre_message){ "user", lines[i], strlen(lines[i]) };
        succeeds(cadre_chat_add(chat, "user", lines[i], strlen(lines[i])));
        heard afresh = read_afresh(said, count, &sampling);
        answers[i] = (heard){ .interrupt_at = i == 1 ? 3 : 0 };
        cadre_status status = cadre_chat_answer(chat, LIMIT, &sampling, hear_answer, &answers[i]);
        assert_int_equal(status, i == 1 ? CADRE_EINTERRUPTED : CADRE_OK);
        cadre_interrupt_clear();
        assert_true(answers[i].size > 0 &&
                    (i == 1 ? answers[i].size < afresh.size : answers[i].size == afresh.size));
        assert_memory_equal(answers[i].text, afresh.text, answers[i].size);
        said[count++] = (cadre_message){ "assistant", answers[i].text, answers[i].size };
    }
    cadre_chat_free(chat);
    cadre_chat_free(NULL);
}

static int64_t count_ids(const cadre_message *messages, int count)
{
    const cadre_tokenizer *t;
    int32_t *ids;
    int64_t id_count;
    succeeds(cadre_model_tokenizer(model, &t));
    succeeds(cadre_chat_encode(t, name, messages, count, &ids, &id_count));
    cadre_free(ids);
    return id_count;
}

static cadre_chat_account account_of(const cadre_chat *chat)
{
    cadre_chat_account a = { .size = sizeof a };
    succeeds(cadre_chat_account_get(chat, &a));
    return a;
}

/* Says a line and checks that the answer is the one to the system message and this line alone. */
static void ask_alone(cadre_chat *chat, const char *line, int64_t limit)
{
    cadre_message alone[] = { { "system", "mixture", 7 }, { "user", line, strlen(line) } };
    heard h = { .size = 0 }, afresh = read_afresh(alone, 2, &drawn);
    succeeds(cadre_chat_add(chat, "user", line, strlen(line)));
    succeeds(cadre_chat_answer(chat, limit, &drawn, hear_answer, &h));
    assert_true(h.size > 0 && h.size == afresh.size);
    assert_memory_equal(h.text, afresh.text, h.size);
    assert_int_equal(account_of(chat).prompt_tokens, count_ids(alone, 2));
}

static void the_oldest_turns_make_room(void **state)
{
    (void)state;
    static const char line[] = "the expert is the gate";
    cadre_message alone[] = { { "system", "mixture", 7 }, { "user", line, sizeof line - 1 } };
    cadre_chat *chat;
    int64_t capacity = count_ids(alone, 2) + LIMIT;
    succeeds(cadre_chat_new(model, name, capacity, &chat));
    succeeds(cadre_chat_add(chat, "system", "mixture", 7));
    ask_alone(chat, line, LIMIT);
    assert_int_equal(account_of(chat).let_go, 0);
    assert_int_equal(account_of(chat).tokens, LIMIT);
    ask_alone(chat, "the gate", LIMIT);
    assert_int_equal(account_of(chat).let_go, 2);
    assert_int_equal(account_of(chat).end, CADRE_CHAT_LIMIT);
    ask_alone(chat, "the gate", LIMIT);
    assert_int_equal(account_of(chat).let_go, 2); /* the others have gone for good */
    cadre_chat_clear(chat);
    ask_alone(chat, line, 0);
    assert_int_equal(account_of(chat).let_go, 0);
    assert_int_equal(account_of(chat).end, CADRE_CHAT_FULL);
    cadre_chat_free(chat);
}

/* A short answer asks for no more room than it may take. */
static void short_answers_use_all_of_the_room(void **state)
{
    (void)state;
    cadre_chat *chat;
    cadre_chat_account before = { .prompt_tokens = 0 };
    succeeds(cadre_chat_new(model, name, 256, &chat));
    for (cadre_chat_account now = before; !now.let_go;) {
        heard h = { .size = 0 };
        before = now;
        succeeds(cadre_chat_add(chat, "user", "the expert", 10));
        succeeds(cadre_chat_answer(chat, 1, &drawn, hear_answer, &h));
        now = account_of(chat);
        assert_int_equal(now.tokens, 1);
    }
    assert_in_range(before.prompt_tokens, 193, 255);
    cadre_chat_free(chat);
}

/* What does not fit is taken back; what was said before stays said. */
static void a_message_too_long_is_not_said(void **state)
{
    (void)state;
    char line[2048];
    cadre_chat *chat;
    heard h = { .size = 0 };
    memset(line, 'x', sizeof line);
    succeeds(cadre_chat_new(model, name, 256, &chat));
    succeeds(cadre_chat_add(chat, "system", "mixture", 7));
    succeeds(cadre_chat_add(chat, "user", line, sizeof line));
    assert_int_equal(cadre_chat_answer(chat, LIMIT, &drawn, hear_answer, &h), CADRE_ENOMEM);
    assert_int_equal(h.size, 0);
    ask_alone(chat, "the expert", LIMIT);
    assert_int_equal(account_of(chat).let_go, 0);
    cadre_chat_free(chat);
}

static void a_listener_stops(void **state)
{
    (void)state;
    cadre_chat *chat;
    heard h = { .stop_at = 2 };
    succeeds(cadre_chat_new(model, name, 256, &chat));
    succeeds(cadre_chat_add(chat, "user", "the expert", 10));
    succeeds(cadre_chat_answer(chat, LIMIT, &drawn, hear_answer, &h));
    assert_int_equal(account_of(chat).end, CADRE_CHAT_STOPPED);
    assert_true(account_of(chat).answered && account_of(chat).tokens < LIMIT);
    cadre_chat_free(chat);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    const cadre_sampling greedy = { .size = sizeof greedy, .top_p = 1, .repetition_penalty = 1 };
    cadre_chat *chat;
    heard h = { .size = 0 };
    assert_int_equal(cadre_chat_new(model, "nobody's", 10, &chat), CADRE_EARGUMENT);
    assert_int_equal(cadre_chat_new(model, NULL, 10, &chat), CADRE_EUNSUPPORTED);
    succeeds(cadre_chat_new(model, name, 10, &chat));
    assert_int_equal(cadre_chat_add(chat, "robot", "a", 1), CADRE_EARGUMENT);
    succeeds(cadre_chat_add(chat, "user", "longer than there is room for", 29));
    assert_int_equal(cadre_chat_answer(chat, 0, &greedy, hear_answer, &h), CADRE_ENOMEM);
    assert_non_null(strstr(cadre_last_error(), "expected fewer than 10 tokens"));
    assert_int_equal(cadre_chat_think(chat, "off"), CADRE_EARGUMENT);
    assert_null(cadre_chat_thinking(chat));
    cadre_chat_free(chat);
    succeeds(cadre_chat_new(model, "qwen3", 10, &chat));
    assert_string_equal(cadre_chat_thinking(chat), "on");
    succeeds(cadre_chat_think(chat, "off"));
    assert_string_equal(cadre_chat_thinking(chat), "off");
    assert_int_equal(cadre_chat_think(chat, "low"), CADRE_EARGUMENT);
    assert_non_null(strstr(cadre_last_error(), "It knows: on, off"));
    assert_int_equal(
        cadre_chat_account_get(chat, &(cadre_chat_account){ .size = 8 }), CADRE_EARGUMENT);
    cadre_chat_free(chat);
}

static bool count_token(void *arg, int32_t id, const char *text, size_t size)
{
    (void)id, (void)text, (void)size;
    return ++*(int *)arg;
}

/* A turn after thoughts that the template leaves out goes on from the last snapshot. */
static void what_was_read_is_gone_on_from(void **state)
{
    (void)state;
    cadre_session *s;
    int32_t prompt[300];
    int count = 0;
    for (int32_t i = 0; i < 300; i++) prompt[i] = (i * 7) % 200;
    succeeds(session_new_cached(model, 400, &s));
    succeeds(cadre_session_generate(s, prompt, 200, 90, &drawn, count_token, &count));
    assert_int_equal(count, 90);
    assert_int_equal(slot_cache_shared(&s->batcher.cache, 0, prompt, 300), 3 * 64);
    assert_int_equal(slot_cache_shared(&s->batcher.cache, 0, prompt, 150), 0);
    succeeds(cadre_session_generate(s, prompt, 300, 1, &drawn, count_token, &count));
    assert_int_equal(slot_cache_shared(&s->batcher.cache, 0, prompt, 300), 4 * 64);
    cadre_session_free(s);
}

int main(void)
{
    const struct CMUnitTest recurrent[] = {
        cmocka_unit_test(answers_are_those_of_the_whole_text),
        cmocka_unit_test(what_was_read_is_gone_on_from),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_are_those_of_the_whole_text),
        cmocka_unit_test(the_oldest_turns_make_room),
        cmocka_unit_test(short_answers_use_all_of_the_room),
        cmocka_unit_test(a_message_too_long_is_not_said),
        cmocka_unit_test(a_listener_stops),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, begin, end) +
           cmocka_run_group_tests_name("recurrent", recurrent, begin_recurrent, end);
}
