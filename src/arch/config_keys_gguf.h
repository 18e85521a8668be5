/* config_keys_gguf.h - reads and writes a GGUF's metadata by tables of keys; a key's full name is
 * "ARCHITECTURE.KEY". */
#ifndef CADRE_ARCH_CONFIG_KEYS_GGUF_H
#define CADRE_ARCH_CONFIG_KEYS_GGUF_H

#include "arch/config_keys.h"
#include "format/gguf.h"

cadre_status config_keys_read_gguf(const gguf *file, const config_key *keys, model_config *config);
/* A failure stays in the writer. */
void config_keys_write_gguf(const config_key *keys, const model_config *config, gguf_writer *w);

/* The shortest decimal number whose nearest f32 is the file's: 0.1, not 0.10000000149. */
double gguf_decimal(double value);

/* Whether a count of experts is present and not 0. */
bool config_gguf_has_experts(const gguf *file, const char *key);

#endif
