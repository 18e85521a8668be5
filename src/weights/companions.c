/* companions.c - reads and writes the files that accompany a model unchanged. */
#include "weights/companions.h"

#include <string.h>

#include "arch/config_json.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/json.h"
#include "format/json_writer.h"
#include "text/tokenizer_export.h"

#define GGUF_GENERATION_KEY "cadre.generation_config"

static const char generation_name[] = "generation_config.json",
                  tokenizer_name[] = "tokenizer_config.json";
static const size_t text_limit = (size_t)64 << 20;

/* The names of the same number in generation_config.json and in GGUF */
static const struct {
    const char *json, *gguf;
    bool whole;
} sampling[] = {
    { "temperature", "general.sampling.temp", false },
    { "top_k", "general.sampling.top_k", true },
    { "top_p", "general.sampling.top_p", false },
    { "min_p", "general.sampling.min_p", false },
    { "repetition_penalty", "general.sampling.penalty_repeat", false },
};
enum { SAMPLING = sizeof sampling / sizeof *sampling };

/* ---- reading ---- */

static cadre_status read_text(const char *folder, const char *name, byte_buffer *text)
{
    char *path = file_join(folder, name), *data = NULL;
    size_t size = 0;
    cadre_status status = path ? CADRE_OK : CADRE_ENOMEM;
    if (path && file_exists(path)) status = file_read(path, text_limit, &data, &size);
    if (status == CADRE_OK && size) byte_buffer_put(text, data, size);
    mem_free(data);
    mem_free(path);
    return status == CADRE_OK ? text->status : status;
}

static void put_ids(const model_config *config, json_writer *w)
{
    if (config->bos >= 0) json_put_int(w, "bos_token_id", config->bos);
    if (config->eos >= 0) config_eos_write(config, w);
    if (config->pad >= 0) json_put_int(w, "pad_token_id", config->pad);
}

/* Moves the writer's text into `text`. */
static cadre_status take(json_writer *w, byte_buffer *text)
{
    cadre_status status = json_writer_status(w);
    if (status == CADRE_OK) {
        byte_buffer_text(&w->text, "\n");
        *text = w->text;
        w->text = (byte_buffer){ 0 };
    }
    json_writer_free(w);
    return status == CADRE_OK ? text->status : status;
}

/* Makes a generation_config.json of the keys that GGUF has for it; empty if the file has none of
 * them. */
static cadre_status generation_of_keys(
    const gguf *file, const model_config *config, byte_buffer *text)
{
    json_writer w = json_writer_new(2);
    bool any = false;
    json_put_object(&w, NULL);
    put_ids(config, &w);
    for (int i = 0; i < SAMPLING; i++) {
        double value = 0;
        if (!gguf_has(file, sampling[i].gguf)) continue;
        if (!any) json_put_bool(&w, "do_sample", true);
        any = true;
        int64_t count = 0;
        cadre_status status =
            sampling[i].whole ? gguf_opt_int(file, sampling[i].gguf, INT32_MIN, INT32_MAX, &count)
                              : gguf_opt_real(file, sampling[i].gguf, -1e9, 1e9, &value);
        if (status != CADRE_OK) {
            json_writer_free(&w);
            return status;
        }
        if (sampling[i].whole) json_put_int(&w, sampling[i].json, count);
        else json_put_real(&w, sampling[i].json, (double)(float)value);
    }
    json_put_close(&w, '}');
    if (any) return take(&w, text);
    json_writer_free(&w);
    return CADRE_OK;
}

static cadre_status read_gguf(const gguf *file, const model_config *config, companions *c)
{
    gguf_string text;
    if (!gguf_has(file, GGUF_GENERATION_KEY))
        return generation_of_keys(file, config, &c->generation);
    CADRE_TRY(gguf_get_string(file, GGUF_GENERATION_KEY, &text));
    byte_buffer_put(&c->generation, text.data, text.size);
    return c->generation.status;
}

