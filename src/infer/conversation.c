/* conversation.c - a conversation with a model: what was said, the session that has read it, and the next answer.
 *
 * Every answer is asked for with the whole conversation in its template; the session computes what is new in it. Thoughts are
 * reported and forgotten: templates leave those of past answers out. */
#include "base/memory.h"
#include "format/byte_buffer.h"
#include "model/model.h"
#include "text/chat.h"

struct cadre_chat {
    const tokenizer *tokenizer; /* borrowed */
    const chat_template *template;
    int64_t capacity;
    cadre_session *session;
    chat_message *messages;     /* [count], room for `room`; texts of its own */
    size_t count, room;
};

static cadre_status open_chat(cadre_chat *c, cadre_model *model, const char *name)
{
    CADRE_TRY(cadre_model_tokenizer(model, &c->tokenizer));
    if (!name) CADRE_TRY(cadre_chat_recognise(c->tokenizer, &name));
    CADRE_TRY(chat_template_named(name, &c->template));
    return cadre_session_new(model, c->capacity, &c->session);
}

cadre_status cadre_chat_new(cadre_model *model, const char *name, int64_t capacity, cadre_chat **chat)
{
    cadre_chat *c = MEM_ARRAY(cadre_chat, 1);
    if (!c) return CADRE_ENOMEM;
    c->capacity = capacity;
    cadre_status status = open_chat(c, model, name);
    if (status == CADRE_OK) *chat = c;
    else cadre_chat_free(c);
    return status;
}

void cadre_chat_free(cadre_chat *c)
{
    if (!c) return;
    for (size_t i = 0; i < c->count; i++) mem_free((char *)(uintptr_t)c->messages[i].text);
    mem_free(c->messages);
    cadre_session_free(c->session);
    mem_free(c);
}

const char *cadre_chat_template_of(const cadre_chat *c) { return chat_template_name(c->template); }

static cadre_status add(cadre_chat *c, chat_role role, const char *text, size_t size)
{
    void *messages = c->messages;
    CADRE_TRY(buffer_grow(&messages, c->count, &c->room, 1, sizeof *c->messages));
    c->messages = messages;
    char *copy = mem_alloc(size + 1, 1);
    if (!copy) return CADRE_ENOMEM;
    if (size) memcpy(copy, text, size);
    c->messages[c->count++] = (chat_message){ role, copy, size };
    return CADRE_OK;
}

cadre_status cadre_chat_add(cadre_chat *c, const char *role, const char *text, size_t size)
{
    chat_role found;
    CADRE_TRY(chat_role_named(role, &found));
    return add(c, found, text, size);
}

/* ---- an answer ---- */

typedef struct answer {
    const cadre_chat *chat;
    chat_reader reader;
    chat_part part;     /* of the last token */
    bool thought;       /* there was one before */
    byte_buffer text;   /* the answer proper, so far */
    cadre_chat_listener listener;
    void *arg;
} answer;

/* Templates set answers apart from thoughts by empty lines, which are neither's. */
static string_view without_lines(const answer *a, const char *text, size_t size)
{
    bool begins = a->part == CHAT_ANSWER && a->thought && !a->text.size;
    for (; begins && size && *text == '\n'; size--) text++;
    return (string_view){ text, size };
}

static bool take(void *arg, int32_t id, const char *text, size_t size)
{
    answer *a = arg;
    bool ends = id >= 0 && chat_ends(a->chat->template, a->chat->tokenizer, id);
    if (id >= 0) a->part = chat_reader_take(&a->reader, id);
    if (ends || a->part == CHAT_MARKUP) return !ends;
    string_view words = without_lines(a, text, size);
    if (a->part == CHAT_ANSWER) byte_buffer_put(&a->text, words.data, words.size);
    else a->thought = true;
    return !words.size || a->listener(a->arg, a->part == CHAT_THOUGHT, words.data, words.size);
}

/* The limit, or what there is room for after `count` tokens. */
static cadre_status limit_to_room(const cadre_chat *c, int64_t count, int64_t *limit)
{
    int64_t room = c->capacity - count;
    if (room < 1)
        return cadre_fail(CADRE_ENOMEM, NULL, "the conversation: expected fewer than %lld tokens, found %lld",
                          (long long)c->capacity, (long long)count);
    if (*limit <= 0 || *limit > room) *limit = room;
    return CADRE_OK;
}

static cadre_status generate(const cadre_chat *c, int64_t limit, const cadre_sampling *sampling, answer *a)
{
    token_list ids = { 0 };
    cadre_status status = chat_encode(c->template, c->tokenizer, c->messages, (int)c->count, &ids);
    if (status == CADRE_OK) status = limit_to_room(c, (int64_t)ids.count, &limit);
    if (status == CADRE_OK) status = cadre_session_generate(c->session, ids.ids, (int64_t)ids.count, limit, sampling, take, a);
    token_list_free(&ids);
    return status;
}

cadre_status cadre_chat_answer(cadre_chat *c, int64_t limit, const cadre_sampling *sampling, cadre_chat_listener listener,
                               void *arg)
{
    answer a = { .chat = c, .reader = chat_reader_begin(c->template, c->tokenizer), .listener = listener, .arg = arg };
    cadre_status status = generate(c, limit, sampling, &a);
    if (status == CADRE_OK || status == CADRE_EINTERRUPTED) {
        cadre_status kept = a.text.status;
        if (kept == CADRE_OK) kept = add(c, CHAT_ASSISTANT, a.text.data, a.text.size);
        if (kept != CADRE_OK) status = kept;
    }
    byte_buffer_free(&a.text);
    return status;
}
