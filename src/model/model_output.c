/* model_output.c - the two kinds of output. */
#include "model/model_output.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "model/architecture.h"

static cadre_status write_in(const char *folder, const char *name, const char *data, size_t size)
{
    char *path = file_join(folder, name);
    cadre_status status = path ? file_write(path, data, size) : CADRE_ENOMEM;
    mem_free(path);
    return status;
}

static cadre_status write_text(const char *folder, const char *name, json_writer *w)
{
    char *path = file_join(folder, name);
    cadre_status status = path ? json_writer_save(w, path) : CADRE_ENOMEM;
    if (!path) json_writer_free(w);
    mem_free(path);
    return status;
}

/* What transformers reads beside the model: how to end a text, and which class the tokenizer is of. */
static cadre_status write_companions(const model_output *o)
{
    json_writer generation = json_writer_new(2), tokenizer = json_writer_new(2), config = json_writer_new(2);
    json_put_object(&generation, NULL);
    if (o->config->bos >= 0) json_put_int(&generation, "bos_token_id", o->config->bos);
    config_eos_write(o->config, &generation);
    json_put_close(&generation, '}');
    json_put_object(&tokenizer, NULL);
    json_put_string(&tokenizer, "tokenizer_class", "PreTrainedTokenizerFast");
    json_put_close(&tokenizer, '}');
    model_config_text(o->config, &config);
    cadre_status status = write_text(o->path, "generation_config.json", &generation);
    if (status == CADRE_OK && o->tokenizer) {
        status = write_in(o->path, "tokenizer.json", o->tokenizer, o->tokenizer_size);
        if (status == CADRE_OK) status = write_text(o->path, "tokenizer_config.json", &tokenizer);
    }
    json_writer_free(&tokenizer);
    if (status == CADRE_OK) return write_text(o->path, "config.json", &config);
    json_writer_free(&config);
    return status;
}

/* ---- weights ---- */

typedef struct reporting {
    const cadre_output_listener *listener;
    int64_t total;
} reporting;

static cadre_status report(void *arg, int64_t bytes)
{
    const reporting *r = arg;
    if (cadre_interrupted()) return cadre_fail(CADRE_EINTERRUPTED, NULL, "stopped on request; nothing was written");
    if (r->listener && r->listener->progress) r->listener->progress(r->listener->arg, bytes, r->total);
    return CADRE_OK;
}

static cadre_status write_tensors(const compute *c, const model_output *o, const tensor_list *list, const tensor_sink *sink)
{
    reporting r = { o->listener, list->bytes };
    return tensor_list_write(c, list, sink, &o->source, report, &r);
}

void model_output_note(const model_output *o, const char *sentence)
{
    if (o->listener && o->listener->note) o->listener->note(o->listener->arg, sentence);
}

/* ---- a folder ---- */

static cadre_status write_weights(const compute *c, const model_output *o, const tensor_list *list, const char *path)
{
    tensor_sink sink = { NULL, NULL };
    cadre_status status = safetensors_writer_open(path, false, &sink.folder);
    if (status == CADRE_OK) status = safetensors_writer_metadata(sink.folder, "format", "pt");
    if (status == CADRE_OK) status = tensor_list_declare(list, &sink);
    if (status == CADRE_OK) status = write_tensors(c, o, list, &sink);
    if (status == CADRE_OK) return safetensors_writer_commit(sink.folder);
    safetensors_writer_discard(sink.folder);
    return status;
}

static cadre_status write_folder(const compute *c, const model_output *o, const tensor_list *list)
{
    char *model = file_join(o->path, "model.safetensors"), *config = file_join(o->path, "config.json");
    cadre_status status = model && config ? CADRE_OK : CADRE_ENOMEM;
    bool file = file_exists(o->path) && !file_is_folder(o->path);
    if (status == CADRE_OK && (file || file_exists(model) || file_exists(config)))
        status = cadre_fail(CADRE_EEXISTS, o->path, "expected an empty or new folder, found a model in it");
    if (status == CADRE_OK) status = file_make_folder(o->path);
    if (status == CADRE_OK) status = write_weights(c, o, list, model);
    if (status == CADRE_OK) status = write_companions(o);
    mem_free(model);
    mem_free(config);
    return status;
}

