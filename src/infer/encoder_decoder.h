/* encoder_decoder.h - runs a model with an encoder. The input is read once. The whole output so far
 * goes through the decoder each time, because an expert's slots are counted over all of it. */
#ifndef CADRE_INFER_ENCODER_DECODER_H
#define CADRE_INFER_ENCODER_DECODER_H

#include "cadre/model.h"
#include "model/model.h"
#include "model/transformer.h"

typedef struct encoder_decoder {
    cadre_model *model; /* borrowed */
    transformer *encoder, *decoder;
    int64_t inputs;  /* that were read */
    int64_t outputs; /* of the last run */
    int64_t number;  /* by which ranks that follow know it; 0: there are none */
} encoder_decoder;

/* For up to this many tokens of input and of output. */
cadre_status encoder_decoder_open(
    cadre_model *model, int64_t inputs, int64_t outputs, encoder_decoder *e);
/* Opens what this rank has of stacks that rank 0 has opened. */
cadre_status encoder_decoder_open_own(
    cadre_model *model, int64_t inputs, int64_t outputs, encoder_decoder *e);
/* The bytes that encoder_decoder_open allocates */
size_t encoder_decoder_bytes(const cadre_model *m, int64_t inputs, int64_t outputs);
void encoder_decoder_close(encoder_decoder *e);

cadre_status encoder_decoder_read(
    encoder_decoder *e, const int32_t *tokens, int64_t count, transformer_watch watch, void *arg);
/* Runs the decoder on the output so far, which begins with its start token. */
cadre_status encoder_decoder_run(
    encoder_decoder *e, const int32_t *tokens, int64_t count, transformer_watch watch, void *arg);
/* logits [rows, V] of the output tokens first .. first + rows - 1. */
void encoder_decoder_logits(encoder_decoder *e, int64_t first, int64_t rows, real *logits);

/* losses become -log p of the targets of the whole output, one each. */
void encoder_decoder_losses(encoder_decoder *e, const int32_t *targets, real *losses);

#endif
