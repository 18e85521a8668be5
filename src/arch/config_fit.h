/* config_fit.h - whether the files of a family can describe a configuration. */
#ifndef CADRE_ARCH_CONFIG_FIT_H
#define CADRE_ARCH_CONFIG_FIT_H

#include "arch/architecture.h"

/* Why this family's files cannot hold the configuration ("its layers differ"); NULL: they can. */
const char *architecture_refusal(const architecture *arch, const model_config *config);

/* Finds what a config.json of this family would lose of the configuration, by writing it, reading
 * it back and comparing. *name is as in model_config_difference; NULL: nothing is lost. */
cadre_status architecture_loses(
    const architecture *arch, const model_config *config, const char **name);

#endif
