/* convert.c - a model from one kind of file to another: folder to GGUF, GGUF to folder, or the same
 * kind in other numbers. */
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/sized.h"
#include "cadre.h"
#include "arch/config_gguf.h"
#include "kernel/context.h"
#include "text/tokenizer_export.h"
#include "text/tokenizer_gguf.h"
#include "weights/config_file.h"
#include "weights/format_choice.h"
#include "weights/model_write.h"
#include "weights/param_source.h"
#include "weights/tensor_use.h"

/* A parameter that is being read: row by row from its tensor, or whole where it is put together
 * from several. */
typedef struct reader {
    const param *param; /* NULL: none yet */
    param_source source;
    real *whole;
} reader;

typedef struct conversion {
    weight_file file;
    model_config config;       /* in the model's own order */
    const model_config *stack; /* of it, whose parameters are read: itself, or its encoder */
    reader readers[2];         /* a tensor is made of up to two parameters in turn */
    format_choice dtype, experts_dtype; /* .base NULL: as in the file */
    bool to_gguf;
    /* NULL: none, or one that cannot be opened, of which only the text goes along */
    tokenizer *tokenizer;
    byte_buffer tokenizer_json;
    companions companions;
    char *tokenizer_refusal; /* why it cannot; NULL: it can */
} conversion;

/* ---- reading ---- */

static cadre_status begin_reading(void *arg, const param *p, int64_t index)
{
    conversion *k = arg;
    (void)index;
    mem_free(k->readers[0].whole);
    k->readers[0] = k->readers[1];
    reader *r = &k->readers[1];
    *r = (reader){ 0 };
    if (param_source_exists(&k->file, k->stack, p)) {
        CADRE_TRY(param_source_find(&k->file, k->stack, p, &r->source));
    } else {
        if (!(r->whole = MEM_ARRAY(real, p->rows * p->cols))) return CADRE_ENOMEM;
        CADRE_TRY(param_read(&k->file, k->stack, p, r->whole, NULL));
    }
    r->param = p;
    return CADRE_OK;
}

static const reader *reader_of(const conversion *k, const param *p)
{
    return k->readers[1].param == p ? &k->readers[1] : &k->readers[0];
}

static void read_row(void *arg, const param *p, int64_t index, int64_t row, float *values)
{
    const reader *r = reader_of(arg, p);
    (void)index;
    if (!r->whole) param_source_row(&r->source, row, false, values);
    for (int64_t i = 0; r->whole && i < p->cols; i++)
        values[i] = (float)r->whole[row * p->cols + i];
}

static const void *stored_row(void *arg, const param *p, int64_t row, const number_format *format)
{
    const reader *r = reader_of(arg, p);
    return r->whole ? NULL : param_source_stored_row(&r->source, row, format);
}

/* ---- formats ---- */

/* The file's own, where the other kind has it too; else what holds its numbers exactly. */
static const number_format *own_format(conversion *k, const param *p)
{
    param_source s;
    if (!param_source_exists(&k->file, k->stack, p)) return &number_f32;
    /* Reading it will say why */
    if (param_source_find(&k->file, k->stack, p, &s) != CADRE_OK) return &number_f32;
    const number_format *f = s.tensor.format;
    if (f == &number_e2m1) return k->to_gguf ? &number_mxfp4 : &number_bf16;
    if (!k->to_gguf) return f->pack && f->safetensors ? f : &number_f32;
    return f->gguf >= 0 && param_source_stored_row(&s, 0, f) ? f : &number_f32;
}

static const number_format *format_of(void *arg, const param *p)
{
    conversion *k = arg;
    param source = *p;
    /* Written apart from the embedding that it is */
    if (p->role == ROLE_HEAD && k->config.tie) source.role = ROLE_EMBED;
    const format_choice *wanted =
        param_is_expert(p->role) && k->experts_dtype.base ? &k->experts_dtype : &k->dtype;
    return wanted->base ? format_choice_of(wanted, k->stack, p) : own_format(k, &source);
}

/* ---- tokenizers ---- */

static cadre_status read_json(conversion *k, const char *in)
{
    char *path = file_join(in, "tokenizer.json"), *text = NULL;
    size_t size = 0;
    cadre_status status = path ? file_read(path, (size_t)1 << 30, &text, &size) : CADRE_ENOMEM;
    if (status == CADRE_OK) byte_buffer_put(&k->tokenizer_json, text, size);
    mem_free(text);
    mem_free(path);
    return status == CADRE_OK ? k->tokenizer_json.status : status;
}

/* The text of a tokenizer that this program does not know the form of. */
static cadre_status take_text(conversion *k, const char *in)
{
    gguf_string text;
    if (!(k->tokenizer_refusal = mem_strdup(cadre_last_error()))) return CADRE_ENOMEM;
    if (!k->file.gguf) return read_json(k, in);
    if (!gguf_has(k->file.gguf, GGUF_TOKENIZER_JSON)) return CADRE_OK;
    CADRE_TRY(gguf_get_string(k->file.gguf, GGUF_TOKENIZER_JSON, &text));
    byte_buffer_put(&k->tokenizer_json, text.data, text.size);
    return k->tokenizer_json.status;
}

