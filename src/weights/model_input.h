/* model_input.h - a model that another file is made of: its configuration, its tensors one at a
 * time, and what is copied unchanged, which is the tokenizer and how to generate. */
#ifndef CADRE_WEIGHTS_MODEL_INPUT_H
#define CADRE_WEIGHTS_MODEL_INPUT_H

#include "cadre/write.h"
#include "weights/model_output.h"
#include "weights/param_source.h"

typedef struct model_input {
    weight_file file;
    model_config config; /* in the model's own order */
    bool to_gguf;        /* a GGUF is made of it */
    /* NULL: there is none, or one that cannot be opened, whose text alone is copied. */
    tokenizer *tokenizer;
    byte_buffer tokenizer_json;
    companions companions;
    char *tokenizer_refusal; /* why it cannot be opened; NULL: it can */
} model_input;

/* Borrows the path. Refuses a tensor that no parameter is made of. *in must be closed in any
 * case. */
cadre_status model_input_open(const char *path, bool to_gguf, model_input *in);
void model_input_close(model_input *in);

/* An output with the same configuration; the caller fills in its source. Borrows everything. */
model_output model_input_output(
    const model_input *in, const char *out, const cadre_output_listener *listener);

/* The format that the output has for the parameter: the format of the input, if the other kind of
 * file has it too; otherwise one that holds its values exactly. stack: the configuration of the
 * model, or of its encoder. */
const number_format *model_input_format(
    const model_input *in, const model_config *stack, const param *p);

/* A parameter that is being read: row by row from its tensor, or whole if it is put together from
 * several. */
typedef struct param_reader {
    const param *param; /* borrowed; NULL: none yet */
    param_source source;
    real *whole;
} param_reader;

cadre_status param_reader_begin(
    const model_input *in, const model_config *stack, const param *p, param_reader *r);
void param_reader_end(param_reader *r);

/* Reads row `row` [cols] in the model's order. */
void param_reader_row(const param_reader *r, int64_t row, float *values);

/* Its bytes where it lies in this format; NULL: it does not. */
const void *param_reader_stored_row(
    const param_reader *r, int64_t row, const number_format *format);

#endif
