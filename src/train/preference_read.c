/* preference_read.c - reads lines of pairs of answers: texts, ids, or conversations.
 *
 *     {"prompt": "...", "chosen": "...", "rejected": "..."}     or lists of ids
 *     {"prompt": [messages], "chosen": [message], "rejected": [message]}
 *     {"chosen": [messages], "rejected": [messages]}            alike up to the last message
 *
 * Conversations are framed by a chat template. Their answer is what the assistant says in the last
 * message, with the token that ends its turn. */
#include <string.h>

#include "base/memory.h"
#include "format/json_lines.h"
#include "train/preference.h"

enum { FIELDS = PREFERENCE_FIELDS, MOST_TOKENS = 1 << 20 /* of a field */ };
static const char *const fields[FIELDS] = { "prompt", "chosen", "rejected" };

/* ---- reading ---- */

typedef struct reading {
    const tokenizer *tokenizer;
    const chat_template *chat;
    int64_t vocabulary;
    token_list ids;
    int64_t *start;
    int64_t count, capacity; /* of start */
    int64_t conversations;
} reading;

static cadre_status add_ids(reading *r, const json_node *list)
{
    for (size_t i = 0; i < json_count(list); i++) {
        json_node item = json_item(list, i);
        int64_t id;
        CADRE_TRY(json_as_int(&item, 0, r->vocabulary - 1, &id));
        CADRE_TRY(token_list_put(&r->ids, (int32_t)id));
    }
    return CADRE_OK;
}

static cadre_status add_text(reading *r, const json_node *text, bool first)
{
    const char *value;
    size_t size;
    CADRE_TRY(json_as_string(text, &value, &size));
    if (!r->tokenizer) return json_refuse(text, "ids, as the model has no tokenizer");
    return tokenizer_encode(r->tokenizer, value, size, first ? CADRE_ADD_SPECIAL : 0, &r->ids);
}

static cadre_status add_start(reading *r)
{
    if (r->count == r->capacity) {
        int64_t capacity = r->capacity ? 2 * r->capacity : 1 << 10;
        int64_t *more = mem_resize(r->start, (size_t)r->capacity, (size_t)capacity, sizeof *more);
        if (!more) return CADRE_ENOMEM;
        r->start = more;
        r->capacity = capacity;
    }
    r->start[r->count++] = (int64_t)r->ids.count;
    return CADRE_OK;
}

static cadre_status add_field(reading *r, const json_node *root, int field)
{
    json_node value = json_member(root, fields[field]);
    CADRE_TRY(add_start(r));
    size_t before = r->ids.count;
    if (json_kind_of(&value) == JSON_KIND_STRING) CADRE_TRY(add_text(r, &value, field == 0));
    else if (json_kind_of(&value) == JSON_KIND_ARRAY) CADRE_TRY(add_ids(r, &value));
    else return json_refuse(&value, "a text, or a list of ids");
    size_t added = r->ids.count - before;
    return added && added <= MOST_TOKENS ? CADRE_OK
                                         : json_refuse(&value, "at least one token, at most 2^20");
}

/* ---- conversations ---- */

/* A conversation whose last message is an answer */
typedef struct conversation {
    chat_message *messages;
    int count;
    token_list ids, answers; /* what chat_encode_whole writes */
} conversation;

static void conversation_free(conversation *t)
{
    mem_free(t->messages);
    token_list_free(&t->ids);
    token_list_free(&t->answers);
}

static cadre_status add_message(conversation *t, const json_node *item)
{
    chat_message *m = &t->messages[t->count];
    json_node role = json_member(item, "role"), content = json_member(item, "content");
    const char *name;
    CADRE_TRY(json_as_object(item));
    CADRE_TRY(json_get_string(item, "role", &name));
    if (chat_role_named(name, &m->role) != CADRE_OK)
        return json_refuse(&role, "the role system, user or assistant");
    if (m->role == CHAT_SYSTEM && t->count > 0)
        return json_refuse(&role, "the system message first");
    if (json_has(item, "tool_calls")) return json_refuse(item, "a message without \"tool_calls\"");
    CADRE_TRY(json_as_string(&content, &m->text, &m->size));
    t->count++;
    return CADRE_OK;
}

/* Lists the messages of a conversation: those of the prompt and one answer, or, without a prompt,
 * those of `answer`, which is the whole conversation. */
static cadre_status list_messages(const json_node *prompt, const json_node *answer, conversation *t)
{
    size_t before = prompt ? json_count(prompt) : 0, count = json_count(answer);
    if (prompt) CADRE_TRY(json_as_array(prompt));
    CADRE_TRY(json_as_array(answer));
    if (count < (prompt ? 1 : 2) || (prompt && count > 1))
        return json_refuse(answer, prompt ? "one message, the assistant's"
                                          : "messages, of which the last is the assistant's");
    t->messages = MEM_ARRAY(chat_message, before + count);
    if (!t->messages) return CADRE_ENOMEM;
    for (size_t i = 0; i < before + count; i++) {
        json_node item = i < before ? json_item(prompt, i) : json_item(answer, i - before);
        CADRE_TRY(add_message(t, &item));
    }
    json_node last = json_item(answer, count - 1), role = json_member(&last, "role");
    return t->messages[t->count - 1].role == CHAT_ASSISTANT
               ? CADRE_OK
               : json_refuse(&role, "the role assistant, whose answer is compared");
}

