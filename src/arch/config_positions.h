/* config_positions.h - reads the parts of config.json whose keys depend on values: rotary positions
 * and windows. */
#ifndef CADRE_ARCH_CONFIG_POSITIONS_H
#define CADRE_ARCH_CONFIG_POSITIONS_H

#include "arch/config.h"
#include "format/json.h"
#include "format/json_writer.h"

/* Called after all other keys, and before deriving. */
cadre_status config_positions_read(const json_node *root, model_config *config);
/* Called after deriving. */
cadre_status config_windows_read(const json_node *root, model_config *config);
void config_positions_write(const model_config *config, json_writer *w);

#endif
