/* run_files.c - writes the files of a run's folder besides checkpoints and metrics: config.json,
 * tokenizer, held-out texts, run.json. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "arch/architecture.h"
#include "arch/config_json.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/json.h"
#include "format/json_writer.h"
#include "text/tokenizer_export.h"
#include "train/run.h"
#include "weights/companions.h"
#include "weights/weight_file.h"

static cadre_status write_in(const char *folder, const char *name, const void *data, size_t size)
{
    char *path = file_join(folder, name);
    cadre_status status = path ? file_write(path, data, size) : CADRE_ENOMEM;
    mem_free(path);
    return status;
}

static cadre_status write_config(const train_run *r)
{
    const number_format *as = r->saved_as ? r->saved_as : &number_f32;
    char *path = file_join(r->out, "config.json");
    cadre_status status = path ? model_config_write(&r->config, as, path) : CADRE_ENOMEM;
    mem_free(path);
    return status;
}

static cadre_status write_tokenizer(const train_run *r)
{
    if (!r->tokenizer_json.size) return CADRE_OK;
    string_view end = train_data_end(r);
    tokenizer_config said = { .eos = end, .context = r->config.context };
    if (r->config.encoder) said.pad = tokenizer_piece(r->tokenizer, (int32_t)r->config.pad);
    else said.bos = end;
    byte_buffer config = { 0 };
    cadre_status status =
        write_in(r->out, "tokenizer.json", r->tokenizer_json.data, r->tokenizer_json.size);
    if (r->from || status != CADRE_OK) return status;
    status = tokenizer_write_config(&said, &config); /* as it was learnt */
    if (status == CADRE_OK)
        status = write_in(r->out, "tokenizer_config.json", config.data, config.size);
    byte_buffer_free(&config);
    return status;
}

/* Copies those files of the model that the run starts from which training does not change. */
static cadre_status write_companions(const train_run *r)
{
    companions c = { 0 };
    weight_file file = { 0 };
    bool is_gguf = r->from && !file_is_folder(r->from);
    cadre_status status = is_gguf ? weight_file_open(r->from, &file) : CADRE_OK;
    if (status == CADRE_OK && r->from) status = companions_read(r->from, file.gguf, &r->config, &c);
    if (status == CADRE_OK) status = companions_write(&c, &r->config, r->out);
    if (status == CADRE_OK && r->from && r->tokenizer_json.size)
        status =
            companions_write_tokenizer(&c, &r->config, r->tokenizer, r->config.context, r->out);
    companions_free(&c);
    weight_file_close(&file);
    return status;
}

/* Writes validation/DOMAIN.txt, the end of each text, which is not trained on. A resumed run keeps
 * what it has held out. */
static cadre_status write_held_out(const train_run *r)
{
    if (!r->corpus || r->resumed) return CADRE_OK;
    char *folder = file_join(r->out, "validation");
    cadre_status status = folder ? file_make_folder(folder) : CADRE_ENOMEM;
    for (int i = 0; i < r->corpus->count && status == CADRE_OK; i++) {
        const corpus_domain *d = &r->corpus->domains[i];
        held_text own = { 0 };
        const held_text *held;
        char *name = mem_printf("%s.txt", d->name);
        status = name ? corpus_held_out(d, &own, &held) : CADRE_ENOMEM;
        if (status == CADRE_OK) status = write_in(folder, name, held->text.data, held->text.size);
        held_text_free(&own);
        mem_free(name);
    }
    mem_free(folder);
    return status;
}

cadre_status train_files_begin(const train_run *r)
{
    if (r->adapts) {
        CADRE_TRY(adapter_write_config(&r->adapter, &r->config, r->from, r->out));
        return write_held_out(r);
    }
    CADRE_TRY(write_config(r));
    CADRE_TRY(write_companions(r));
    CADRE_TRY(write_tokenizer(r));
    return write_held_out(r);
}

/* ---- run.json: what the report needs ---- */

/* Writes the options that have one value, from the text that is saved in checkpoints. */
static void put_options(json_writer *w, const char *text)
{
    json_document *document;
    json_put_object(w, "options");
    if (json_parse("options", text, strlen(text), &document) == CADRE_OK) {
        json_node root = json_root(document);
        for (json_node m = { 0 }; json_next(&root, &m);) {
            const char *value;
            bool flag;
            if (json_kind_of(&m) == JSON_KIND_STRING &&
                json_as_string(&m, &value, NULL) == CADRE_OK)
                json_put_string(w, m.key, value);
            else if (json_kind_of(&m) == JSON_KIND_BOOL && json_as_bool(&m, &flag) == CADRE_OK)
                json_put_bool(w, m.key, flag);
        }
        json_close(document);
    }
    json_put_close(w, '}');
}