/* From a GGUF the tokenizer.json that it may carry, or one made of its keys. */
static cadre_status find_tokenizer(conversion *k, const char *in)
{
    if (k->file.gguf ? k->to_gguf || !tokenizer_in_gguf(k->file.gguf) : !tokenizer_exists(in))
        return CADRE_OK;
    cadre_status status = k->file.gguf ? tokenizer_from_gguf(k->file.gguf, &k->tokenizer)
                                       : tokenizer_open(in, &k->tokenizer);
    if (status == CADRE_OK) status = tokenizer_write_json(k->tokenizer, &k->tokenizer_json);
    return status == CADRE_EUNSUPPORTED ? take_text(k, in) : status;
}

/* ---- the conversion ---- */

static void begin_stack(void *arg, const model_config *stack)
{
    conversion *k = arg;
    /* Not as it is written, but as it is read */
    k->stack = stack->bidirectional ? k->config.encoder : &k->config;
}

/* Whether a block format becomes float32 because a folder has none of them. */
static bool loses_blocks(const conversion *k)
{
    char name[GGUF_NAME];
    stored_tensor t;
    for (size_t i = 0;
         !k->to_gguf && !k->dtype.base && k->file.gguf && i < weight_file_count(&k->file); i++) {
        weight_file_at(&k->file, i, name, &t);
        if (t.format && t.format->block > 1) return true;
    }
    return false;
}

static void note_losses(const conversion *k, const model_output *o)
{
    if (k->to_gguf)
        model_output_note(o,
            "what GGUF has no keys for is kept as the text of config.json under " GGUF_CONFIG_KEY);
    if (loses_blocks(k))
        model_output_note(o,
            "a folder has no blocks: what is quantised becomes f32, unless --dtype says otherwise");
    if (k->tokenizer_refusal) model_output_note(o, k->tokenizer_refusal);
    if (k->file.gguf && !k->to_gguf && !k->tokenizer_json.size)
        model_output_note(o, "the folder will have no tokenizer.json");
}

static cadre_status convert_stacks(const compute *c, conversion *k, const char *in, const char *out,
    const cadre_output_listener *listener)
{
    CADRE_TRY(model_config_open(in, &k->config, &k->file));
    /* What would be left out without a word */
    CADRE_TRY(tensor_use_check_model(&k->file, &k->config));
    k->config.paired_rows = k->config.split_kv_b = false;
    CADRE_TRY(find_tokenizer(k, in));
    CADRE_TRY(companions_read(in, k->file.gguf, &k->config, &k->companions));
    model_output o = {
        .path = out,
        .config = &k->config,
        .tokenizer = k->tokenizer,
        .tokenizer_json = { k->tokenizer_json.data, k->tokenizer_json.size },
        .companions = &k->companions,
        .vocabulary = k->to_gguf ? k->file.gguf : NULL,
        .source = { format_of, begin_reading, read_row, stored_row, k, begin_stack },
        .file_type = k->dtype.mixed && !k->experts_dtype.base ? k->dtype.file_type : -1,
        .listener = listener,
    };
    note_losses(k, &o);
    return model_output_write(c, &o);
}

static cadre_status convert(cadre_context *context, const char *in, const char *out,
    const char *dtype, const char *experts_dtype, const cadre_output_listener *listener)
{
    conversion k = { .to_gguf = path_is_gguf(out) };
    cadre_output_listener own;
    CADRE_TRY(sized_read_or_zero("cadre_output_listener", listener,
        SIZE_UP_TO(cadre_output_listener, arg), &own, sizeof own));
    if (dtype) CADRE_TRY(format_choice_parse("dtype", dtype, k.to_gguf, &k.dtype));
    if (experts_dtype)
        CADRE_TRY(format_choice_parse("experts-dtype", experts_dtype, k.to_gguf, &k.experts_dtype));
    cadre_status status = convert_stacks(context->compute, &k, in, out, &own);
    for (int i = 0; i < 2; i++) mem_free(k.readers[i].whole);
    mem_free(k.tokenizer_refusal);
    companions_free(&k.companions);
    tokenizer_close(k.tokenizer);
    byte_buffer_free(&k.tokenizer_json);
    model_config_free(&k.config);
    weight_file_close(&k.file);
    return status;
}

cadre_status cadre_convert(cadre_context *context, const char *in, const char *out,
    const char *dtype, const char *experts_dtype, const cadre_output_listener *listener)
{
    CADRE_TRY(context_enter(context));
    return context_leave(context, convert(context, in, out, dtype, experts_dtype, listener));
}
