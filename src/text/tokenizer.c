/* tokenizer.c - the tokenizer: turns text into ids. */
#include "text/tokenizer.h"

#include <string.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "text/byte_level.h"
#include "text/tokenizer_parts.h"

enum { TEXT_MAX = 1 << 30 }; /* bytes of a text: positions in it are 32 bits */

cadre_status tokenizer_new(const char *name, tokenizer **t)
{
    tokenizer *made = MEM_ARRAY(tokenizer, 1);
    if (!made) return CADRE_ENOMEM;
    made->bos = made->eos = made->pad = -1;
    made->bpe.vocabulary = made->unigram.vocabulary = &made->pieces;
    made->bpe.unknown = made->unigram.unknown = -1;
    made->name = mem_strdup(name);
    if (!made->name) {
        mem_free(made);
        return CADRE_ENOMEM;
    }
    *t = made;
    return CADRE_OK;
}

void tokenizer_close(tokenizer *t)
{
    if (!t) return;
    added_tokens_free(&t->added);
    normalizer_free(&t->normalizer);
    pretokenizer_free(&t->pretokenizer);
    vocabulary_free(&t->pieces);
    vocabulary_free(&t->added_pieces);
    bpe_free(&t->bpe);
    unigram_free(&t->unigram);
    token_list_free(&t->before);
    token_list_free(&t->after);
    decoder_free(&t->decoder);
    byte_buffer_free(&t->chat);
    file_map_close(&t->map);
    mem_free(t->text);
    mem_free(t->name);
    mem_free(t);
}

/* ---- the vocabulary ---- */

int32_t tokenizer_size(const tokenizer *t)
{
    return t->pieces.size > t->added_pieces.size ? t->pieces.size : t->added_pieces.size;
}

string_view tokenizer_piece(const tokenizer *t, int32_t id)
{
    return vocabulary_piece(
        vocabulary_has(&t->added_pieces, id) ? &t->added_pieces : &t->pieces, id);
}

int32_t tokenizer_id(const tokenizer *t, const char *piece, size_t size)
{
    int32_t id = vocabulary_id(&t->added_pieces, piece, size);
    return id >= 0 ? id : vocabulary_id(&t->pieces, piece, size);
}

bool tokenizer_is_special(const tokenizer *t, int32_t id)
{
    const added_token *token = added_tokens_find(&t->added, id);
    return token && token->special;
}

int32_t tokenizer_bos(const tokenizer *t) { return t->bos; }
int32_t tokenizer_eos(const tokenizer *t) { return t->eos; }

string_view tokenizer_chat_program(const tokenizer *t)
{
    return (string_view){ t->chat.data, t->chat.size };
}

/* ---- text to ids ---- */

typedef struct encoder { /* one call of tokenizer_encode */
    const tokenizer *t;
    token_list *ids;
    added_search raw, normalized;
    pattern_scan *scan; /* the normalizer's */
    normalizer_scratch normal;
    pretokenizer_scratch words;
    bpe_scratch bpe;
    unigram_scratch unigram;
    byte_buffer visible;
    bool stops; /* a long text: it gives up when a stop is requested */
    uint32_t words_done;
} encoder;

/* LONG_TEXT is in bytes; LOOK_UP counts words between two questions whether to stop. */
enum { LONG_TEXT = 1 << 20, LOOK_UP = 4096 };

static cadre_status encode_word(void *arg, string_view word)
{
    encoder *e = arg;
    if (e->stops && e->words_done++ % LOOK_UP == 0) CADRE_TRY(interrupt_check(NULL));
    if (e->t->is_unigram) return unigram_encode(&e->t->unigram, &e->unigram, word, e->ids);
    return bpe_encode(&e->t->bpe, &e->bpe, word, e->ids);
}

/* Encodes bytes that are no characters: as one word of visible bytes, or byte by byte. */
static cadre_status encode_malformed(encoder *e, string_view bytes)
{
    if (e->t->pretokenizer.byte_level) {
        e->visible.size = 0;
        CADRE_TRY(byte_level_put(&e->visible, bytes.data, bytes.size));
        return encode_word(e, (string_view){ e->visible.data, e->visible.size });
    }
    const int32_t *byte_ids = e->t->is_unigram ? e->t->unigram.byte_ids : e->t->bpe.byte_ids;
    bool fallback = e->t->is_unigram ? e->t->unigram.byte_fallback : e->t->bpe.byte_fallback;
    int32_t unknown = e->t->is_unigram ? e->t->unigram.unknown : e->t->bpe.unknown;
    for (size_t i = 0; i < bytes.size; i++) {
        int32_t id = fallback ? byte_ids[(unsigned char)bytes.data[i]] : -1;
        if (id < 0) id = unknown;
        if (id >= 0) CADRE_TRY(token_list_put(e->ids, id));
    }
    return CADRE_OK;
}