/* Writes an object for each sparse layer; `before` layers of the model come before these. */
static void put_sparse_layers(json_writer *w, const model_config *c, int64_t before)
{
    for (int64_t l = 0; l < c->layers; l++) {
        if (!c->layer[l].sparse) continue;
        json_put_object(w, NULL);
        json_put_int(w, "layer", before + l);
        json_put_int(w, "experts", c->layer[l].moe.experts);
        json_put_int(w, "topk", moe_config_most_picks(&c->layer[l].moe));
        json_put_string(w, "router", c->layer[l].moe.router->name);
        json_put_close(w, '}');
    }
}

/* An encoder's layers come before the decoder's, as in metrics.jsonl. */
static void put_shape(json_writer *w, const train_run *r)
{
    const model_config *c = &r->config;
    int64_t encoder = c->encoder ? c->encoder->layers : 0;
    const param_table *table = trainer_table(r->trainer);
    json_put_string(w, "recipe", r->recipe ? r->recipe->name : r->from);
    json_put_string(w, "model_type", c->arch->model_type);
    json_put_int(w, "parameters", table->total);
    json_put_int(w, "active_parameters", table->active);
    json_put_int(w, "width", c->width);
    json_put_int(w, "layers", encoder + c->layers);
    if (c->encoder) json_put_int(w, "encoder_layers", encoder);
    json_put_int(w, "vocab", c->vocab);
    json_put_array(w, "sparse_layers");
    if (c->encoder) put_sparse_layers(w, c->encoder, 0);
    put_sparse_layers(w, c, encoder);
    json_put_close(w, ']');
    json_put_array(w, "domains");
    for (int i = 0; r->corpus && i < r->corpus->count; i++)
        json_put_string(w, NULL, r->corpus->domains[i].name);
    json_put_close(w, ']');
}

/* Writes how many bytes each document of a domain's held-out text has, if there is more than
 * one. */
static cadre_status put_held_out_of(json_writer *w, const corpus_domain *d)
{
    held_text own = { 0 };
    const held_text *h;
    cadre_status status = corpus_held_out(d, &own, &h);
    if (status == CADRE_OK && h->documents > 1) {
        json_put_array(w, d->name);
        for (size_t k = 0; k < h->documents; k++)
            json_put_int(w, NULL, h->ends[k] - (k ? h->ends[k - 1] : 0));
        json_put_close(w, ']');
    }
    held_text_free(&own);
    return status;
}

static cadre_status put_held_out(json_writer *w, const train_run *r)
{
    cadre_status status = CADRE_OK;
    json_put_object(w, "held_out_documents");
    for (int i = 0; r->corpus && i < r->corpus->count && status == CADRE_OK; i++)
        status = put_held_out_of(w, &r->corpus->domains[i]);
    json_put_close(w, '}');
    return status;
}

/* Writes the command line, the paths of the data, and the current time in UTC, to the minute. */
static void put_origin(json_writer *w, const train_run *r)
{
    char date[32];
    time_t now = time(NULL);
    struct tm day;
    json_put_string(w, "command", r->command);
    json_put_array(w, "data_paths");
    for (int i = 0; i < cadre_options_count(r->options, "data"); i++)
        json_put_string(w, NULL, cadre_options_text(r->options, "data", i));
    if (cadre_options_count(r->options, "tokens"))
        json_put_string(w, NULL, cadre_options_text(r->options, "tokens", 0));
    json_put_close(w, ']');
    if (gmtime_r(&now, &day) && strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &day))
        json_put_string(w, "date", date);
}

/* Writes how long the last checkpoint took, and, if there are several ranks, how many of its bytes
 * each has written. */
static void put_saved(json_writer *w, const train_run *r)
{
    json_put_real(w, "checkpoint_seconds", r->save_seconds);
    if (!r->saved_bytes) return;
    json_put_array(w, "checkpoint_bytes");
    for (int i = 0; i < train_world(r)->size; i++) json_put_int(w, NULL, r->saved_bytes[i]);
    json_put_close(w, ']');
}

cadre_status train_files_describe(const train_run *r, double loss)
{
    char *path = file_join(r->out, "run.json");
    if (!path) return CADRE_ENOMEM;
    json_writer w = json_writer_new(2);
    json_put_object(&w, NULL);
    put_shape(&w, r);
    put_origin(&w, r);
    cadre_status status = put_held_out(&w, r);
    put_options(&w, r->text);
    json_put_int(&w, "steps", r->state.step);
    json_put_int(&w, "tokens", r->state.tokens);
    json_put_real(&w, "seconds", r->state.seconds);
    put_saved(&w, r);
    if (isfinite(loss)) json_put_real(&w, "loss", loss); /* otherwise no step was taken */
    json_put_close(&w, '}');
    if (status == CADRE_OK) status = json_writer_save(&w, path);
    else json_writer_free(&w);
    mem_free(path);
    return status;
}
