/* deepseek2.h - GGUF's "deepseek2", which DeepSeek-V2 and V3 share: the widths of latent attention,
 * its magnitudes, and the way to tell the two apart. */
#ifndef CADRE_ARCH_DEEPSEEK2_H
#define CADRE_ARCH_DEEPSEEK2_H

#include "arch/config_keys.h"
#include "format/gguf.h"

extern const config_key deepseek2_gguf_keys[];
extern const config_key deepseek_v3_keys[]; /* of folders of V3 and its relatives */

bool deepseek2_is_v3(const gguf *file);
cadre_status deepseek2_read_gguf(const gguf *file, model_config *config);
void deepseek2_write_gguf(const model_config *config, gguf_writer *w);

#endif
