/* config.h - the configuration of a sparse transformer: the one description that every
 * architecture's config.json, every recipe and every list of options becomes, and from which
 * parameters, blocks and memory follow.
 *
 * It does not know the keys of any file (architecture.h does) nor how training works (train/). */
#ifndef CADRE_ARCH_CONFIG_H
#define CADRE_ARCH_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "cadre/options.h"
#include "base/status.h"
#include "mixer/mixer.h"
#include "moe/layer.h"
#include "op/rope.h"

enum {
    CONFIG_MAX_LAYERS = 512,
    CONFIG_MAX_EXPERTS = 4096,
    CONFIG_MAX_VOCAB = 1 << 20,
    CONFIG_MAX_WIDTH = 1 << 16,
    CONFIG_OTHER_EOS = 31
};

/* One layer. All code that computes, counts or reads a layer takes its configuration from here. */
typedef struct layer_config {
    mixer_config mixer;
    mixer_config cross; /* attends to an encoder's output; .row NULL: there is none */
    bool sparse;        /* its feed-forward is a sparse layer ... */
    /* ... beside which it has a dense one of dense_width, each with norms of its own, and whose
     * router reads the residual through another norm (Gemma 4) */
    bool beside;
    moe_config moe; /* ... of this configuration, without anything that only training sets ... */
    int64_t dense_width; /* ... or a dense one of this hidden width; 0: the layer has none */
    const struct router *router; /* of a sparse layer; NULL: the model's */
    const char *form;            /* of its feed-forward, or of its experts; NULL: the model's */
    bool own_capacity;           /* outside of training it has this one instead of the model's */
    dispatch_options capacity;   /* with .in_eval false: none */
    /* For sparse layers whose capacity differs from the model's, outside of training or as the
     * router's own; 0: the model's */
    double capacity_factor;
    int64_t capacity_slots; /* in place of a factor, outside of training; 0: the model's */
    double input_scale;     /* multiplies what experts read; 0: the model's */
    bool own_route; /* the layer has these options of the router, with its groups and scale, */
    router_options route; /* in place of the model's; its picks stand in .moe */
} layer_config;

/* Ids of one type of token; count 0: all ids that are of no other type. */
typedef struct typed_ids {
    int32_t first, count;
} typed_ids;

/* Images as tokens: squares of `side` pixels cut into patches, each the nearest of a code book's.
 * Ids from `first` on: begin of an image, end of one, then the codes. side 0: there are none. */
typedef struct image_tokens {
    int32_t side, patch, codes, first;
} image_tokens;

