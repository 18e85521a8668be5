/* gguf_unread.h - refuses keys of a GGUF that change what a model computes, and that its family
 * does not read. */
#ifndef CADRE_ARCH_GGUF_UNREAD_H
#define CADRE_ARCH_GGUF_UNREAD_H

#include "arch/architecture.h"
#include "format/gguf.h"

/* written: the keys that such a model is written with, or NULL: the file's own were read into the
 * configuration before. */
cadre_status gguf_unread_refuse(const gguf *file, const model_config *config, const gguf *written);

#endif
