/* chat_script.c - words, and what was said, as one text with marked parts. */
#include "text/chat_script.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "format/json_copy.h"
#include "text/char_class.h"

static cadre_status put_piece(chat_script *s, int32_t id)
{
    string_view piece = tokenizer_piece(s->t, id);
    return byte_buffer_put(&s->text, piece.data, piece.size);
}

cadre_status script_words(chat_script *s, const char *words)
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

cadre_status script_said(chat_script *s, string_view said)
{
    void *list = s->said;
    CADRE_TRY(buffer_grow(&list, s->count, &s->room, 1, sizeof *s->said));
    s->said = list;
    s->said[s->count++] = (text_range){ s->text.size, s->text.size + said.size };
    return byte_buffer_put(&s->text, said.data, said.size);
}

cadre_status script_said_text(chat_script *s, const char *said)
{
    return script_said(s, (string_view){ said, strlen(said) });
}

cadre_status script_said_json(chat_script *s, const json_node *value)
{
    json_writer w = json_writer_new(0);
    json_put_copy(&w, NULL, value);
    cadre_status status = json_writer_status(&w);
    if (status == CADRE_OK) status = script_said(s, (string_view){ w.text.data, w.text.size });
    json_writer_free(&w);
    return status;
}

/* ---- messages ---- */

static string_view without_start(string_view text)
{
    uint32_t code;
    for (size_t length; (length = utf8_decode(text.data, text.size, &code)) && char_is_space(code);)
        text = (string_view){ text.data + length, text.size - length };
    return text;
}

static string_view without_end(string_view text)
{
    uint32_t code;
    for (size_t last = text.size; last > 0;) {
        do last--;
        while (last > 0 && utf8_continues(text.data[last]));
        if (!utf8_decode(text.data + last, text.size - last, &code) || !char_is_space(code)) break;
        text.size = last;
    }
    return text;
}

static string_view without_lines(string_view text)
{
    while (text.size && *text.data == '\n') text = (string_view){ text.data + 1, text.size - 1 };
    while (text.size && text.data[text.size - 1] == '\n') text.size--;
    return text;
}

static string_view trimmed(string_view text, chat_trim how)
{
    switch (how) {
    case TRIM_NOTHING: break;
    case TRIM_BOTH: return without_end(without_start(text));
    case TRIM_END: return without_end(text);
    case TRIM_LINES: return without_lines(text);
    }
    return text;
}

string_view script_trimmed(string_view text) { return trimmed(text, TRIM_BOTH); }

string_view script_message(const chat_script *s, chat_role role, string_view said)
{
    return trimmed(said, s->c->trims[role]);
}

/* Where the words stand in the text, the last time; the text's size: nowhere. */
static size_t find_last(string_view text, const char *words, size_t size)
{
    for (size_t at = text.size < size ? 0 : text.size - size + 1; at-- > 0;)
        if (memcmp(text.data + at, words, size) == 0) return at;
    return text.size;
}

static bool ends_with(string_view text, const char *end)
{
    size_t size = strlen(end);
    return text.size >= size && memcmp(text.data + text.size - size, end, size) == 0;
}

static cadre_status add_answer(chat_script *s, size_t begin, size_t end)
{
    void *list = s->answers;
    CADRE_TRY(buffer_grow(&list, s->answer_count, &s->answer_room, 1, sizeof *s->answers));
    s->answers = list;
    s->answers[s->answer_count++] = (text_range){ begin, end };
    return CADRE_OK;
}

cadre_status script_framed(chat_script *s, chat_role role, string_view said)
{
    const char *suffix = s->c->way && role == CHAT_USER ? s->c->way->suffix : NULL;
    CADRE_TRY(script_words(s, s->c->frames[role].before));
    CADRE_TRY(script_said(s, script_message(s, role, said)));
    if (suffix && !ends_with(said, suffix)) CADRE_TRY(script_words(s, suffix));
    return script_words(s, s->c->frames[role].after);
}

/* ---- the system's message ---- */

bool script_says_mode(string_view said, const char *mode)
{
    const char *end = strrchr(mode, ' ');
    size_t size = end ? (size_t)(end - mode) : strlen(mode);
    return find_last(said, mode, size) < said.size;
}

static cadre_status put_system(chat_script *s, string_view said, bool given)
{
    string_view words = script_message(s, CHAT_SYSTEM, said);
    CADRE_TRY(script_said(s, words));
    if (!s->c->mode || script_says_mode(words, s->c->mode)) return CADRE_OK;
    if (given) CADRE_TRY(script_words(s, "\n"));
    return script_words(s, s->c->mode);
}

cadre_status script_system_framed(chat_script *s, string_view said, bool given)
{
    CADRE_TRY(script_words(s, s->c->frames[CHAT_SYSTEM].before));
    CADRE_TRY(put_system(s, said, given));
    bool own = !given && s->c->system_after;
    return script_words(s, own ? s->c->system_after : s->c->frames[CHAT_SYSTEM].after);
}

/* ---- answers ---- */

/* The marks of the template around thoughts. */
static const char *mark_of(const chat_template *c, bool opens)
{
    for (const chat_mark *m = c->marks; m && m->piece; m++)
        if (opens ? m->kind == CHAT_MARK_THOUGHT || m->kind == CHAT_MARK_TITLED
                  : m->kind == CHAT_MARK_ANSWER)
            return m->piece;
    return NULL;
}

