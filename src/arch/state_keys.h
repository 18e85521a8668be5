/* state_keys.h - what files of all families with Mamba-2 layers say of them in the same way. */
#ifndef CADRE_ARCH_STATE_KEYS_H
#define CADRE_ARCH_STATE_KEYS_H

#include "arch/config_keys.h"
#include "format/gguf.h"

/* Rows of a table of GGUF's keys; state_inner_read_gguf reads what they do not say. */
#define STATE_GGUF_KEYS                                                                            \
    KEY_INT_OF("ssm.conv_kernel", conv, KEY_REQUIRED, 0),                                          \
        KEY_INT_OF("ssm.state_size", state_dim, KEY_REQUIRED, 0),                                  \
        KEY_INT_OF("ssm.group_count", state_groups, KEY_REQUIRED, 0),                              \
        KEY_INT_OF("ssm.time_step_rank", state_heads, KEY_REQUIRED, 0)

/* Reads the width of all heads together, "ssm.inner_size", and whether convolutions have biases. */
cadre_status state_inner_read_gguf(const gguf *file, model_config *config);
void state_inner_write_gguf(const model_config *config, gguf_writer *w);

/* Refuses "time_step_limit" if it limits anything: [0, Infinity] does not. */
cadre_status state_limit_read(const json_node *root);

#endif
