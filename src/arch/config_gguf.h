/* config_gguf.h - a GGUF's metadata to a model_config and back. */
#ifndef CADRE_ARCH_CONFIG_GGUF_H
#define CADRE_ARCH_CONFIG_GGUF_H

#include "arch/config.h"
#include "format/gguf.h"

/* What standard keys cannot say stands in a file that was converted here as the text of its
 * config.json, which then counts alone. */
#define GGUF_CONFIG_KEY "cadre.config"
/* [rotary width / 2]: what each frequency is divided by */
#define GGUF_DIVISORS "rope_freqs.weight"

/* A GGUF's metadata -> numbers, checked. */
cadre_status model_config_read_gguf(const gguf *file, model_config *config);
/* name: of the model, for people; file_type: llama.cpp's number, -1: none. */
cadre_status config_gguf_write(
    gguf_writer *w, const model_config *config, const char *name, int file_type, bool quantised);

#endif
