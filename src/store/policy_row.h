/* policy_row.h - the rows of THE LIST of policies. */
#ifndef CADRE_STORE_POLICY_ROW_H
#define CADRE_STORE_POLICY_ROW_H

#include "store/policy.h"

extern const policy_row policy_lru, policy_lfu, policy_aged, policy_learnt;

#endif
