/* model_input.c - opens a model to make another file of it, and reads its parameters. */
#include "weights/model_input.h"

#include "arch/config_gguf.h"
#include "base/file.h"
#include "base/memory.h"
#include "text/tokenizer_export.h"
#include "text/tokenizer_gguf.h"
#include "weights/config_file.h"
#include "weights/unused_tensors.h"

/* ---- tokenizers ---- */

static cadre_status read_json(model_input *in, const char *folder)
{
    char *path = file_join(folder, "tokenizer.json"), *text = NULL;
    size_t size = 0;
    cadre_status status = path ? file_read(path, (size_t)1 << 30, &text, &size) : CADRE_ENOMEM;
    if (status == CADRE_OK) byte_buffer_put(&in->tokenizer_json, text, size);
    mem_free(text);
    mem_free(path);
    return status == CADRE_OK ? in->tokenizer_json.status : status;
}

/* Takes the text of a tokenizer whose form this program does not know. */
static cadre_status take_text(model_input *in, const char *path)
{
    gguf_string text;
    if (!(in->tokenizer_refusal = mem_strdup(cadre_last_error()))) return CADRE_ENOMEM;
    if (!in->file.gguf) return read_json(in, path);
    if (!gguf_has(in->file.gguf, GGUF_TOKENIZER_JSON)) return CADRE_OK;
    CADRE_TRY(gguf_get_string(in->file.gguf, GGUF_TOKENIZER_JSON, &text));
    byte_buffer_put(&in->tokenizer_json, text.data, text.size);
    return in->tokenizer_json.status;
}

/* From a GGUF, takes the tokenizer.json that it may carry, or makes one of its keys. */
static cadre_status find_tokenizer(model_input *in, const char *path)
{
    const gguf *file = in->file.gguf;
    if (file ? in->to_gguf || !tokenizer_in_gguf(file) : !tokenizer_exists(path)) return CADRE_OK;
    cadre_status status =
        file ? tokenizer_from_gguf(file, &in->tokenizer) : tokenizer_open(path, &in->tokenizer);
    if (status == CADRE_OK) status = tokenizer_write_json(in->tokenizer, &in->tokenizer_json);
    return status == CADRE_EUNSUPPORTED ? take_text(in, path) : status;
}

/* ---- opening ---- */

cadre_status model_input_open(const char *path, bool to_gguf, model_input *in)
{
    *in = (model_input){ .to_gguf = to_gguf };
    CADRE_TRY(model_config_open(path, &in->config, &in->file));
    /* Refuses tensors that would silently be left out. */
    CADRE_TRY(unused_tensors_check_model(&in->file, &in->config));
    in->config.paired_rows = in->config.split_kv_b = false;
    in->config.tiled_heads &= to_gguf; /* a GGUF keeps the tiled order, of rows and columns */
    CADRE_TRY(find_tokenizer(in, path));
    return companions_read(path, in->file.gguf, &in->config, &in->companions);
}

void model_input_close(model_input *in)
{
    mem_free(in->tokenizer_refusal);
    companions_free(&in->companions);
    tokenizer_close(in->tokenizer);
    byte_buffer_free(&in->tokenizer_json);
    model_config_free(&in->config);
    weight_file_close(&in->file);
    *in = (model_input){ 0 };
}

model_output model_input_output(
    const model_input *in, const char *out, const cadre_output_listener *listener)
{
    return (model_output){ .path = out,
        .config = &in->config,
        .tokenizer = in->tokenizer,
        .tokenizer_json = { in->tokenizer_json.data, in->tokenizer_json.size },
        .companions = &in->companions,
        .vocabulary = in->to_gguf ? in->file.gguf : NULL,
        .file_type = -1,
        .listener = listener };
}

const number_format *model_input_format(
    const model_input *in, const model_config *stack, const param *p)
{
    param_source s;
    if (!param_source_exists(&in->file, stack, p)) return &number_f32;
    /* Reading it will give the reason. */
    if (param_source_find(&in->file, stack, p, &s) != CADRE_OK) return &number_f32;
    const number_format *f = s.tensor.format;
    if (f == &number_e2m1) return in->to_gguf ? &number_mxfp4 : &number_bf16;
    if (!in->to_gguf) return f->pack && f->safetensors ? f : &number_f32;
    return f->gguf >= 0 && param_source_stored_row(&s, 0, f) ? f : &number_f32;
}

/* ---- reading ---- */

cadre_status param_reader_begin(
    const model_input *in, const model_config *stack, const param *p, param_reader *r)
{
    *r = (param_reader){ 0 };
    if (param_source_exists(&in->file, stack, p)) {
        CADRE_TRY(param_source_find(&in->file, stack, p, &r->source));
    } else {
        if (!(r->whole = MEM_ARRAY(real, p->rows * p->cols))) return CADRE_ENOMEM;
        CADRE_TRY(param_read(&in->file, stack, p, r->whole, NULL));
    }
    r->param = p;
    return CADRE_OK;
}

void param_reader_end(param_reader *r)
{
    mem_free(r->whole);
    *r = (param_reader){ 0 };
}

void param_reader_row(const param_reader *r, int64_t row, float *values)
{
    int64_t cols = r->param->cols;
    if (!r->whole) param_source_row(&r->source, row, false, values);
    for (int64_t i = 0; r->whole && i < cols; i++) values[i] = (float)r->whole[row * cols + i];
}

const void *param_reader_stored_row(const param_reader *r, int64_t row, const number_format *format)
{
    return r->whole ? NULL : param_source_stored_row(&r->source, row, format);
}
