/* config_json.h - reads config.json into a model_config, and writes it. */
#ifndef CADRE_ARCH_CONFIG_JSON_H
#define CADRE_ARCH_CONFIG_JSON_H

#include "arch/config.h"
#include "format/json.h"
#include "format/json_writer.h"
#include "kernel/number.h"

/* model_config_read reads and checks the file. model_config_write replaces it as a whole; `format`
 * is that of most matrices, for "torch_dtype". */
cadre_status model_config_read(const char *path, model_config *config);
cadre_status model_config_write(
    const model_config *config, const number_format *format, const char *path);
/* Does the same with a text in memory. */
cadre_status model_config_parse(
    const char *name, const char *text, size_t size, model_config *config);
cadre_status model_config_text(
    const model_config *config, const number_format *format, json_writer *w);

/* Reads "eos_token_id" of config.json or generation_config.json, and adds its ids. */
cadre_status config_eos_read(const json_node *root, model_config *config);
void config_eos_write(const model_config *config, json_writer *w);

#endif
