/* param_part.c - the part of a model that each role belongs to. */
#include "arch/param_part.h"

static bool is_attention(param_role role)
{
    switch (role) {
    case ROLE_RELATIVE:
    case ROLE_Q:
    case ROLE_K:
    case ROLE_V:
    case ROLE_O:
    case ROLE_Q_NORM:
    case ROLE_K_NORM:
    case ROLE_Q_BIAS:
    case ROLE_K_BIAS:
    case ROLE_V_BIAS:
    case ROLE_O_BIAS:
    case ROLE_SINKS:
    case ROLE_ATTN_GATE:
    case ROLE_Q_A:
    case ROLE_Q_A_NORM:
    case ROLE_Q_B:
    case ROLE_KV_A:
    case ROLE_KV_A_NORM:
    case ROLE_KV_B:
    case ROLE_K_B:
    case ROLE_V_B:
    case ROLE_Q_A_BIAS:
    case ROLE_KV_A_BIAS: return true;
    default: return false;
    }
}

static bool is_shared(param_role role)
{
    switch (role) {
    case ROLE_SHARED_GATE:
    case ROLE_SHARED_UP:
    case ROLE_SHARED_DOWN:
    case ROLE_SHARED_EXPERT_GATE:
    case ROLE_LATENT_DOWN:
    case ROLE_LATENT_UP:
    case ROLE_CONSTANT_WEIGHT:
    case ROLE_CONSTANT_VALUE:
    case ROLE_RESIDUAL_GATE:
    case ROLE_RESIDUAL_UP:
    case ROLE_RESIDUAL_DOWN:
    case ROLE_RESIDUAL_COEFFICIENT:
    case ROLE_RESIDUAL_COEFFICIENT_BIAS: return true;
    default: return false;
    }
}

param_part param_part_of(param_role role)
{
    switch (role) {
    case ROLE_EMBED:
    case ROLE_HEAD: return PART_EMBEDDINGS;
    case ROLE_CROSS_Q:
    case ROLE_CROSS_K:
    case ROLE_CROSS_V:
    case ROLE_CROSS_O: return PART_CROSS_ATTENTION;
    case ROLE_ROUTER:
    case ROLE_ROUTER_BIAS:
    case ROLE_ROUTER_CORRECTION:
    case ROLE_ROUTER_NOISE:
    case ROLE_ROUTER_OWN_0:
    case ROLE_ROUTER_OWN_1:
    case ROLE_ROUTER_OWN_2:
    case ROLE_ROUTER_OMEGA: return PART_ROUTER;
    default: break;
    }
    if (param_row_of(role)->scope == OF_EXPERT) return PART_EXPERT;
    return is_attention(role) ? PART_ATTENTION : is_shared(role) ? PART_SHARED : PART_OTHER;
}

bool param_has_row_per_expert(param_role role)
{
    switch (role) {
    case ROLE_ROUTER:
    case ROLE_ROUTER_BIAS:
    case ROLE_ROUTER_EXPERT_SCALE:
    case ROLE_ROUTER_CORRECTION:
    case ROLE_ROUTER_NOISE: return true;
    default: return false;
    }
}

static const param_role own[PARAM_ROUTERS_OWN] = { ROLE_ROUTER_OWN_0, ROLE_ROUTER_OWN_1,
    ROLE_ROUTER_OWN_2 };

param_role param_routers_own(int i) { return own[i]; }

int param_routers_own_index(param_role role)
{
    int i = PARAM_ROUTERS_OWN - 1;
    while (i >= 0 && own[i] != role) i--;
    return i;
}
