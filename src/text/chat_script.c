/* chat_script.c - words and what was said. */
#include "text/chat_script.h"

#include "format/json_copy.h"

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