/* ---- a GGUF ---- */

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int64_t row_size(const listed_tensor *t) { return t->shape[t->rank - 1]; }

static bool fell_back(const listed_tensor *t) { return row_size(t) % t->wanted->block && t->format != &number_f32; }

static bool fell_alike(const tensor_list *list, const listed_tensor *t, const listed_tensor *u)
{
    const param *rows = list->table->rows;
    return rows[t->part[0]].role == rows[u->part[0]].role && t->wanted == u->wanted && row_size(t) == row_size(u);
}

static cadre_status note_fallback(const model_output *o, const listed_tensor *t, int64_t alike)
{
    char others[40] = "";
    if (alike > 1) snprintf(others, sizeof others, " and %lld more like it", (long long)alike - 1);
    char *sentence = mem_printf("%s%s: rows of %lld numbers are not whole blocks of %s: written as %s", t->name, others,
                                (long long)row_size(t), t->wanted->name, t->format->name);
    if (!sentence) return CADRE_ENOMEM;
    model_output_note(o, sentence);
    mem_free(sentence);
    return CADRE_OK;
}

/* A sentence for each kind of tensor that could not have the format that was asked for. */
static cadre_status note_fallbacks(const model_output *o, const tensor_list *list)
{
    for (int64_t i = 0; i < list->count; i++) {
        int64_t first = list->count, alike = 0;
        for (int64_t j = list->count; j-- > 0;)
            if (fell_alike(list, &list->tensors[i], &list->tensors[j])) first = j, alike++;
        if (first == i && fell_back(&list->tensors[i])) CADRE_TRY(note_fallback(o, &list->tensors[i], alike));
    }
    return CADRE_OK;
}

static cadre_status write_gguf(const compute *c, const model_output *o, const tensor_list *list)
{
    tensor_sink sink = { NULL, NULL };
    if (file_exists(o->path)) return cadre_fail(CADRE_EEXISTS, o->path, "expected a new file, found one of this name");
    cadre_status status = gguf_writer_open(o->path, &sink.gguf);
    const number_format *most = tensor_list_most(list);
    int file_type = o->file_type >= 0 ? o->file_type : most->file_type;
    if (status == CADRE_OK) status = note_fallbacks(o, list);
    if (status == CADRE_OK) status = config_gguf_write(sink.gguf, o->config, last_part(o->path), file_type, most->block > 1);
    if (status == CADRE_OK) status = gguf_put_vocabulary(sink.gguf, o);
    if (status == CADRE_OK) status = tensor_list_declare(list, &sink);
    if (status == CADRE_OK) status = write_tensors(c, o, list, &sink);
    if (status == CADRE_OK) return gguf_writer_commit(sink.gguf);
    gguf_writer_discard(sink.gguf);
    return status;
}

static cadre_status write_table(const compute *c, const model_output *o, const model_config *config, bool to_gguf)
{
    param_table table;
    tensor_list list;
    CADRE_TRY(param_table_make(config, &table));
    cadre_status status = tensor_list_make(config, &table, to_gguf ? NAMES_OF_GGUF : NAMES_OF_FOLDER, &o->source, &list);
    if (status == CADRE_OK) {
        status = to_gguf ? write_gguf(c, o, &list) : write_folder(c, o, &list);
        tensor_list_free(&list);
    }
    param_table_free(&table);
    return status;
}

cadre_status model_output_write(const compute *c, const model_output *o)
{
    model_config form = *o->config; /* as this kind of file has it */
    bool to_gguf = path_is_gguf(o->path);
    if (form.encoder)
        return cadre_fail(CADRE_EUNSUPPORTED, o->path, "expected a model without an encoder to be written, found one of type %s",
                          form.arch->model_type);
    if (to_gguf && !form.arch->gguf_name)
        return cadre_fail(CADRE_EUNSUPPORTED, o->path, "expected a model that GGUF has a form for, found one of type %s",
                          form.arch->model_type);
    form.split_kv_b = to_gguf && form.latent;
    form.paired_rows = false;
    return write_table(c, o, &form, to_gguf);
}
