/* chat.c - puts conversations into a template. */
#include "text/chat.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "text/char_class.h"
#include "text/chat_template.h"

typedef struct script {
    const chat_template *c;
    const tokenizer *t;
    byte_buffer text;
    text_range *said; /* [count] parts of the text that are messages, not template */
    size_t count;
    bool open; /* the last message is not ended, and no answer begun */
} script;

static cadre_status put_piece(script *s, int32_t id)
{
    string_view piece = tokenizer_piece(s->t, id);
    return byte_buffer_put(&s->text, piece.data, piece.size);
}

/* Writes text of the template. */
static cadre_status put_words(script *s, const char *words)
{
    for (const char *at = words ? words : ""; *at;) {
        size_t plain = strcspn(at, "{");
        CADRE_TRY(byte_buffer_put(&s->text, at, plain));
        at += plain;
        if (!*at) break;
        bool bos = strncmp(at, "{bos}", 5) == 0, eos = strncmp(at, "{eos}", 5) == 0;
        if (bos) CADRE_TRY(put_piece(s, tokenizer_bos(s->t)));
        if (eos) CADRE_TRY(put_piece(s, tokenizer_eos(s->t)));
        if (!bos && !eos) CADRE_TRY(byte_buffer_put(&s->text, at, 1));
        at += bos || eos ? 5 : 1;
    }
    return CADRE_OK;
}

static string_view trimmed(string_view text)
{
    uint32_t code;
    for (size_t length; (length = utf8_decode(text.data, text.size, &code)) && char_is_space(code);)
        text = (string_view){ text.data + length, text.size - length };
    for (size_t last = text.size; last > 0;) {
        do last--;
        while (last > 0 && utf8_continues(text.data[last]));
        if (!utf8_decode(text.data + last, text.size - last, &code) || !char_is_space(code)) break;
        text.size = last;
    }
    return text;
}

static cadre_status put_said(script *s, chat_role role, string_view said)
{
    if (s->c->trims[role]) said = trimmed(said);
    s->said[s->count++] = (text_range){ s->text.size, s->text.size + said.size };
    return byte_buffer_put(&s->text, said.data, said.size);
}

static bool ends_with(string_view text, const char *end)
{
    size_t size = strlen(end);
    return text.size >= size && memcmp(text.data + text.size - size, end, size) == 0;
}

/* Writes what a way of thinking adds to a user's message. */
static cadre_status put_suffix(script *s, chat_role role, string_view said)
{
    const char *suffix = s->c->way && role == CHAT_USER ? s->c->way->suffix : NULL;
    return suffix && !ends_with(said, suffix) ? put_words(s, suffix) : CADRE_OK;
}

static cadre_status put_framed(script *s, chat_role role, string_view said)
{
    CADRE_TRY(put_words(s, s->c->frames[role].before));
    CADRE_TRY(put_said(s, role, said));
    CADRE_TRY(put_suffix(s, role, said));
    return put_words(s, s->c->frames[role].after);
}

static cadre_status put_open(script *s, chat_role role, string_view said)
{
    CADRE_TRY(put_words(s, s->c->frames[role].before));
    return put_said(s, role, said);
}

/* Writes a user's message with the system message inside it. */
static cadre_status put_both(script *s, string_view system, string_view said)
{
    CADRE_TRY(put_words(s, s->c->frames[CHAT_USER].before));
    CADRE_TRY(put_framed(s, CHAT_SYSTEM, system));
    CADRE_TRY(put_said(s, CHAT_USER, said));
    return put_words(s, s->c->frames[CHAT_USER].after);
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

/* `system` has no data where there is no system message. */
static cadre_status put_messages(
    script *s, string_view system, const chat_message *messages, int count)
{
    bool apart = s->c->system_place == SYSTEM_APART;
    int inside = apart || !system.data ? -1 : user_with_system(s->c, messages, count);
    CADRE_TRY(put_words(s, s->c->begin));
    if (system.data && apart) CADRE_TRY(put_framed(s, CHAT_SYSTEM, system));
    for (int i = 0; i < count; i++) {
        string_view said = { messages[i].text, messages[i].size };
        if (messages[i].role == CHAT_SYSTEM)
            return cadre_fail(
                CADRE_EARGUMENT, NULL, "expected the system message first, found it later");
        if (s->open && i + 1 == count) return put_open(s, messages[i].role, said);
        CADRE_TRY(i == inside ? put_both(s, system, said) : put_framed(s, messages[i].role, said));
    }
    return put_words(s, s->c->answer);
}

static cadre_status encode(const chat_template *c, const tokenizer *t, const chat_message *messages,
    int count, bool open, token_list *ids)
{
    script s = { .c = c, .t = t, .said = MEM_ARRAY(text_range, count + 1), .open = open };
    string_view system = { c->system, c->system ? strlen(c->system) : 0 };
    if (!s.said) return CADRE_ENOMEM;
    if (count > 0 && messages[0].role == CHAT_SYSTEM) {
        system = (string_view){ messages[0].text, messages[0].size };
        messages++;
        count--;
    }
    cadre_status status = put_messages(&s, system, messages, count);
    if (status == CADRE_OK)
        status = tokenizer_encode_parts(t, s.text.data, s.text.size, s.said, s.count, ids);
    byte_buffer_free(&s.text);
    mem_free(s.said);
    return status;
}

cadre_status chat_encode(const chat_template *c, const tokenizer *t, const chat_message *messages,
    int count, token_list *ids)
{
    return encode(c, t, messages, count, false, ids);
}

cadre_status chat_encode_on(const chat_template *c, const tokenizer *t,
    const chat_message *messages, int count, token_list *ids)
{
    return encode(c, t, messages, count, true, ids);
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

chat_reader chat_reader_go_on(const chat_template *c, const tokenizer *t)
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
    case CHAT_MARK_THOUGHT: return CHAT_THOUGHT;
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
        return r->part;
    }
    r->part = part_after(r, mark->kind);
    r->named = mark->kind == CHAT_MARK_NAMES;
    memset(r->name, 0, sizeof r->name);
    return CHAT_MARKUP;
}

bool chat_reader_unclosed(const chat_reader *r)
{
    for (const chat_mark *m = r->c->marks; m && m->piece; m++)
        if (m->kind == CHAT_MARK_ANSWER) return r->part == CHAT_THOUGHT;
    return false;
}
