/* config_fit.h - whether the files of a family can say what a configuration is. */
#ifndef CADRE_ARCH_CONFIG_FIT_H
#define CADRE_ARCH_CONFIG_FIT_H

#include "arch/architecture.h"

/* Why this family's files cannot hold the configuration ("its layers differ"); NULL: they can. */
const char *architecture_refusal(const architecture *arch, const model_config *config);

/* What a config.json of this family would not keep of the configuration: it is written, read back
 * and compared. *name as model_config_difference has it; NULL: all of it is kept. */
cadre_status architecture_loses(
    const architecture *arch, const model_config *config, const char **name);

#endif
