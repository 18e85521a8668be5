/* config_file.h - a model's configuration, of a folder's config.json or a GGUF file's metadata. */
#ifndef CADRE_WEIGHTS_CONFIG_FILE_H
#define CADRE_WEIGHTS_CONFIG_FILE_H

#include "arch/config.h"
#include "weights/weight_file.h"

/* A model's numbers, of a folder or a GGUF file. */
cadre_status model_config_of(const char *path, model_config *config);
/* The same and its open weights; how the file has them is filled in. */
cadre_status model_config_open(const char *path, model_config *config, weight_file *file);

#endif
