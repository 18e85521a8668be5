/* config_quantization.h - "quantization_config" of config.json: by which scheme a folder's matrices
 * are quantised. */
#ifndef CADRE_ARCH_CONFIG_QUANTIZATION_H
#define CADRE_ARCH_CONFIG_QUANTIZATION_H

#include "base/status.h"
#include "format/json.h"

/* The tensors show how their elements are stored (weights/packed_weight.h), so that nothing is
 * read; but the scheme must be one of those known, without what the tensors do not show. */
cadre_status config_quantization_check(const json_node *root);

#endif
