/* config_json.h - config.json to a model_config and back. */
#ifndef CADRE_ARCH_CONFIG_JSON_H
#define CADRE_ARCH_CONFIG_JSON_H

#include "arch/config.h"
#include "format/json.h"
#include "format/json_writer.h"
#include "kernel/number.h"

/* config.json -> numbers, checked. numbers -> config.json, replaced whole. format: of most of the
 * matrices, for "torch_dtype". */
cadre_status model_config_read(const char *path, model_config *config);
cadre_status model_config_write(
    const model_config *config, const number_format *format, const char *path);
/* The same of a text in memory. */
cadre_status model_config_parse(
    const char *name, const char *text, size_t size, model_config *config);
cadre_status model_config_text(
    const model_config *config, const number_format *format, json_writer *w);

/* "eos_token_id", of config.json and of generation_config.json: what is read is added. */
cadre_status config_eos_read(const json_node *root, model_config *config);
void config_eos_write(const model_config *config, json_writer *w);

#endif