/* The text from `at` to the start of the match, or to the end if there is no match. */
static string_view part_before(string_view text, size_t at, bool found, const added_match *match)
{
    size_t end = found ? match->begin : text.size;
    return (string_view){ text.data + at, end > at ? end - at : 0 };
}

/* Encodes well-formed text between added tokens. */
static cadre_status encode_normal(encoder *e, string_view text, bool first)
{
    added_match match = { 0 };
    CADRE_TRY(normalizer_apply(&e->t->normalizer, &e->normal, e->scan, text, &text));
    for (size_t at = 0;; at = match.end) {
        bool found = added_tokens_next(&e->t->added, &e->normalized, text, &match);
        string_view part = part_before(text, at, found, &match);
        CADRE_TRY(pretokenizer_apply(
            &e->t->pretokenizer, &e->words, part, first && at == 0, encode_word, e));
        if (!found) return CADRE_OK;
        CADRE_TRY(token_list_put(e->ids, match.token->id));
    }
}

/* Encodes any bytes between added tokens: well-formed text and malformed bytes alternate. */
static cadre_status encode_bytes(encoder *e, string_view text, bool first)
{
    while (text.size > 0) {
        size_t valid = utf8_valid_prefix(text.data, text.size), bad = valid;
        uint32_t code;
        if (valid > 0) CADRE_TRY(encode_normal(e, (string_view){ text.data, valid }, first));
        while (bad < text.size && utf8_decode(text.data + bad, text.size - bad, &code) == 0) bad++;
        if (bad > valid)
            CADRE_TRY(encode_malformed(e, (string_view){ text.data + valid, bad - valid }));
        text = (string_view){ text.data + bad, text.size - bad };
        first = false;
    }
    return CADRE_OK;
}

static cadre_status encode_text(encoder *e, string_view text)
{
    added_match match = { 0 };
    CADRE_TRY(pattern_scan_new(&e->scan));
    for (size_t at = 0;; at = match.end) {
        bool found = added_tokens_next(&e->t->added, &e->raw, text, &match);
        CADRE_TRY(encode_bytes(e, part_before(text, at, found, &match), at == 0));
        if (!found) return CADRE_OK;
        CADRE_TRY(token_list_put(e->ids, match.token->id));
    }
}

static cadre_status put_all(token_list *ids, const token_list *more)
{
    CADRE_TRY(token_list_reserve(ids, more->count));
    for (size_t i = 0; i < more->count; i++) ids->ids[ids->count++] = more->ids[i];
    return CADRE_OK;
}

/* `special`: adds the ids that belong around a text. */
static cadre_status encode(const tokenizer *t, string_view text, bool special,
    const text_range *literal, size_t count, token_list *ids)
{
    /* Places change when a text is normalized, so then everything counts as literal. */
    static const text_range everything = { 0, SIZE_MAX };
    if (text.size > TEXT_MAX)
        return cadre_fail(CADRE_EUNSUPPORTED, NULL,
            "expected a text of at most %d bytes, found %zu", TEXT_MAX, text.size);
    bool stops = text.size > LONG_TEXT;
    encoder e = { .t = t,
        .ids = ids,
        .raw = { false, literal, count, stops },
        .normalized = { true, &everything, count > 0, stops },
        .stops = stops };
    size_t before = ids->count;
    cadre_status status = special ? put_all(ids, &t->before) : CADRE_OK;
    if (status == CADRE_OK) status = encode_text(&e, text);
    /* A search may have given up. */
    if (status == CADRE_OK && stops) status = interrupt_check(NULL);
    if (status == CADRE_OK && special) status = put_all(ids, &t->after);
    if (status != CADRE_OK) ids->count = before;
    pattern_scan_free(e.scan);
    normalizer_scratch_free(&e.normal);
    pretokenizer_scratch_free(&e.words);
    bpe_scratch_free(&e.bpe);
    unigram_scratch_free(&e.unigram);
    byte_buffer_free(&e.visible);
    return status;
}

cadre_status tokenizer_encode(
    const tokenizer *t, const char *text, size_t size, unsigned flags, token_list *ids)
{
    text_range all = { 0, size };
    return encode(t, (string_view){ text, size }, flags & CADRE_ADD_SPECIAL, &all,
        flags & CADRE_PARSE_SPECIAL ? 0 : 1, ids);
}

cadre_status tokenizer_encode_parts(const tokenizer *t, const char *text, size_t size,
    const text_range *literal, size_t count, token_list *ids)
{
    return encode(t, (string_view){ text, size }, false, literal, count, ids);
}
