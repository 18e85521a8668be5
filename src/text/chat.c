/* chat.c - puts conversations into a template. */
#include "text/chat.h"

#include <string.h>

#include "text/chat_script.h"

/* Whether no message of a user follows message i. */
static bool is_recent(const chat_message *messages, int count, int i)
{
    while (++i < count)
        if (messages[i].role == CHAT_USER) return false;
    return true;
}

/* The assistant's message i, up to the end of its text. */
static cadre_status put_given(chat_script *s, const chat_message *messages, int count, int i)
{
    const chat_message *m = &messages[i];
    script_answer_given given = { .text = { m->text, m->size },
        .thought = m->thought,
        .recent = is_recent(messages, count, i),
        .last = i + 1 == count };
    string_view said;
    CADRE_TRY(script_answer_begin(s, &given, &said));
    CADRE_TRY(script_said(s, said));
    return script_answer_ends(s);
}

static cadre_status put_message(chat_script *s, const chat_message *messages, int count, int i)
{
    const chat_message *m = &messages[i];
    if (m->role != CHAT_ASSISTANT)
        return script_framed(s, m->role, (string_view){ m->text, m->size });
    CADRE_TRY(put_given(s, messages, count, i));
    return script_words(s, s->c->frames[CHAT_ASSISTANT].after);
}

/* A message that is to be continued. */
static cadre_status put_open(chat_script *s, const chat_message *messages, int count)
{
    const chat_message *m = &messages[count - 1];
    if (m->role == CHAT_ASSISTANT) return put_given(s, messages, count, count - 1);
    CADRE_TRY(script_words(s, s->c->frames[m->role].before));
    return script_said(s, script_message(s, m->role, (string_view){ m->text, m->size }));
}

/* Writes a user's message with the system message inside it. */
static cadre_status put_both(chat_script *s, string_view system, string_view said)
{
    CADRE_TRY(script_words(s, s->c->frames[CHAT_USER].before));
    CADRE_TRY(script_framed(s, CHAT_SYSTEM, system));
    CADRE_TRY(script_said(s, script_message(s, CHAT_USER, said)));
    return script_words(s, s->c->frames[CHAT_USER].after);
}

/* The index of the message that contains the system message; -1: there is none. */
static int user_with_system(const chat_template *c, const chat_message *messages, int count)
{
    int found = -1;
    for (int i = 0; i < count; i++)
        if (messages[i].role == CHAT_USER && (found < 0 || c->system_place == SYSTEM_IN_LAST))
            found = i;
    return found;
}

/* How a text ends: an answer begins, the last message goes on, or nothing follows the last. */
typedef enum text_end { BEFORE_ANSWER, IN_MESSAGE, AFTER_MESSAGE } text_end;

/* `system` has no data where there is no system message; given: it is not the template's own. */
static cadre_status put_messages(chat_script *s, string_view system, bool given,
    const chat_message *messages, int count, text_end end)
{
    bool apart = s->c->system_place == SYSTEM_APART;
    int inside = apart || !system.data ? -1 : user_with_system(s->c, messages, count);
    CADRE_TRY(script_words(s, s->c->begin));
    if (system.data && apart) CADRE_TRY(script_system_framed(s, system, given));
    for (int i = 0; i < count; i++) {
        chat_role role = messages[i].role;
        string_view said = { messages[i].text, messages[i].size };
        if (role == CHAT_SYSTEM)
            return cadre_fail(
                CADRE_EARGUMENT, NULL, "expected the system message first, found it later");
        if (end == IN_MESSAGE && i + 1 == count) return put_open(s, messages, count);
        CADRE_TRY(i == inside ? put_both(s, system, said) : put_message(s, messages, count, i));
    }
    return end == BEFORE_ANSWER ? script_words(s, s->c->answer) : CADRE_OK;
}

static cadre_status put_conversation(
    chat_script *s, const chat_message *messages, int count, text_end end)
{
    const chat_template *c = s->c;
    string_view system = { c->system, c->system ? strlen(c->system) : 0 };
    bool given = count > 0 && messages[0].role == CHAT_SYSTEM;
    if (given) {
        system = (string_view){ messages[0].text, messages[0].size };
        messages++;
        count--;
    }
    return put_messages(s, system, given, messages, count, end);
}

