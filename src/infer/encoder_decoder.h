/* encoder_decoder.h - a text through a model with an encoder: the input is read once; the output so
 * far goes through the decoder whole, each time, because an expert's slots are counted over all of
 * it. */
#ifndef CADRE_INFER_ENCODER_DECODER_H
#define CADRE_INFER_ENCODER_DECODER_H

#include "model/model.h"
#include "model/transformer.h"

typedef struct encoder_decoder {
    cadre_model *model; /* borrowed */
    transformer *encoder, *decoder;
    int64_t inputs; /* read */
} encoder_decoder;

/* For up to so many tokens of input and of output. */
cadre_status encoder_decoder_open(
    cadre_model *model, int64_t inputs, int64_t outputs, encoder_decoder *e);
/* That encoder_decoder_open takes */
size_t encoder_decoder_bytes(const cadre_model *m, int64_t inputs, int64_t outputs);
void encoder_decoder_close(encoder_decoder *e);

cadre_status encoder_decoder_read(
    encoder_decoder *e, const int32_t *tokens, int64_t count, transformer_watch watch, void *arg);
/* The output so far, from its start token on. */
cadre_status encoder_decoder_run(
    encoder_decoder *e, const int32_t *tokens, int64_t count, transformer_watch watch, void *arg);
/* Of output tokens first .. first + rows - 1: logits [rows, V]. */
void encoder_decoder_logits(encoder_decoder *e, int64_t first, int64_t rows, real *logits);

#endif
