/* convert.c - converts a model from one kind of file to another: folder to GGUF, GGUF to folder, or
 * the same kind with other number formats. */
#include "cadre/model.h"
#include "arch/config_gguf.h"
#include "base/sized.h"
#include "kernel/context.h"
#include "weights/adapter_merge.h"
#include "weights/format_choice.h"
#include "weights/model_input.h"
#include "weights/model_write.h"

typedef struct conversion {
    model_input in;
    const model_config *stack; /* whose parameters are read: the model's or its encoder's */
    param_reader readers[2];   /* a tensor is made of up to two parameters in turn */
    format_choice dtype, experts_dtype; /* .base NULL: as in the file */
    adapter_merge merge;                /* the adapter that is added; .pairs NULL: none */
    struct {
        const low_rank *pair; /* beside what a reader reads; NULL: none */
        int64_t first;
    } beside[2];
} conversion;

/* ---- reading ---- */

static cadre_status begin_reading(void *arg, const param *p, int64_t index)
{
    conversion *k = arg;
    (void)index;
    param_reader_end(&k->readers[0]);
    k->readers[0] = k->readers[1];
    k->readers[1] = (param_reader){ 0 };
    k->beside[0] = k->beside[1];
    k->beside[1].pair =
        k->merge.pairs ? adapter_merge_find(&k->merge, p, &k->beside[1].first) : NULL;
    return param_reader_begin(&k->in, k->stack, p, &k->readers[1]);
}

static int reader_of(const conversion *k, const param *p) { return k->readers[1].param == p; }

static void read_row(void *arg, const param *p, int64_t index, int64_t row, float *values)
{
    const conversion *k = arg;
    int i = reader_of(k, p);
    (void)index;
    param_reader_row(&k->readers[i], row, values);
    if (k->beside[i].pair) adapter_merge_row(k->beside[i].pair, k->beside[i].first + row, values);
}

static const void *stored_row(void *arg, const param *p, int64_t row, const number_format *format)
{
    const conversion *k = arg;
    int i = reader_of(k, p);
    return k->beside[i].pair ? NULL : param_reader_stored_row(&k->readers[i], row, format);
}

static const number_format *format_of(void *arg, const param *p)
{
    conversion *k = arg;
    param source = *p;
    /* This kind of file repeats the embedding as the head. */
    if (p->role == ROLE_HEAD && k->in.config.tie) source.role = ROLE_EMBED;
    const format_choice *wanted =
        param_is_expert(p->role) && k->experts_dtype.base ? &k->experts_dtype : &k->dtype;
    return wanted->base ? format_choice_of(wanted, k->stack, p)
                        : model_input_format(&k->in, k->stack, &source);
}

/* ---- the conversion ---- */

static void begin_stack(void *arg, const model_config *stack)
{
    conversion *k = arg;
    /* The parameters are read by the configuration of the input, not of the output. */
    k->stack = stack->bidirectional ? k->in.config.encoder : &k->in.config;
}

/* Whether a block format becomes float32 because folders have none. */
static bool loses_blocks(const conversion *k)
{
    char name[GGUF_NAME];
    stored_tensor t;
    for (size_t i = 0;
         !k->in.to_gguf && !k->dtype.base && k->in.file.gguf && i < weight_file_count(&k->in.file);
         i++) {
        weight_file_at(&k->in.file, i, name, &t);
        if (t.format && t.format->block > 1) return true;
    }
    return false;
}

static void note_losses(const conversion *k, const model_output *o)
{
    if (k->in.to_gguf)
        model_output_note(o,
            "what GGUF has no keys for is kept as the text of config.json under " GGUF_CONFIG_KEY);
    if (loses_blocks(k))
        model_output_note(o,
            "a folder has no blocks: what is quantised becomes f32, unless --dtype says otherwise");
    if (k->in.tokenizer_refusal) model_output_note(o, k->in.tokenizer_refusal);
    if (k->in.file.gguf && !k->in.to_gguf && !k->in.tokenizer_json.size)
        model_output_note(o, "the folder will have no tokenizer.json");
}

typedef struct paths {
    const char *in, *out;
    const char *adapter; /* NULL: none is added */
} paths;

static cadre_status convert_stacks(
    const compute *c, conversion *k, const paths *at, const cadre_output_listener *listener)
{
    const char *out = at->out;
    CADRE_TRY(model_input_open(at->in, path_is_gguf(out), &k->in));
    if (at->adapter) CADRE_TRY(adapter_merge_open(at->adapter, &k->in.config, &k->merge));
    model_output o = model_input_output(&k->in, out, listener);
    o.source = (tensor_source){ .format = format_of,
        .begin = begin_reading,
        .row = read_row,
        .stored = stored_row,
        .arg = k,
        .stack = begin_stack };
    if (k->dtype.mixed && !k->experts_dtype.base) o.file_type = k->dtype.file_type;
    note_losses(k, &o);
    return model_output_write(c, &o);
}

static cadre_status convert(cadre_context *context, const paths *at, const char *dtype,
    const char *experts_dtype, const cadre_output_listener *listener)
{
    conversion k = { 0 };
    bool to_gguf = path_is_gguf(at->out);
    cadre_output_listener own;
    CADRE_TRY(sized_read_or_zero("cadre_output_listener", listener,
        SIZE_UP_TO(cadre_output_listener, arg), &own, sizeof own));
    if (dtype) CADRE_TRY(format_choice_parse("dtype", dtype, to_gguf, &k.dtype));
    if (experts_dtype)
        CADRE_TRY(format_choice_parse("experts-dtype", experts_dtype, to_gguf, &k.experts_dtype));
    cadre_status status = convert_stacks(context->compute, &k, at, &own);
    for (int i = 0; i < 2; i++) param_reader_end(&k.readers[i]);
    adapter_merge_close(&k.merge);
    model_input_close(&k.in);
    return status;
}

cadre_status cadre_convert(cadre_context *context, const char *in, const char *out,
    const char *dtype, const char *experts_dtype, const cadre_output_listener *listener)
{
    const paths at = { in, out, NULL };
    CADRE_TRY(context_enter(context));
    return context_leave(context, convert(context, &at, dtype, experts_dtype, listener));
}

cadre_status cadre_merge_adapter(cadre_context *context, const char *in, const char *folder,
    const char *out, const char *dtype, const cadre_output_listener *listener)
{
    const paths at = { in, out, folder };
    CADRE_TRY(context_enter(context));
    return context_leave(context, convert(context, &at, dtype, NULL, listener));
}
