/* config_file.h - a model's configuration, of a folder's config.json or a GGUF file's metadata. */
#ifndef CADRE_WEIGHTS_CONFIG_FILE_H
#define CADRE_WEIGHTS_CONFIG_FILE_H

#include "arch/config.h"
#include "weights/weight_file.h"

/* Reads the configuration of a folder or a GGUF file. */
cadre_status model_config_of(const char *path, model_config *config);
/* Does the same, keeps the weights open, and completes the configuration by their form. */
cadre_status model_config_open(const char *path, model_config *config, weight_file *file);

#endif
