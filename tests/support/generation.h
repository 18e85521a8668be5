/* generation.h - continues a text without recording its routes. */
#pragma once

#include "cadre/session.h"

static inline cadre_status continue_text(cadre_model *model, const int32_t *tokens, int64_t count,
    int64_t limit, const cadre_sampling *sampling, cadre_token_listener listener, void *arg)
{
    const cadre_generation generation = { .size = sizeof generation,
        .limit = limit,
        .sampling = sampling,
        .listener = listener,
        .arg = arg };
    return cadre_generate(model, tokens, count, &generation);
}
