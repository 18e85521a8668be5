/* model_input.h - a model that another file is made of: its numbers, its tensors one at a time, and
 * what goes along unchanged: the tokenizer, and how to generate. */
#ifndef CADRE_WEIGHTS_MODEL_INPUT_H
#define CADRE_WEIGHTS_MODEL_INPUT_H

#include "weights/model_output.h"
#include "weights/param_source.h"

typedef struct model_input {
    weight_file file;
    model_config config; /* in the model's own order */
    bool to_gguf;        /* what is made of it is a GGUF */
    /* NULL: none, or one that cannot be opened, of which only the text goes along */
    tokenizer *tokenizer;
    byte_buffer tokenizer_json;
    companions companions;
    char *tokenizer_refusal; /* why it cannot; NULL: it can */
} model_input;

/* Borrows the path. Refuses a tensor that no parameter is made of. *in is to be closed whatever the
 * status. */
cadre_status model_input_open(const char *path, bool to_gguf, model_input *in);
void model_input_close(model_input *in);

/* An output of the same model; its source is the caller's to fill in. Borrows all. */
model_output model_input_output(
    const model_input *in, const char *out, const cadre_output_listener *listener);

/* The format in which what is made of it has the parameter: the file's own, where the other kind of
 * file has it too; else what holds its numbers exactly. stack: the model's numbers or its
 * encoder's. */
const number_format *model_input_format(
    const model_input *in, const model_config *stack, const param *p);

/* A parameter that is being read: row by row from its tensor, or whole where it is put together
 * from several. */
typedef struct param_reader {
    const param *param; /* borrowed; NULL: none yet */
    param_source source;
    real *whole;
} param_reader;

cadre_status param_reader_begin(
    const model_input *in, const model_config *stack, const param *p, param_reader *r);
void param_reader_end(param_reader *r);

/* Row `row` [cols] in the model's order. */
void param_reader_row(const param_reader *r, int64_t row, float *values);

/* Its bytes where it lies in this format; NULL: it does not. */
const void *param_reader_stored_row(
    const param_reader *r, int64_t row, const number_format *format);

#endif
