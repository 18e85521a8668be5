/* footprint.c - says how much memory an opened model will take when it runs. */
#include "base/sized.h"
#include "infer/encoder_decoder.h"
#include "infer/runner.h"
#include "infer/sampler.h"
#include "kernel/context.h"

/* The memory of a sequence: its passes, its tokens, the tables of its cache's blocks, its last
 * logits and what is drawn from them. */
static size_t sequence_bytes(const cadre_model *m, int64_t context)
{
    size_t vocab = (size_t)m->config.vocab;
    size_t beside = (size_t)context * sizeof(int32_t) +
                    model_state_table_bytes(&m->config, context + 1) + vocab * sizeof(real) +
                    sampler_bytes(vocab);
    size_t passes = m->encoder ? encoder_decoder_bytes(m, context, context)
                               : runner_bytes(m, runner_pass_tokens(context), 1, context);
    return passes > SIZE_MAX - beside ? SIZE_MAX : passes + beside;
}

cadre_status cadre_model_memory(cadre_model *m, int64_t context, cadre_memory *memory)
{
    const tokenizer *t;
    cadre_model_info info = { .size = sizeof info };
    CADRE_TRY(sized_check("cadre_memory", memory, SIZE_UP_TO(cadre_memory, total)));
    if (context < 1 || context > INT32_MAX)
        return cadre_fail(CADRE_EARGUMENT, NULL, "a context: expected 1 to %d tokens, found %lld",
            INT32_MAX, (long long)context);
    if (model_has_tokenizer(m)) CADRE_TRY(cadre_model_tokenizer(m, &t));
    size_t working = sequence_bytes(m, context), most = (size_t)INT64_MAX / 4;
    if (working > most)
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "a context of %lld tokens does not fit the address space", (long long)context);
    CADRE_TRY(cadre_model_info_get(m, &info));
    cadre_memory made = {
        .copied = info.copied_bytes,
        .names = m->opened_bytes - info.copied_bytes,
        .tokenizer = m->tokenizer_bytes,
        .cache = m->encoder ? 0 : cadre_model_cache_bytes(m, context),
        .working = (int64_t)(working + compute_bytes(m->context->compute)),
    };
    made.total = made.copied + made.names + made.tokenizer + made.cache + made.working;
    sized_write(&made, sizeof made, memory);
    return CADRE_OK;
}
