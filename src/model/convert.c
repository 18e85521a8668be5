/* convert.c - a model from one kind of file to another: folder to GGUF, GGUF to folder, or the same kind in other numbers. */
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "cadre.h"
#include "model/architecture.h"
#include "model/model_output.h"
#include "model/param_source.h"

/* A parameter that is being read: row by row from its tensor, or whole where it is put together from several. */
typedef struct reader {
    const param *param; /* NULL: none yet */
    param_source source;
    real *whole;
} reader;

typedef struct conversion {
    weight_file file;
    model_config config;     /* in the model's own order */
    reader readers[2];       /* a tensor is made of up to two parameters in turn */
    const number_format *dtype, *experts_dtype; /* NULL: as in the file */
    char *tokenizer;         /* text, or NULL */
    size_t tokenizer_size;
    int64_t bytes;
    const cadre_convert_listener *listener;
} conversion;

/* ---- reading ---- */

static cadre_status begin_reading(conversion *k, reader *r, const param *p)
{
    mem_free(r->whole);
    *r = (reader){ 0 };
    if (param_source_exists(&k->file, &k->config, p)) {
        CADRE_TRY(param_source_find(&k->file, &k->config, p, &r->source));
    } else {
        if (!(r->whole = MEM_ARRAY(real, p->rows * p->cols))) return CADRE_ENOMEM;
        CADRE_TRY(param_read(&k->file, &k->config, p, r->whole, NULL));
    }
    r->param = p;
    return CADRE_OK;
}

static cadre_status read_row(void *arg, const param *p, int64_t index, int64_t row, float *values)
{
    conversion *k = arg;
    reader *r = k->readers[0].param == p ? &k->readers[0] : &k->readers[1];
    (void)index;
    if (r->param != p) {
        reader oldest = k->readers[0];
        k->readers[0] = k->readers[1];
        k->readers[1] = oldest;
        r = &k->readers[1];
        CADRE_TRY(begin_reading(k, r, p));
    }
    if (!r->whole) param_source_row(&r->source, row, false, values);
    for (int64_t i = 0; r->whole && i < p->cols; i++) values[i] = (float)r->whole[row * p->cols + i];
    return CADRE_OK;
}

/* ---- formats ---- */

/* Whether both kinds of file have it, number by number. */
static bool is_plain(const number_format *f) { return f->block == 1 && f->pack && f->safetensors && f->gguf >= 0; }

/* The file's own, where it can be written; what holds the others exactly. */
static const number_format *own_format(conversion *k, const param *p)
{
    param_source s;
    if (!param_source_exists(&k->file, &k->config, p)) return &number_f32;
    if (param_source_find(&k->file, &k->config, p, &s) != CADRE_OK) return &number_f32; /* reading it will say why */
    if (s.coding == SOURCE_MXFP4) return &number_bf16;
    return s.coding == SOURCE_PLAIN && is_plain(s.tensor.format) ? s.tensor.format : &number_f32;
}

static const number_format *format_of(void *arg, const param *p)
{
    conversion *k = arg;
    const number_format *wanted = param_is_expert(p->role) && k->experts_dtype ? k->experts_dtype : k->dtype;
    return wanted ? wanted : own_format(k, p);
}

static cadre_status choose(const char *option, const char *name, const number_format **format)
{
    *format = name ? number_by_name(name) : NULL;
    if (!name || (*format && is_plain(*format))) return CADRE_OK;
    return cadre_fail(CADRE_EARGUMENT, NULL, "--%s: expected f32, f16 or bf16, found \"%s\"", option, name);
}

/* ---- tokenizers ---- */

/* From a GGUF the tokenizer.json that it may carry; it is the only one there is. */
static cadre_status find_tokenizer(conversion *k, const char *in)
{
    static const char carried[] = "tokenizer.huggingface.json";
    gguf_string text;
    if (k->file.gguf) {
        if (!gguf_has(k->file.gguf, carried)) return CADRE_OK;
        CADRE_TRY(gguf_get_string(k->file.gguf, carried, &text));
        if (!(k->tokenizer = mem_printf("%.*s", (int)text.size, text.data))) return CADRE_ENOMEM;
        k->tokenizer_size = strlen(k->tokenizer);
        return CADRE_OK;
    }
    char *path = file_join(in, "tokenizer.json");
    cadre_status status = path ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK && file_exists(path)) status = file_read(path, (size_t)1 << 30, &k->tokenizer, &k->tokenizer_size);
    mem_free(path);
    return status;
}

/* ---- the conversion ---- */

static void note(void *arg, const char *sentence)
{
    const conversion *k = arg;
    if (k->listener && k->listener->note) k->listener->note(k->listener->arg, sentence);
}

static cadre_status progress(void *arg, int64_t bytes)
{
    const conversion *k = arg;
    if (cadre_interrupted()) return cadre_fail(CADRE_EINTERRUPTED, NULL, "stopped on request; nothing was written");
    if (k->listener && k->listener->progress) k->listener->progress(k->listener->arg, bytes, k->bytes);
    return CADRE_OK;
}

static cadre_status run(conversion *k, const char *in, const char *out)
{
    CADRE_TRY(model_config_open(in, &k->config, &k->file));
    k->config.paired_rows = k->config.split_kv_b = false;
    CADRE_TRY(find_tokenizer(k, in));
    bool to_gguf = path_is_gguf(out);
    if (k->file.gguf && !to_gguf && !k->tokenizer) note(k, "the GGUF carries no tokenizer.json: the folder will have none");
    if (to_gguf) note(k, "what GGUF has no keys for is kept as the text of config.json under " GGUF_CONFIG_KEY);
    model_output o = {
        .path = out,
        .config = &k->config,
        .tokenizer = k->tokenizer,
        .tokenizer_size = k->tokenizer_size,
        .vocabulary = to_gguf ? k->file.gguf : NULL,
        .format = format_of,
        .row = read_row,
        .progress = progress,
        .note = note,
        .arg = k,
    };
    return model_output_write(&o, &k->bytes);
}

cadre_status cadre_convert(const char *in, const char *out, const char *dtype, const char *experts_dtype,
                           const cadre_convert_listener *listener)
{
    conversion k = { .listener = listener };
    CADRE_TRY(choose("dtype", dtype, &k.dtype));
    CADRE_TRY(choose("experts-dtype", experts_dtype, &k.experts_dtype));
    cadre_status status = run(&k, in, out);
    for (int i = 0; i < 2; i++) mem_free(k.readers[i].whole);
    mem_free(k.tokenizer);
    model_config_free(&k.config);
    weight_file_close(&k.file);
    return status;
}
