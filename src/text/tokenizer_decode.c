/* tokenizer_decode.c - turns ids into text, all at once or one by one. */
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "text/tokenizer_parts.h"

#define REPLACEMENT_CHARACTER "\xef\xbf\xbd"

static bool is_known(const tokenizer *t, int32_t id)
{
    return vocabulary_has(&t->added_pieces, id) || vocabulary_has(&t->pieces, id);
}

static cadre_status put_id(
    const tokenizer *t, decoder_state *state, int32_t id, unsigned flags, byte_buffer *text)
{
    if (!is_known(t, id) || (flags & CADRE_SKIP_SPECIAL && tokenizer_is_special(t, id)))
        return CADRE_OK;
    return decoder_put(&t->decoder, state, tokenizer_piece(t, id), text);
}

static bool is_byte(const tokenizer *t, int32_t id)
{
    return t->decoder.bytes && is_known(t, id) && vocabulary_byte_of(tokenizer_piece(t, id)) >= 0;
}

/* Writes byte tokens ids[0..count). If together they are no text, each is replaced. */
static cadre_status put_bytes(const tokenizer *t, decoder_state *state, const int32_t *ids,
    size_t count, unsigned flags, byte_buffer *text)
{
    size_t begin = text->size;
    for (size_t i = 0; i < count; i++) CADRE_TRY(put_id(t, state, ids[i], flags, text));
    if (utf8_valid(text->data + begin, text->size - begin)) return CADRE_OK;
    text->size = begin;
    for (size_t i = 0; i < count; i++)
        CADRE_TRY(byte_buffer_put(text, REPLACEMENT_CHARACTER, strlen(REPLACEMENT_CHARACTER)));
    return CADRE_OK;
}

cadre_status tokenizer_decode(
    const tokenizer *t, const int32_t *ids, size_t count, unsigned flags, byte_buffer *text)
{
    decoder_state state = { 0 };
    cadre_status status = CADRE_OK;
    size_t before = text->size, bytes;
    for (size_t i = 0; i < count && status == CADRE_OK; i += bytes ? bytes : 1) {
        for (bytes = 0; i + bytes < count && is_byte(t, ids[i + bytes]);) bytes++;
        if (bytes) status = put_bytes(t, &state, ids + i, bytes, flags, text);
        else status = put_id(t, &state, ids[i], flags, text);
    }
    if (status != CADRE_OK) text->size = before;
    decoder_state_free(&state);
    return status;
}

/* ---- streams ---- */

struct token_stream {
    const tokenizer *t;
    unsigned flags;
    decoder_state state;
    byte_buffer bytes; /* decoded, not yet given out */
    byte_buffer text;  /* given out by the last call */
    byte_buffer last;  /* decoded by the last call */
};

cadre_status token_stream_new(const tokenizer *t, unsigned flags, token_stream **s)
{
    token_stream *made = MEM_ARRAY(token_stream, 1);
    if (!made) return CADRE_ENOMEM;
    made->t = t;
    made->flags = flags;
    *s = made;
    return CADRE_OK;
}

void token_stream_free(token_stream *s)
{
    if (!s) return;
    decoder_state_free(&s->state);
    byte_buffer_free(&s->bytes);
    byte_buffer_free(&s->text);
    byte_buffer_free(&s->last);
    mem_free(s);
}

/* Moves complete characters from `bytes` to `text`; at the end of the stream, everything. */
static cadre_status give_out(token_stream *s, bool end)
{
    size_t done = 0;
    s->text.size = 0;
    while (done < s->bytes.size) {
        const char *rest = s->bytes.data + done;
        size_t left = s->bytes.size - done, valid = utf8_valid_prefix(rest, left);
        CADRE_TRY(byte_buffer_put(&s->text, rest, valid));
        done += valid;
        if (valid == left || (!end && utf8_incomplete(rest + valid, left - valid))) break;
        CADRE_TRY(byte_buffer_put(&s->text, REPLACEMENT_CHARACTER, strlen(REPLACEMENT_CHARACTER)));
        done++;
    }
    if (done) memmove(s->bytes.data, s->bytes.data + done, s->bytes.size - done);
    s->bytes.size -= done;
    return CADRE_OK;
}

cadre_status token_stream_put(token_stream *s, int32_t id, string_view *text)
{
    size_t before = s->bytes.size;
    CADRE_TRY(put_id(s->t, &s->state, id, s->flags, &s->bytes));
    s->last.size = 0;
    CADRE_TRY(byte_buffer_put(&s->last, s->bytes.data + before, s->bytes.size - before));
    CADRE_TRY(give_out(s, false));
    *text = (string_view){ s->text.data, s->text.size };
    return CADRE_OK;
}

string_view token_stream_last(const token_stream *s)
{
    return (string_view){ s->last.data, s->last.size };
}

cadre_status token_stream_end(token_stream *s, string_view *text)
{
    CADRE_TRY(give_out(s, true));
    decoder_restart(&s->state);
    *text = (string_view){ s->text.data, s->text.size };
    return CADRE_OK;
}

static cadre_status put_all(token_stream *s, const int32_t *ids, size_t count, byte_buffer *text)
{
    string_view piece;
    for (size_t i = 0; i < count; i++) {
        CADRE_TRY(token_stream_put(s, ids[i], &piece));
        CADRE_TRY(byte_buffer_put(text, piece.data, piece.size));
    }
    CADRE_TRY(token_stream_end(s, &piece));
    return byte_buffer_put(text, piece.data, piece.size);
}

cadre_status token_stream_all(
    const tokenizer *t, const int32_t *ids, size_t count, unsigned flags, byte_buffer *text)
{
    token_stream *s;
    CADRE_TRY(token_stream_new(t, flags, &s));
    cadre_status status = put_all(s, ids, count, text);
    token_stream_free(s);
    return status;
}
