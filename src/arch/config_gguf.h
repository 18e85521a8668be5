/* config_gguf.h - reads a GGUF's metadata into a model_config, and writes them. */
#ifndef CADRE_ARCH_CONFIG_GGUF_H
#define CADRE_ARCH_CONFIG_GGUF_H

#include "arch/config.h"
#include "format/gguf.h"

/* The key under which a file that was converted here holds the text of its config.json, with what
 * the standard keys cannot say. If it is present, it alone counts, and the standard keys must still
 * have the values that they were written with. */
#define GGUF_CONFIG_KEY "cadre.config"
/* [rotary width / 2] the divisor of each frequency */
#define GGUF_DIVISORS "rope_freqs.weight"

/* Reads and checks the configuration in a GGUF's metadata. */
cadre_status model_config_read_gguf(const gguf *file, model_config *config);
/* name: the model's name for users; file_type: llama.cpp's number, -1: none. */
cadre_status config_gguf_write(
    gguf_writer *w, const model_config *config, const char *name, int file_type, bool quantised);

#endif