typedef struct model_config {
    const struct architecture *arch; /* static */

    int64_t vocab, width,
        context; /* context: the longest sequence that the positions are made for */
    int64_t layers;
    /* Layers after these that predict further tokens, as the file announces; they are not read. */
    int64_t predicting;
    double norm_eps;
    bool tie; /* the embedding is also the output head */
    double init_range;
    double embedding_scale,
        residual_scale; /* multiply embeddings, and the outputs of both halves of a block */
    double logit_scale, logit_divisor; /* logits are multiplied by one and divided by the other */
    double logit_softcap;              /* then they are c tanh(z / c); 0: none */
    bool post_norms;                   /* the output of each half has its own norm */
    bool beside;                       /* of layers that are sparse, as layer_config has it */
    bool layer_scale;                  /* a layer's result is multiplied by a number of its own */

    /* Grouped-query attention. With latent attention, head_dim = nope_dim + rope_dim. */
    int64_t heads, kv_heads, head_dim;
    qk_norm qk_norm;
    value_form values;
    /* Layers without a window (full attention) may have others; 0: head_dim, kv_heads */
    int64_t full_head_dim, full_kv_heads;
    bool full_keys_are_values; /* such layers have VALUES_OF_KEYS */
    rope_options rope;         /* its width, and pairs or halves, are derived */
    /* Layers with a window are rotated by these in place of .rope */
    bool own_window_rope;
    rope_options window_rope;
    double window_rotary_share; /* as rotary_share, of these */
    bool window_places;         /* layers without a window are not rotated at all */
    bool unplaced;              /* none is */
    double *rope_divisors;      /* owned: rope.divisor, if there is one */
    double rotary_share;        /* the share of a head, from its start, that is rotated */
    bool qkv_bias, out_bias; /* of the projections; with latent attention, into the small widths */
    output_gating gating;    /* of each head's result, with a function of the token itself */
    bool gate_softplus;      /* which is softplus, else the sigmoid */
    bool sinks;              /* each head has a logit without a key (gpt-oss) */
    /* Queries, keys and values are clipped to +- this before they are rotated; 0: they are not. */
    double qkv_clip;
    double attention_scale;   /* multiplies query times key; 0: 1 / sqrt(head_dim) */
    double attention_softcap; /* 0: none */
    /* The window of layers that have one, 0: none has; one layer in window_period has none, 0: all
     * have. */
    int64_t window, window_period;

    /* Scores get a bias by distance instead of rotary positions (T5); 0: they do not. */
    int64_t relative_buckets, relative_distance;
    bool bidirectional;           /* attention also sees later tokens: an encoder */
    bool cross;                   /* a third part of each block attends to an encoder's output */
    struct model_config *encoder; /* owned; NULL: the model has none */

    int64_t conv; /* tokens that the convolutions of recurrent layers read; 0: the mixer's usual */
    bool conv_bias; /* of a state space's convolution */
    /* The state spaces of Mamba-2 layers, as in mixer_config */
    int64_t state_heads, state_head_dim, state_dim, state_groups;
    /* Delta rules: heads of values and of keys and their widths, as in mixer_config; 0: as
     * attention's */
    int64_t delta_heads, delta_key_heads, delta_key_dim, delta_value_dim;
    double decay_bound;       /* of Kimi delta attention; 0: its decay is not bounded */
    bool direct_decay;        /* whose decay and gate do not go by way of a small width */
    int64_t attention_period; /* one layer in so many attends if no list says which do; 0: all */
    bool latent;              /* latent attention, which has the fields that follow */
    /* q_lora 0: queries are projected directly. */
    int64_t q_lora, kv_lora, nope_dim, rope_dim, value_dim;
    double latent_norm_eps;

    int64_t dense_width;                 /* hidden width of the feed-forward in dense layers */
    bool ffn_bias;                       /* of its projections */
    int64_t experts, topk, expert_width; /* as most sparse layers have them */
    /* The first dense_layers are dense; after them one layer in sparse_step is sparse. */
    int64_t dense_layers, sparse_step;
    /* As most sparse layers have them: their number, each as wide as an expert, and their width
     * together */
    int64_t shared_experts, shared_width;
    bool shared_gated;
    bool router_bias, expert_bias;
    /* Outside of training: slots or factor, if one of them is not 0 and .in_eval is set */
    dispatch_options capacity;
    double expert_limit;         /* expert form gpt-oss: where its inputs are clipped */
    const struct router *router; /* a row of THE LIST of routers */
    const char *expert_form;     /* the name of an activation, static */
    int64_t groups, groups_used; /* equal: selection is not limited to groups */
    double route_scale;
    /* The router has these options instead of its defaults, ... */
    bool own_route;
    router_options route; /* ... except groups and scale, which stand above */
    bool expert_sigmoid;  /* a sparse layer's output is its sigmoid (Shazeer 2017) */
    double dropout;       /* of both halves' outputs, in training only; no file has it */
    double input_scale;   /* multiplies what experts read; 0: 1 */
    double aux_loss;      /* kept only for config.json */

    token_types types;                    /* of tokens (token_types.h); count 0: all are alike */
    typed_ids type_ids[ROUTER_MAX_TYPES]; /* [types.count] */
    int64_t bank_width[ROUTER_MAX_TYPES]; /* hidden width of a type's experts; 0: as the layer's */
    image_tokens images;

    int64_t bos, eos, pad;               /* -1: none */
    int64_t other_eos[CONFIG_OTHER_EOS]; /* [other_eos_count] further tokens that end a text */
    int other_eos_count;
    /* How the open file holds it: see tensor_name.h */
    bool paired_rows, split_kv_b, tiled_heads;
    layer_config *layer; /* [layers], owned */
} model_config;

void model_config_free(model_config *config);
cadre_status model_config_copy(const model_config *from, model_config *to);

/* Completes what follows from the other fields and was left 0 (kv_heads, head_dim, shared_width
 * ...), and replaces layer[] by what the scalars say (dense_layers, sparse_step, experts ...). */
cadre_status model_config_derive(model_config *config, const char *where);

