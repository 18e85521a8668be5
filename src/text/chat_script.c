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

string_view script_message(const chat_script *s, chat_role role, string_view said)
{
    return s->c->trims[role] ? trimmed(said) : said;
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
    size_t begin = s->text.size;
    CADRE_TRY(script_said(s, script_message(s, role, said)));
    if (suffix && !ends_with(said, suffix)) CADRE_TRY(script_words(s, suffix));
    if (role == CHAT_ASSISTANT) CADRE_TRY(add_answer(s, begin, s->text.size));
    return script_words(s, s->c->frames[role].after);
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

text_range script_answer(const chat_script *s, size_t i)
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

void script_free(chat_script *s)
{
    byte_buffer_free(&s->text);
    mem_free(s->said);
    mem_free(s->answers);
    *s = (chat_script){ 0 };
}