static cadre_status encode(const chat_template *c, const tokenizer *t, const chat_message *messages,
    int count, text_end end, token_list *ids)
{
    chat_script s = { .c = c, .t = t };
    cadre_status status = put_conversation(&s, messages, count, end);
    if (status == CADRE_OK) status = script_encode(&s, ids);
    script_free(&s);
    return status;
}

cadre_status chat_encode(const chat_template *c, const tokenizer *t, const chat_message *messages,
    int count, token_list *ids)
{
    return encode(c, t, messages, count, BEFORE_ANSWER, ids);
}

cadre_status chat_encode_on(const chat_template *c, const tokenizer *t,
    const chat_message *messages, int count, token_list *ids)
{
    return encode(c, t, messages, count, IN_MESSAGE, ids);
}

cadre_status chat_encode_whole(const chat_template *c, const tokenizer *t,
    const chat_message *messages, int count, token_list *ids, token_list *answers)
{
    chat_script s = { .c = c, .t = t };
    size_t first = ids->count;
    cadre_status status = put_conversation(&s, messages, count, AFTER_MESSAGE);
    if (status == CADRE_OK) status = script_encode(&s, ids);
    if (status == CADRE_OK) status = script_put_answers(&s, ids, first, answers);
    script_free(&s);
    return status;
}

bool chat_ends(const chat_template *c, const tokenizer *t, int32_t id)
{
    string_view piece = tokenizer_piece(t, id);
    if (id >= 0 && id == tokenizer_eos(t)) return true;
    for (const char *at = c->ends; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (length == piece.size && memcmp(at, piece.data, length) == 0) return true;
        at += length;
    }
    return false;
}

/* ---- answers ---- */

chat_reader chat_reader_begin(const chat_template *c, const tokenizer *t)
{
    return (chat_reader){ .c = c,
        .t = t,
        .part = c->thinks   ? CHAT_THOUGHT
                : c->headed ? CHAT_UNMARKED
                            : CHAT_ANSWER };
}

chat_reader chat_reader_continue(const chat_template *c, const tokenizer *t)
{
    return (chat_reader){ .c = c, .t = t, .part = CHAT_ANSWER };
}

static const chat_mark *mark_of(const chat_template *c, string_view piece)
{
    for (const chat_mark *m = c->marks; m && m->piece; m++)
        if (string_view_is(piece, m->piece)) return m;
    return NULL;
}

static void add_name(chat_reader *r, string_view piece)
{
    size_t used = strlen(r->name), room = sizeof r->name - 1 - used;
    memcpy(r->name + used, piece.data, piece.size < room ? piece.size : room);
}

/* The channel is the first word of the name; a content type or a recipient may follow it. A name
 * without a channel starts an answer. */
static chat_part part_of_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    /* Vocabularies spell blanks in different ways. */
    const char *channel = name + strcspn(name, "<abcdefghijklmnopqrstuvwxyz");
    size_t length = strspn(channel, letters);
    return !length || (length == 5 && !memcmp(channel, "final", length)) ? CHAT_ANSWER
                                                                         : CHAT_THOUGHT;
}

static chat_part part_after(const chat_reader *r, chat_mark_kind kind)
{
    switch (kind) {
    case CHAT_MARK_ANSWER: return CHAT_ANSWER;
    case CHAT_MARK_THOUGHT:
    case CHAT_MARK_TITLED: return CHAT_THOUGHT;
    case CHAT_MARK_NAMED: return part_of_name(r->name);
    case CHAT_MARK_NAMES:
    case CHAT_MARK_NOTHING: return CHAT_MARKUP;
    }
    return CHAT_MARKUP;
}

chat_part chat_reader_take(chat_reader *r, int32_t id)
{
    string_view piece = tokenizer_piece(r->t, id);
    const chat_mark *mark = mark_of(r->c, piece);
    if (!mark) {
        if (r->named) add_name(r, piece);
        if (!r->titled) return r->part;
        r->titled = !piece.size || !memchr(piece.data, '\n', piece.size);
        return CHAT_MARKUP;
    }
    r->part = part_after(r, mark->kind);
    r->named = mark->kind == CHAT_MARK_NAMES;
    r->titled = mark->kind == CHAT_MARK_TITLED;
    memset(r->name, 0, sizeof r->name);
    return CHAT_MARKUP;
}

bool chat_reader_unclosed(const chat_reader *r)
{
    for (const chat_mark *m = r->c->marks; m && m->piece; m++)
        if (m->kind == CHAT_MARK_ANSWER) return r->part == CHAT_THOUGHT;
    return false;
}
