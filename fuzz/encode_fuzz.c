/* encode_fuzz.c - any bytes through small tokenizers of each kind. The first byte chooses:
 * tokenizer, and how control tokens are treated. Ids lie in the vocabulary; a stream gives the same
 * text as the whole list; byte-level vocabularies lose nothing. */
#include "fuzz.h"

#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "support/tokenizer_sample.h"
#include "text/tokenizer.h"

static tokenizer *opened(tokenizer_sample which)
{
    static tokenizer *all[SAMPLES];
    if (!all[which]) all[which] = tokenizer_sample_open(which);
    return all[which];
}

/* The text with malformed bytes replaced, as a stream would give it in one piece. */
static void replace_malformed(const byte_buffer *bytes, byte_buffer *text)
{
    for (size_t at = 0; at < bytes->size;) {
        size_t valid = utf8_valid_prefix(bytes->data + at, bytes->size - at);
        fuzz_require(byte_buffer_put(text, bytes->data + at, valid) == CADRE_OK);
        at += valid;
        if (at == bytes->size) break;
        fuzz_require(byte_buffer_put(text, "\xef\xbf\xbd", 3) == CADRE_OK);
        at++;
    }
}

/* bytes: what it must say; NULL: any text. */
static void check_stream(const tokenizer *t, const token_list *ids, const byte_buffer *bytes)
{
    token_stream *s;
    string_view part;
    byte_buffer streamed = { 0 }, whole = { 0 };
    fuzz_require(token_stream_new(t, 0, &s) == CADRE_OK);
    for (size_t i = 0; i <= ids->count; i++) {
        fuzz_require((i < ids->count ? token_stream_put(s, ids->ids[i], &part)
                                     : token_stream_end(s, &part)) == CADRE_OK);
        fuzz_require(utf8_valid_prefix(part.data, part.size) == part.size);
        fuzz_require(byte_buffer_put(&streamed, part.data, part.size) == CADRE_OK);
    }
    if (bytes) replace_malformed(bytes, &whole);
    if (bytes)
        fuzz_require(streamed.size == whole.size &&
                     (whole.size == 0 || !memcmp(streamed.data, whole.data, whole.size)));
    token_stream_free(s);
    byte_buffer_free(&streamed);
    byte_buffer_free(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    tokenizer_sample which = (tokenizer_sample)(data[0] % SAMPLES);
    const tokenizer *t = opened(which);
    const char *text = (const char *)data + 1;
    token_list ids = { 0 };
    byte_buffer back = { 0 };
    unsigned flags = data[0] / SAMPLES % 2 ? CADRE_PARSE_SPECIAL : 0;
    fuzz_require(tokenizer_encode(t, text, size - 1, flags, &ids) == CADRE_OK);
    for (size_t i = 0; i < ids.count; i++) fuzz_require(tokenizer_piece(t, ids.ids[i]).size > 0);
    fuzz_require(tokenizer_decode(t, ids.ids, ids.count, 0, &back) == CADRE_OK);
    if (which == SAMPLE_BYTE_LEVEL)
        fuzz_require(back.size == size - 1 && (size == 1 || !memcmp(back.data, text, size - 1)));
    /* A whole list of byte tokens that are no text is replaced, characters in it too, which a
     * stream has told before. */
    check_stream(
        t, &ids, which != SAMPLE_SENTENCEPIECE || utf8_valid(text, size - 1) ? &back : NULL);
    token_list_free(&ids);
    byte_buffer_free(&back);
    return 0;
}
