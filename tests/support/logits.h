/* logits.h - the logits of a few tokens, of two models that ought to be one. */
#ifndef CADRE_TESTS_LOGITS_H
#define CADRE_TESTS_LOGITS_H

#include <stdbool.h>

#include "cadre.h"
#include "format/safetensors.h"

/* As cadre_logits writes them, in a scratch file of that name; safetensors_close. */
safetensors *logits_of(cadre_context *context, const char *model, const char *out);

/* Whether they are the same bits. */
bool logits_equal(const safetensors *a, const safetensors *b);
bool same_logits(cadre_context *context, const char *model, const char *other);

#endif