static cadre_status read_conversation(
    const reading *r, const json_node *prompt, const json_node *answer, conversation *t)
{
    CADRE_TRY(list_messages(prompt, answer, t));
    if (!r->chat)
        return cadre_fail(CADRE_EUNSUPPORTED, answer->file,
            "conversations: expected a model with a chat template of a known family, found none");
    return chat_encode_whole(r->chat, r->tokenizer, t->messages, t->count, &t->ids, &t->answers);
}

/* Where the last answer begins in the ids */
static int32_t answer_begin(const conversation *t) { return t->answers.ids[t->answers.count - 2]; }

static cadre_status add_run(reading *r, const conversation *t, int32_t begin, int32_t end)
{
    CADRE_TRY(add_start(r));
    for (int32_t i = begin; i < end; i++) CADRE_TRY(token_list_put(&r->ids, t->ids.ids[i]));
    return CADRE_OK;
}

/* Adds the prompt and the two answers. The tokens before the two answers must be the same. */
static cadre_status add_answers(reading *r, const conversation t[2], const json_node *rejected)
{
    int32_t before = answer_begin(&t[0]);
    bool same = before == answer_begin(&t[1]) &&
                !memcmp(t[0].ids.ids, t[1].ids.ids, (size_t)before * sizeof *t[0].ids.ids);
    if (!same)
        return json_refuse(rejected, "the conversation before the answer that \"chosen\" has");
    for (size_t i = 0; i < t[0].ids.count + t[1].ids.count; i++) {
        int32_t id = i < t[0].ids.count ? t[0].ids.ids[i] : t[1].ids.ids[i - t[0].ids.count];
        if (id >= r->vocabulary) return json_refuse(rejected, "tokens of the model's vocabulary");
    }
    CADRE_TRY(add_run(r, &t[0], 0, before));
    for (int i = 0; i < 2; i++)
        CADRE_TRY(add_run(r, &t[i], before, t[i].answers.ids[t[i].answers.count - 1]));
    return CADRE_OK;
}

static cadre_status add_conversation(reading *r, const json_node *root)
{
    json_node prompt = json_member(root, "prompt"), chosen = json_member(root, "chosen"),
              rejected = json_member(root, "rejected");
    const json_node *before = json_has(root, "prompt") ? &prompt : NULL;
    conversation t[2] = { 0 };
    cadre_status status = read_conversation(r, before, &chosen, &t[0]);
    if (status == CADRE_OK) status = read_conversation(r, before, &rejected, &t[1]);
    if (status == CADRE_OK) status = add_answers(r, t, &rejected);
    conversation_free(&t[0]), conversation_free(&t[1]);
    return status;
}

/* Whether the line's answers are lists of messages, of which "chosen" has at least one */
static bool is_conversation(const json_node *root)
{
    json_node chosen = json_member(root, "chosen");
    if (json_kind_of(&chosen) != JSON_KIND_ARRAY || !json_count(&chosen)) return false;
    json_node first = json_item(&chosen, 0);
    return json_kind_of(&first) == JSON_KIND_OBJECT;
}

/* ---- lines ---- */

static cadre_status add_line(reading *r, const json_document *line)
{
    json_node root = json_root(line);
    CADRE_TRY(json_as_object(&root));
    if (is_conversation(&root)) {
        r->conversations++;
        return add_conversation(r, &root);
    }
    for (int i = 0; i < FIELDS; i++) CADRE_TRY(add_field(r, &root, i));
    return CADRE_OK;
}

static cadre_status read_lines(json_lines *lines, reading *r)
{
    for (;;) {
        json_document *line;
        CADRE_TRY(lines_next(lines, &line));
        if (!line) return CADRE_OK;
        cadre_status status = add_line(r, line);
        json_close(line);
        CADRE_TRY(status);
    }
}

/* Moves what was read into the set, and finds the longest row. */
static cadre_status take(reading *r, const char *path, preference_set *s)
{
    CADRE_TRY(add_start(r));
    *s = (preference_set){ .pairs = r->count / FIELDS,
        .conversations = r->conversations,
        .ids = r->ids.ids,
        .start = r->start };
    r->ids = (token_list){ 0 };
    r->start = NULL;
    if (!s->pairs) return cadre_fail(CADRE_EFORMAT, path, "expected pairs of answers, found none");
    s->reference = MEM_ARRAY(double, 2 * s->pairs);
    if (!s->reference) return CADRE_ENOMEM;
    for (int64_t i = 0; i < s->pairs; i++)
        for (int field = 1; field < FIELDS; field++) {
            int64_t needs = preference_tokens(s, i, 0) + preference_tokens(s, i, field) - 1;
            if (needs > s->longest) s->longest = needs;
        }
    return CADRE_OK;
}

cadre_status preference_read(
    const char *path, const preference_frame *frame, int64_t vocabulary, preference_set *s)
{
    json_lines lines;
    reading r = { .tokenizer = frame->tokenizer, .chat = frame->chat, .vocabulary = vocabulary };
    *s = (preference_set){ 0 };
    CADRE_TRY(lines_open(path, &lines));
    cadre_status status = read_lines(&lines, &r);
    if (status == CADRE_OK) status = take(&r, path, s);
    lines_close(&lines);
    token_list_free(&r.ids);
    mem_free(r.start);
    return status;
}
