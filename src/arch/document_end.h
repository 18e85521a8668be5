/* document_end.h - the token that stands between documents of a model's training text. */
#ifndef CADRE_ARCH_DOCUMENT_END_H
#define CADRE_ARCH_DOCUMENT_END_H

#include "arch/config.h"
#include "text/tokenizer.h"

/* The token, among those that end a text for this model, that ends documents and not turns of a
 * conversation; -1: there is none. */
int32_t document_end(const model_config *config, const tokenizer *t);

#endif
