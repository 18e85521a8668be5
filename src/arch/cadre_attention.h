/* cadre_attention.h - the words of cadre's own layout that say how its layers attend: "qk_norm" and
 * "attention_gate". */
#ifndef CADRE_ARCH_CADRE_ATTENTION_H
#define CADRE_ARCH_CADRE_ATTENTION_H

#include "arch/config.h"
#include "format/json.h"
#include "format/json_writer.h"

cadre_status cadre_attention_read(const json_node *root, model_config *config);
void cadre_attention_write(const model_config *config, json_writer *w);

#endif