/* Lets layer l mix by "attention", as the model's fields describe it, or by the row of this name of
 * THE LIST of token mixers, which is recurrent or "none". Refuses another name. */
cadre_status model_config_set_mixer(
    model_config *config, int64_t l, const char *name, const char *where);
/* Lets all layers but one in attention_period mix by the row of this name. */
cadre_status model_config_attend_by_period(
    model_config *config, const char *name, const char *where);
/* The period in which layers attend; 0: they follow none. */
int64_t model_config_attention_period(const model_config *config);
/* Gives the state spaces of Mamba-2 layers the sizes that were not given: twice the width, in heads
 * of 64 elements if that divides, and the convolution's bias. */
void model_config_usual_state(model_config *config);
const char *layer_mixer_name(const layer_config *layer);
/* The names that an option may take; NULL: there are no more. */
const char *layer_mixer_choice(int i);

/* A block without a token mixer is only its feed-forward, ... */
static inline bool layer_mixes(const layer_config *layer)
{
    return layer->mixer.row != &mixer_none;
}

/* ... and one without a feed-forward only its token mixer. */
static inline bool layer_feeds_forward(const layer_config *layer)
{
    return layer->sparse || layer->dense_width > 0;
}

/* Gives layers without a window what they have in place of the others' heads. */
void model_config_fit_full(model_config *config);

/* Copies to the layers what all of them share (norms, scales, routing, how the open file holds
 * them), after one of these was changed. */
void model_config_fill_layers(model_config *config);

/* Sets expert_form. Refuses a name that no activation has. */
cadre_status model_config_set_form(model_config *config, const char *form, const char *where);
/* Gives layer l a form of its own, or a router of its own; refuses other names. */
cadre_status model_config_set_layer_form(
    model_config *config, int64_t l, const char *form, const char *where);
cadre_status model_config_set_layer_router(
    model_config *config, int64_t l, const char *router, const char *where);
const char *layer_form_name(const model_config *config, const layer_config *layer);

/* Checks everything that must hold between the fields. The error names `where` (a file or
 * "options") and the key. */
cadre_status model_config_check(const model_config *config, const char *where);

/* Sets divisors of the rotary frequencies, one for each. Takes ownership of the array in any
 * case. */
cadre_status model_config_list_divisors(
    model_config *config, double *divisors, int64_t count, const char *where);

double model_config_logit_scale(const model_config *config);

/* Adds a token that ends texts; adding one twice is fine. */
cadre_status model_config_add_eos(model_config *config, int64_t token, const char *where);
bool model_config_ends(const model_config *config, int64_t token); /* whether it ends a text */

/* What of this configuration has no backward pass ("norms after each half"); NULL: it can be
 * trained. */
const char *model_config_untrainable(const model_config *config);

/* Whether the mixer of some layer reads rotary positions */
bool model_config_rotates(const model_config *config);
/* The number of matrices into the hidden layer of a layer's feed-forward: 1, or 2 (gate and up) */
int model_config_inputs(const model_config *config, const layer_config *layer);
int64_t model_config_recurrent_layers(const model_config *config);
int64_t model_config_sparse_layers(const model_config *config);
/* The number of sparse layers among the first l */
int64_t model_config_sparse_before(const model_config *config, int64_t l);
/* Whether sparse layers differ in experts, picks or width */
bool model_config_layers_differ(const model_config *config);

/* Sets experts, topk and expert_width to those of the most common sparse layer. */
void model_config_summarise(model_config *config);

/* Reads what the options of routing (given, or from a recipe) say about the function outside of
 * training. */
cadre_status model_config_read_routing(model_config *config, const cadre_options *options);

/* Refuses an option that was given, that belongs to some routers and to none of this model's. */
cadre_status model_config_check_routers(const model_config *config, const cadre_options *options);

/* What a router of a sparse layer has of the model, with nothing of the layer's own: all if it is
 * the model's router, otherwise what does not depend on it. */
void model_config_route(const model_config *config, const router *row, router_options *route);

/* Refuses, by name, a layer that computes something that models have no place for. */
cadre_status model_config_check_moe(const moe_config *m, const char *where);

/* Whether both compute the same outside of training from the same parameters: NULL, or the name of
 * the first field that differs, as an option has it if one does. */
const char *model_config_difference(const model_config *a, const model_config *b);

#endif
