/* param_part.h - which part of a model a parameter belongs to: parts are frozen, cut between ranks
 * and derived from other models each in its own way. */
#ifndef CADRE_ARCH_PARAM_PART_H
#define CADRE_ARCH_PARAM_PART_H

#include "arch/param_list.h"

typedef enum param_part {
    PART_OTHER,     /* norms, dense feed-forwards, recurrent layers */
    PART_ATTENTION, /* with its relative biases */
    PART_CROSS_ATTENTION,
    PART_EMBEDDINGS, /* and the output matrix */
    PART_ROUTER,     /* all that is trained, or counted, to choose experts */
    PART_EXPERT,
    PART_SHARED /* of all tokens, or of experts without numbers of their own */
} param_part;

param_part param_part_of(param_role role);

/* Whether the parameter of a layer has one row (a vector: one element) for each expert in every
 * model. The routers' own parameters may have one too: their shapes tell. */
bool param_has_row_per_expert(param_role role);

enum { PARAM_ROUTERS_OWN = 3 };

/* The role of parameter i < PARAM_ROUTERS_OWN of those that router_parameters lists, and which
 * of them a role is; -1: it is none */
param_role param_routers_own(int i);
int param_routers_own_index(param_role role);

static inline bool param_is_routers_own(param_role role)
{
    return param_routers_own_index(role) >= 0;
}

#endif
