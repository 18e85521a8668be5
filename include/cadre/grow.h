/* grow.h - models made of models.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_GROW_PUBLIC_H
#define CADRE_GROW_PUBLIC_H

#include "cadre/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A model on disk (a folder, or a GGUF file) becomes another one in `out` (a GGUF file if its name
 * ends in .gguf), with more experts or fewer. It is read and written tensor by tensor, keeps its
 * number formats, and appears complete or not at all; tokenizer and companions are copied. If no
 * published family's files can describe it, it gets the layout "cadre". CADRE_EEXISTS: there is a
 * model in `out`. CADRE_EUNSUPPORTED: it cannot be done, with the reason.
 *
 * The options are those of the table that each function names and of cadre_run_options, in one
 * object. The two models then read the texts of --text, in windows of up to 512 tokens, each by
 * itself. Without texts they read 256 tokens that are drawn at random, as a function of --seed. */
typedef struct cadre_growth {
    size_t size;                        /* sizeof(cadre_growth) */
    const char *model_type;             /* of the new model; static */
    int64_t experts, experts_per_token; /* of most of its sparse layers */
    int64_t parameters, active_parameters;
    int64_t tokens;       /* that both models have read */
    bool same_bits;       /* all logits are the same numbers */
    double difference;    /* the largest of any logit; infinity: one is not finite */
    double largest_logit; /* of the old model; absolute value */
    double agreement;     /* the share of tokens after which both expect the same token */
    /* In nats, the mean over tokens with a token before them */
    double loss_before, loss_after;
} cadre_growth;

/* Makes a sparse model of a dense one, whose feed-forwards become experts. Options:
 * cadre_upcycle_options. With --method copy and granular it computes what the dense model does. */
CADRE_API cadre_option_table cadre_upcycle_options(void);
CADRE_API cadre_status cadre_upcycle(cadre_context *context, const char *dense, const char *out,
    const cadre_options *options, const cadre_output_listener *listener, cadre_growth *growth);

/* Adds experts to a sparse model. They are copies that are held back, so that the model computes
 * what it did, to the bit or nearly. Options: cadre_grow_options. */
CADRE_API cadre_option_table cadre_grow_options(void);
CADRE_API cadre_status cadre_grow(cadre_context *context, const char *model, const char *out,
    const cadre_options *options, const cadre_output_listener *listener, cadre_growth *growth);

/* Makes a sparse model with fewer experts: those that are most useful on the texts of --text or in
 * the recorded routes of --routes. Options: cadre_prune_options. */
CADRE_API cadre_option_table cadre_prune_options(void);
CADRE_API cadre_status cadre_prune(cadre_context *context, const char *model, const char *out,
    const cadre_options *options, const cadre_output_listener *listener, cadre_growth *growth);

/* Makes one sparse model of `count` dense ones, at least 2, which have the same sizes and were
 * trained apart from one common model. The feed-forward of each becomes an expert, the rest becomes
 * their mean, and the router is new. Options: cadre_merge_options. The result is compared with the
 * first. */
CADRE_API cadre_option_table cadre_merge_options(void);
CADRE_API cadre_status cadre_merge(cadre_context *context, const char *const *models, int32_t count,
    const char *out, const cadre_options *options, const cadre_output_listener *listener,
    cadre_growth *growth);

#ifdef __cplusplus
}
#endif
#endif
