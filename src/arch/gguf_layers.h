/* gguf_layers.h - what GGUF's metadata say of layers one by one: heads, recurrent layers, windows
 * and their positions. */
#ifndef CADRE_ARCH_GGUF_LAYERS_H
#define CADRE_ARCH_GGUF_LAYERS_H

#include "arch/config.h"
#include "format/gguf.h"

/* Reads the numbers of heads: of the model, those of most layers. */
cadre_status gguf_layers_read(const gguf *file, model_config *config);
/* Gives the layers what is their own, after model_config_derive. */
cadre_status gguf_layers_set(const gguf *file, model_config *config);

void gguf_layers_put_heads(gguf_writer *w, const model_config *config);
void gguf_layers_put_windows(gguf_writer *w, const model_config *config);

#endif
