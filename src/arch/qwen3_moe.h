/* qwen3_moe.h - what Qwen3-MoE shares with models of which it is a part. */
#ifndef CADRE_ARCH_QWEN3_MOE_H
#define CADRE_ARCH_QWEN3_MOE_H

#include "arch/architecture.h"

extern const config_key qwen3_moe_keys[];
extern const architecture architecture_qwen3_moe;

#endif
