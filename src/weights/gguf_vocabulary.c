/* gguf_vocabulary.c - writes the vocabulary's keys of a GGUF: copied from another GGUF, or made of
 * a tokenizer.json. That file is also stored whole, under the key that the format's description has
 * for it, because it says more than the other keys can. */
#include "weights/gguf_vocabulary.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "text/tokenizer_export.h"

static cadre_status copy_keys(gguf_writer *w, const gguf *from)
{
    for (size_t i = 0; i < gguf_key_count(from); i++) {
        gguf_string key = gguf_key_at(from, i);
        if (key.size < 10 || memcmp(key.data, "tokenizer.", 10)) continue;
        char *name = mem_printf("%.*s", (int)key.size, key.data);
        cadre_status status = name ? gguf_writer_copy(w, from, name) : CADRE_ENOMEM;
        mem_free(name);
        CADRE_TRY(status);
    }
    return CADRE_OK;
}

static cadre_status put_note(const model_output *o, const char *before, const char *why)
{
    char *sentence = mem_printf("%s: %s", before, why);
    if (!sentence) return CADRE_ENOMEM;
    model_output_note(o, sentence);
    mem_free(sentence);
    return CADRE_OK;
}

static cadre_status put_id(gguf_writer *w, const char *key, int32_t of_tokenizer, int64_t of_model)
{
    int64_t id = of_tokenizer >= 0 ? of_tokenizer : of_model;
    return id >= 0 ? gguf_writer_int(w, key, GGUF_U32, id) : CADRE_OK;
}

static cadre_status put_none(gguf_writer *w, const model_output *o)
{
    const tokenizer *t = o->tokenizer;
    CADRE_TRY(put_id(w, "tokenizer.ggml.bos_token_id", t ? tokenizer_bos(t) : -1, o->config->bos));
    CADRE_TRY(put_id(w, "tokenizer.ggml.eos_token_id", t ? tokenizer_eos(t) : -1, o->config->eos));
    return gguf_writer_string(w, "tokenizer.ggml.model", "none", 4);
}

static cadre_status put_keys(gguf_writer *w, const model_output *o)
{
    const model_config *c = o->config;
    const char *difference = NULL;
    if (!o->tokenizer) return put_none(w, o);
    tokenizer_model model = { c->vocab, (int32_t)c->bos, (int32_t)c->eos };
    cadre_status status = tokenizer_put_gguf(o->tokenizer, &model, w, &difference);
    if (status == CADRE_EUNSUPPORTED || status == CADRE_EMISMATCH) {
        CADRE_TRY(put_note(
            o, "the tokenizer is kept as " GGUF_TOKENIZER_JSON " alone", cadre_last_error()));
        return put_none(w, o);
    }
    CADRE_TRY(status);
    return difference
               ? put_note(o,
                     "programs that do not read " GGUF_TOKENIZER_JSON " cut some texts otherwise",
                     difference)
               : CADRE_OK;
}

cadre_status gguf_put_vocabulary(gguf_writer *w, const model_output *o)
{
    if (o->vocabulary) return copy_keys(w, o->vocabulary);
    string_view program =
        o->tokenizer ? tokenizer_chat_program(o->tokenizer) : (string_view){ "", 0 };
    CADRE_TRY(put_keys(w, o));
    if (program.size)
        CADRE_TRY(gguf_writer_string(w, "tokenizer.chat_template", program.data, program.size));
    if (!o->tokenizer_json.size) return CADRE_OK;
    return gguf_writer_string(
        w, GGUF_TOKENIZER_JSON, o->tokenizer_json.data, o->tokenizer_json.size);
}
