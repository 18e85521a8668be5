/* document_end.c - finds the end token that ends a document. Models for conversations name the end
 * of a turn first. */
#include "arch/document_end.h"

/* The spellings that families of models use */
static bool ends_documents(string_view piece)
{
    static const char *const pieces[] = { "<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>",
        "<EOS>", "<|eos|>", "[EOS]",
        ("<\xef\xbd\x9c"
         "end\xe2\x96\x81of\xe2\x96\x81sentence\xef\xbd\x9c>") };
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (string_view_is(piece, pieces[i])) return true;
    return false;
}

int32_t document_end(const model_config *config, const tokenizer *t)
{
    int64_t first = config->eos >= 0 ? config->eos : tokenizer_eos(t);
    if (first >= 0 && ends_documents(tokenizer_piece(t, (int32_t)first))) return (int32_t)first;
    for (int i = 0; i < config->other_eos_count; i++)
        if (ends_documents(tokenizer_piece(t, (int32_t)config->other_eos[i])))
            return (int32_t)config->other_eos[i];
    return first < config->vocab ? (int32_t)first : -1;
}