cadre_status companions_read(
    const char *path, const gguf *file, const model_config *config, companions *c)
{
    *c = (companions){ .folder = file || !file_is_folder(path) ? NULL : path };
    cadre_status status = CADRE_OK;
    if (file) status = read_gguf(file, config, c);
    if (c->folder) status = read_text(path, generation_name, &c->generation);
    if (c->folder && status == CADRE_OK)
        status = read_text(path, tokenizer_name, &c->tokenizer_config);
    if (status != CADRE_OK) companions_free(c);
    return status;
}

void companions_free(companions *c)
{
    byte_buffer_free(&c->generation);
    byte_buffer_free(&c->tokenizer_config);
    *c = (companions){ 0 };
}

/* ---- writing ---- */

static cadre_status write_text(const char *folder, const char *name, const void *data, size_t size)
{
    char *path = file_join(folder, name);
    cadre_status status = path ? file_write(path, data, size) : CADRE_ENOMEM;
    mem_free(path);
    return status;
}

cadre_status companions_write(const companions *c, const model_config *config, const char *folder)
{
    byte_buffer made = { 0 };
    if (c->generation.size)
        return write_text(folder, generation_name, c->generation.data, c->generation.size);
    json_writer w = json_writer_new(2);
    json_put_object(&w, NULL);
    put_ids(config, &w);
    json_put_close(&w, '}');
    cadre_status status = take(&w, &made);
    if (status == CADRE_OK) status = write_text(folder, generation_name, made.data, made.size);
    byte_buffer_free(&made);
    return status;
}

static cadre_status write_tokenizer_config(const companions *c, const model_config *config,
    const tokenizer *t, int64_t context, const char *folder)
{
    byte_buffer text = { 0 };
    tokenizer_config said = t ? tokenizer_config_of(t) : (tokenizer_config){ 0 };
    said.kept = (string_view){ c->tokenizer_config.data, c->tokenizer_config.size };
    said.context = context;
    if (t && !said.eos.size) said.eos = tokenizer_piece(t, (int32_t)config->eos);
    cadre_status status = tokenizer_write_config(&said, &text);
    if (status == CADRE_OK) status = write_text(folder, tokenizer_name, text.data, text.size);
    byte_buffer_free(&text);
    return status;
}

/* Copies the files that need no change. */
static cadre_status copy_others(const companions *c, const char *folder)
{
    static const char *const names[] = { "special_tokens_map.json", "chat_template.jinja",
        "chat_template.json" };
    cadre_status status = CADRE_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && status == CADRE_OK && c->folder; i++) {
        byte_buffer text = { 0 };
        status = read_text(c->folder, names[i], &text);
        if (status == CADRE_OK && text.size)
            status = write_text(folder, names[i], text.data, text.size);
        byte_buffer_free(&text);
    }
    return status;
}

cadre_status companions_write_tokenizer(const companions *c, const model_config *config,
    const tokenizer *t, int64_t context, const char *folder)
{
    CADRE_TRY(write_tokenizer_config(c, config, t, context, folder));
    return copy_others(c, folder);
}

cadre_status companions_put_gguf(const companions *c, gguf_writer *w)
{
    json_document *document;
    if (!c->generation.size) return CADRE_OK;
    CADRE_TRY(json_parse(
        generation_name, (const char *)c->generation.data, c->generation.size, &document));
    json_node root = json_root(document);
    cadre_status status = CADRE_OK;
    for (int i = 0; i < SAMPLING && status == CADRE_OK; i++) {
        json_node node = json_member(&root, sampling[i].json);
        double value;
        if (json_kind_of(&node) != JSON_KIND_NUMBER ||
            json_as_real(&node, -1e9, 1e9, &value) != CADRE_OK)
            continue;
        status = sampling[i].whole ? gguf_writer_int(w, sampling[i].gguf, GGUF_I32, (int64_t)value)
                                   : gguf_writer_real(w, sampling[i].gguf, value);
    }
    json_close(document);
    if (status != CADRE_OK) return status;
    return gguf_writer_string(
        w, GGUF_GENERATION_KEY, (const char *)c->generation.data, c->generation.size);
}
