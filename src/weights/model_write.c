/* model_write.c - writes a model as a folder or as a GGUF. */
#include "weights/model_write.h"

#include <stdio.h>
#include <string.h>

#include "arch/architecture.h"
#include "arch/config_gguf.h"
#include "arch/config_json.h"
#include "base/destination.h"
#include "base/file.h"
#include "base/memory.h"
#include "text/tokenizer_export.h"
#include "weights/gguf_vocabulary.h"
#include "weights/weight_file.h"

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

/* Writes what transformers reads in addition to the weights. `format` is that of most elements. */
static cadre_status write_companions(const model_output *o, const number_format *format)
{
    static const companions none = { 0 };
    const companions *c = o->companions ? o->companions : &none;
    CADRE_TRY(companions_write(c, o->config, o->path));
    if (o->tokenizer_json.size) {
        CADRE_TRY(companions_write_tokenizer(c, o->config, o->tokenizer, 0, o->path));
        CADRE_TRY(
            write_in(o->path, "tokenizer.json", o->tokenizer_json.data, o->tokenizer_json.size));
    }
    json_writer config = json_writer_new(2);
    model_config_text(o->config, format, &config);
    return write_text(o->path, "config.json", &config);
}

/* ---- weights ---- */

typedef struct reporting {
    const cadre_output_listener *listener;
    int64_t total;
} reporting;

static cadre_status report(void *arg, int64_t bytes)
{
    const reporting *r = arg;
    if (cadre_interrupted())
        return cadre_fail(CADRE_EINTERRUPTED, NULL, "stopped on request; nothing was written");
    if (r->listener && r->listener->progress)
        r->listener->progress(r->listener->arg, bytes, r->total);
    return CADRE_OK;
}

/* The model, or the encoder or decoder of one: these two share a file. */
typedef struct stack {
    const model_config *config; /* NULL: there is no such stack */
    param_table table;
    tensor_list list;
} stack;

enum { STACKS = 2 };

static void begin_stack(const model_output *o, const stack *s)
{
    if (o->source.stack) o->source.stack(o->source.arg, s->config);
}

static cadre_status write_tensors(
    const compute *c, const model_output *o, const stack *stacks, const tensor_sink *sink)
{
    reporting r = { o->listener, stacks[0].list.bytes + stacks[1].list.bytes };
    for (int i = 0; i < STACKS && stacks[i].config; i++) {
        begin_stack(o, &stacks[i]);
        CADRE_TRY(tensor_list_write(c, &stacks[i].list, sink, &o->source, report, &r));
    }
    return CADRE_OK;
}

/* ---- a folder ---- */

/* The weights get their name last, so a conversion that is stopped or fails leaves no model. */
static cadre_status write_model(
    const compute *c, const model_output *o, const stack *stacks, const char *path)
{
    tensor_sink sink = { NULL, NULL };
    cadre_status status = safetensors_writer_open(path, false, &sink.folder);
    if (status == CADRE_OK) status = safetensors_writer_metadata(sink.folder, "format", "pt");
    for (int i = 0; i < STACKS && stacks[i].config && status == CADRE_OK; i++)
        status = tensor_list_declare(&stacks[i].list, &sink);
    if (status == CADRE_OK) status = write_tensors(c, o, stacks, &sink);
    if (status == CADRE_OK) status = safetensors_writer_finish(sink.folder, NULL);
    if (status == CADRE_OK) status = write_companions(o, tensor_list_most(&stacks[0].list));
    if (status == CADRE_OK) return safetensors_writer_commit(sink.folder);
    safetensors_writer_discard(sink.folder);
    return status;
}

