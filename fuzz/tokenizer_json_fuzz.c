/* tokenizer_json_fuzz.c - any bytes as a tokenizer.json: refused, or a text of everything goes
 * through it and back. */
#include "fuzz.h"

#include <string.h>

#include "text/tokenizer.h"

static const char text[] = "The experts' 1,234 tokens\t\n <s>the</s> \xe2\x96\x81the r\xc3\xa4ther "
                           "\xe4\xb8\xad\xf0\x9f\x91\x8d \xff\xc3 <|endoftext|>";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tokenizer *t;
    token_list ids = { 0 };
    byte_buffer back = { 0 };
    if (tokenizer_open_text((const char *)data, size, "fuzz.json", &t) != CADRE_OK) {
        fuzz_require(strlen(cadre_last_error()) > 0);
        return 0;
    }
    if (tokenizer_encode(t, text, sizeof text - 1, CADRE_ADD_SPECIAL | CADRE_PARSE_SPECIAL, &ids) ==
        CADRE_OK) {
        for (size_t i = 0; i < ids.count; i++)
            fuzz_require(ids.ids[i] >= 0 && ids.ids[i] < tokenizer_size(t));
        if (tokenizer_decode(t, ids.ids, ids.count, 0, &back) != CADRE_OK) back.size = 0;
    }
    for (int32_t id = -1; id < 4; id++) fuzz_require(tokenizer_piece(t, id).data != NULL);
    token_list_free(&ids);
    byte_buffer_free(&back);
    tokenizer_close(t);
    return 0;
}