/* Takes a thought that stands in the text out of it. */
static void split_answer(const chat_script *s, string_view *text, string_view *thought)
{
    const char *open = mark_of(s->c, true), *close = mark_of(s->c, false);
    if (!s->c->memory || !open || !close) return;
    size_t size = strlen(close), at = find_last(*text, close, size);
    if (at == text->size) return;
    string_view before = { text->data, at };
    *text = (string_view){ text->data + at + size, text->size - at - size };
    while (text->size && *text->data == '\n') text->data++, text->size--;
    if (thought->size) return;
    size_t begin = find_last(before, open, strlen(open));
    if (begin < before.size) begin += strlen(open);
    else begin = 0;
    *thought = without_lines((string_view){ before.data + begin, before.size - begin });
}

static bool keeps(const chat_memory *m, const script_answer_given *a, string_view thought)
{
    bool may = m->keep == KEEP_ALL || (m->keep == KEEP_RECENT && a->recent) ||
               (m->keep == KEEP_CALLS && a->recent && a->calls);
    return may && (thought.size || m->empty || (m->last_empty && a->last));
}

cadre_status script_answer_begin(chat_script *s, const script_answer_given *a, string_view *said)
{
    CADRE_TRY(script_words(s, s->c->frames[CHAT_ASSISTANT].before));
    return script_answer_within(s, a, said);
}

cadre_status script_answer_within(chat_script *s, const script_answer_given *a, string_view *said)
{
    const chat_memory *m = s->c->memory;
    string_view text = a->text, thought = a->thought;
    split_answer(s, &text, &thought);
    *said = script_message(s, CHAT_ASSISTANT, text);
    s->answer_begin = s->text.size;
    if (m && keeps(m, a, thought)) {
        CADRE_TRY(script_words(s, m->open));
        CADRE_TRY(script_said(s, trimmed(thought, m->trim)));
        CADRE_TRY(script_words(s, m->close));
        if (thought.size) return CADRE_OK; /* the answer begins with it */
    } else if (m) {
        bool drops = m->dropped && thought.size && !a->calls;
        CADRE_TRY(script_words(s, drops ? m->dropped : m->none));
    }
    s->answer_begin = s->text.size;
    return CADRE_OK;
}

cadre_status script_answer_continue(chat_script *s)
{
    s->answer_begin = s->text.size;
    return CADRE_OK;
}

cadre_status script_answer_ends(chat_script *s)
{
    return add_answer(s, s->answer_begin, s->text.size);
}

/* ---- ids ---- */

cadre_status script_encode(const chat_script *s, token_list *ids)
{
    return tokenizer_encode_parts(s->t, s->text.data, s->text.size, s->said, s->count, ids);
}

/* The end of the first such piece in text[begin .. end); 0: it is not there. */
static size_t end_of_piece(const chat_script *s, size_t begin, size_t end, string_view piece)
{
    for (size_t at = begin; piece.size && at + piece.size <= end; at++)
        if (!memcmp(s->text.data + at, piece.data, piece.size)) return at + piece.size;
    return 0;
}

/* An answer with the first piece behind it that ends one: in the words behind it, or in those
 * before the next message. */
static text_range answer_at(const chat_script *s, size_t i)
{
    text_range answer = s->answers[i];
    size_t begin = answer.end, limit = s->text.size;
    for (size_t k = s->count; k-- > 0 && s->said[k].begin >= begin;) limit = s->said[k].begin;
    size_t end = end_of_piece(s, begin, limit, tokenizer_piece(s->t, tokenizer_eos(s->t)));
    for (const char *at = s->c->ends; *at; at += strspn(at, " ")) {
        string_view piece = { at, strcspn(at, " ") };
        size_t found = end_of_piece(s, begin, limit, piece);
        if (found && (!end || found < end)) end = found;
        at += piece.size;
    }
    if (end) answer.end = end;
    return answer;
}

cadre_status script_encode_begin(const chat_script *s, size_t size, token_list *ids)
{
    size_t count = 0;
    while (count < s->count && s->said[count].end <= size) count++;
    return tokenizer_encode_parts(s->t, s->text.data, size, s->said, count, ids);
}

/* The token of ids[first ..] that the text's byte `at` falls in, or begins: as many tokens as the
 * ids of the text up to there have in common with them. */
static cadre_status token_at(
    const chat_script *s, size_t at, const token_list *ids, size_t first, token_list *scratch)
{
    size_t same = 0;
    scratch->count = 0;
    CADRE_TRY(script_encode_begin(s, at, scratch));
    while (same < scratch->count && first + same < ids->count &&
           scratch->ids[same] == ids->ids[first + same])
        same++;
    scratch->count = first + same;
    return CADRE_OK;
}

cadre_status script_put_answers(
    const chat_script *s, const token_list *ids, size_t first, token_list *answers)
{
    token_list scratch = { 0 };
    cadre_status status = CADRE_OK;
    for (size_t i = 0; i < 2 * s->answer_count && status == CADRE_OK; i++) {
        text_range answer = answer_at(s, i / 2);
        status = token_at(s, i % 2 ? answer.end : answer.begin, ids, first, &scratch);
        if (status == CADRE_OK) status = token_list_put(answers, (int32_t)scratch.count);
    }
    token_list_free(&scratch);
    return status;
}

void script_free(chat_script *s)
{
    byte_buffer_free(&s->text);
    mem_free(s->said);
    mem_free(s->answers);
    *s = (chat_script){ 0 };
}