static cadre_status write_folder(const compute *c, const model_output *o, const stack *stacks)
{
    char *model = file_join(o->path, "model.safetensors"),
         *config = file_join(o->path, "config.json");
    cadre_status status = model && config ? CADRE_OK : CADRE_ENOMEM;
    bool there = file_exists(o->path), file = there && !file_is_folder(o->path);
    if (status == CADRE_OK && (file || file_exists(model) || file_exists(config)))
        status = cadre_fail(CADRE_EEXISTS, o->path, "expected an empty or new folder, found %s",
            file ? "a file" : "a model in it");
    if (status == CADRE_OK) status = file_make_folder(o->path);
    if (status == CADRE_OK) status = write_model(c, o, stacks, model);
    if (status != CADRE_OK && !there) file_remove_folder(o->path);
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

static bool fell_back(const listed_tensor *t)
{
    return row_size(t) % t->wanted->block && t->format != &number_f32;
}

static bool fell_alike(const tensor_list *list, const listed_tensor *t, const listed_tensor *u)
{
    const param *rows = list->table->rows;
    return rows[t->part[0]].role == rows[u->part[0]].role && t->wanted == u->wanted &&
           row_size(t) == row_size(u);
}

static cadre_status note_fallback(const model_output *o, const listed_tensor *t, int64_t alike)
{
    char others[40] = "";
    if (alike > 1) snprintf(others, sizeof others, " and %lld more like it", (long long)alike - 1);
    char *sentence =
        mem_printf("%s%s: rows of %lld elements are not whole blocks of %s: written as %s", t->name,
            others, (long long)row_size(t), t->wanted->name, t->format->name);
    if (!sentence) return CADRE_ENOMEM;
    model_output_note(o, sentence);
    mem_free(sentence);
    return CADRE_OK;
}

/* Adds a note for each kind of tensor that could not have the format that was asked for. */
static cadre_status note_fallbacks(const model_output *o, const tensor_list *list)
{
    for (int64_t i = 0; i < list->count; i++) {
        int64_t first = list->count, alike = 0;
        for (int64_t j = list->count; j-- > 0;)
            if (fell_alike(list, &list->tensors[i], &list->tensors[j])) first = j, alike++;
        if (first == i && fell_back(&list->tensors[i]))
            CADRE_TRY(note_fallback(o, &list->tensors[i], alike));
    }
    return CADRE_OK;
}

/* Whether RoPE is scaled by a formula for which GGUF has no keys. Then a tensor before the others
 * has the resulting factors. */
static bool has_divisors(const model_config *c)
{
    return c->arch->gguf.divisors &&
           (c->rope.scaling == ROPE_LLAMA3 || c->rope.scaling == ROPE_LISTED ||
               c->rope.scaling == ROPE_PROPORTIONAL);
}

static cadre_status declare_divisors(gguf_writer *w, const model_config *c)
{
    const int64_t extent = c->rope.width / 2;
    return has_divisors(c) ? gguf_writer_declare(w, GGUF_DIVISORS, number_f32.gguf, 1, &extent)
                           : CADRE_OK;
}

static cadre_status write_divisors(gguf_writer *w, const model_config *c)
{
    for (int64_t i = 0; has_divisors(c) && i < c->rope.width / 2; i++) {
        float divisor = (float)rope_divisor(&c->rope, i);
        CADRE_TRY(gguf_writer_put(w, &divisor, sizeof divisor));
    }
    return CADRE_OK;
}

static cadre_status write_gguf(const compute *c, const model_output *o, const stack *stacks)
{
    const tensor_list *list = &stacks[0].list;
    tensor_sink sink = { NULL, NULL };
    if (file_exists(o->path))
        return cadre_fail(CADRE_EEXISTS, o->path, "expected a new file, found one of this name");
    cadre_status status = gguf_writer_open(o->path, &sink.gguf);
    const number_format *most = tensor_list_most(list);
    int file_type = o->file_type >= 0 ? o->file_type : most->file_type;
    if (status == CADRE_OK) status = note_fallbacks(o, list);
    if (status == CADRE_OK)
        status =
            config_gguf_write(sink.gguf, o->config, last_part(o->path), file_type, most->block > 1);
    if (status == CADRE_OK) status = gguf_put_vocabulary(sink.gguf, o);
    if (status == CADRE_OK && o->companions) status = companions_put_gguf(o->companions, sink.gguf);
    if (status == CADRE_OK) status = declare_divisors(sink.gguf, o->config);
    if (status == CADRE_OK) status = tensor_list_declare(list, &sink);
    if (status == CADRE_OK) status = write_divisors(sink.gguf, o->config);
    if (status == CADRE_OK) status = write_tensors(c, o, stacks, &sink);
    if (status == CADRE_OK) return gguf_writer_commit(sink.gguf);
    gguf_writer_discard(sink.gguf);
    return status;
}

/* Repeats the embedding, the first row of the table, where the file has a head of its own and the
 * model does not. */
static void repeat_embedding(tensor_list *list)
{
    for (int64_t i = 0; i < list->count; i++)
        if (list->table->rows[list->tensors[i].part[0]].role == ROLE_HEAD)
            list->tensors[i].part[0] = 0;
}

/* Lists the tensors of an encoder. The embedding, its first row, is left out if the decoder has
 * written it. */
static cadre_status make_stack(
    const model_output *o, const model_config *config, tensor_naming naming, bool bare, stack *s)
{
    s->config = config;
    CADRE_TRY(param_table_make(config, &s->table));
    if (bare)
        memmove(s->table.rows, s->table.rows + 1, (size_t)--s->table.count * sizeof *s->table.rows);
    begin_stack(o, s);
    CADRE_TRY(tensor_list_make(config, &s->table, naming, &o->source, &s->list));
    if (o->config->tie) repeat_embedding(&s->list);
    return CADRE_OK;
}

static cadre_status write_all(
    const compute *c, const model_output *o, const model_config *form, bool to_gguf, stack *stacks)
{
    tensor_naming naming = to_gguf ? NAMES_OF_GGUF : NAMES_OF_FOLDER;
    CADRE_TRY(make_stack(o, form, naming, false, &stacks[0]));
    if (form->encoder) CADRE_TRY(make_stack(o, form->encoder, naming, form->tie, &stacks[1]));
    stacks[1].list.before = stacks[0].list.bytes;
    CADRE_TRY(destination_room(o->path, stacks[0].list.bytes + stacks[1].list.bytes, "the model"));
    return to_gguf ? write_gguf(c, o, stacks) : write_folder(c, o, stacks);
}

static bool has_bank_widths(const model_config *c)
{
    bool any = false;
    for (int64_t l = 0; l < c->layers; l++)
        any |= c->layer[l].sparse && moe_config_has_bank_widths(&c->layer[l].moe);
    return any;
}

cadre_status model_output_write(const compute *c, const model_output *wanted)
{
    stack stacks[STACKS] = { { 0 } };
    model_config named = *wanted->config; /* of the family that is written */
    named.arch = architecture_written(named.arch);
    model_output output = *wanted, *o = &output;
    o->config = &named;
    model_config form = named; /* as this kind of file stores it */
    bool to_gguf = path_is_gguf(o->path);
    if (to_gguf && !form.arch->gguf.name)
        return cadre_fail(CADRE_EUNSUPPORTED, o->path,
            "expected a model that GGUF has a form for, found one of type %s",
            form.arch->model_type);
    if (to_gguf && has_bank_widths(&form))
        return cadre_fail(CADRE_EUNSUPPORTED, o->path,
            "expected experts of one width in a layer, which GGUF holds as one tensor, found banks "
            "of several");
    form.split_kv_b = to_gguf && form.latent;
    form.paired_rows = false;
    if (to_gguf && form.arch->gguf.head) form.tie = false;
    cadre_status status = write_all(c, o, &form, to_gguf, stacks);
    for (int i = 0; i < STACKS; i++) {
        tensor_list_free(&stacks[i].list);
        param_table_free(&stacks[i].table);
    }
    return status;
}
