/* plan_message.h - plans of sparse layers as bytes, for the rank that records routes. */
#ifndef CADRE_INFER_PLAN_MESSAGE_H
#define CADRE_INFER_PLAN_MESSAGE_H

#include "base/buffer.h"
#include "model/transformer.h"

void plan_message_put(byte_buffer *b, int64_t layer, const plan *p);

/* Shows each plan with its edges, and how many rows each expert has: not the rows themselves, nor
 * what experts put out. */
cadre_status plan_message_watch(
    const byte_buffer *b, const model_config *config, transformer_watch watch, void *arg);

#endif
