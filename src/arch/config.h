/* config.h - what a sparse transformer is, in numbers: the one description that every
 * architecture's config.json, every recipe and every option list is turned into, and from which
 * parameters, blocks and memory follow.
 *
 * It does not know any file's keys (architecture.h does) nor how training goes (train/). */
#ifndef CADRE_ARCH_CONFIG_H
#define CADRE_ARCH_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

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

/* One layer: whoever computes, counts or reads a layer's numbers takes them from here. */
typedef struct layer_config {
    mixer_config mixer;
    mixer_config cross;  /* to an encoder's output; .row NULL: none */
    bool sparse;         /* its feed-forward is a sparse layer: */
    moe_config moe;      /* that, without anything that only training sets */
    int64_t dense_width; /* or one of this hidden width; 0: the layer has none */
    /* Where sparse layers have other capacities than the model's: outside of training, or the
     * router's own; 0: the model's */
    double capacity_factor;
} layer_config;

typedef struct model_config {
    const struct architecture *arch; /* static */

    int64_t vocab, width, context; /* context: longest sequence the positions are meant for */
    int64_t layers;
    /* Layers behind these that predict further tokens, as the file announces: they are not read */
    int64_t predicting;
    double norm_eps;
    bool tie; /* the output head is the embedding */
    double init_range;
    double embedding_scale, residual_scale; /* of embeddings; of both halves' outputs */
    double logit_scale, logit_divisor;      /* logits are multiplied and divided by these */
    bool post_norms;                        /* each half's output has a norm of its own */

    /* grouped-query attention; head_dim of latent attention = nope_dim + rope_dim */
    int64_t heads, kv_heads, head_dim;
    qk_norm qk_norm;
    rope_options rope;       /* its width, and pairs or halves, are derived */
    double *rope_divisors;   /* owned: rope.divisor, where there is one */
    double rotary_share;     /* of a head, from its start, that positions rotate */
    bool qkv_bias, out_bias; /* of the projections; of latent attention's into the small widths */
    bool sinks;              /* a logit a head without a key (gpt-oss) */
    /* queries, keys and values are clipped to +- this before they are rotated; 0: not */
    double qkv_clip;
    double attention_scale;   /* of query times key; 0: one over the root of the head's width */
    double attention_softcap; /* 0: none */
    /* Of the layers that have one, 0: none has; every so many-th layer has not, 0: all have */
    int64_t window, window_period;

    /* Scores get a bias by distance instead of rotary positions (T5); 0: not */
    int64_t relative_buckets, relative_distance;
    bool bidirectional;           /* attention sees what comes after, too: an encoder */
    bool cross;                   /* a third part of each block attends to an encoder's output */
    struct model_config *encoder; /* owned; NULL: the model has none */

    bool latent; /* latent attention: what follows is its */
    /* q_lora 0: queries are projected directly */
    int64_t q_lora, kv_lora, nope_dim, rope_dim, value_dim;
    double latent_norm_eps;

    int64_t dense_width;                 /* hidden width of dense layers' feed-forward */
    bool ffn_bias;                       /* of its projections */
    int64_t experts, topk, expert_width; /* as most layers have them */
    /* The first dense_layers are dense; then every sparse_step-th is sparse */
    int64_t dense_layers, sparse_step;
    /* As most sparse layers have them: number, each as wide as an expert; their width together */
    int64_t shared_experts, shared_width;
    bool shared_gated;
    bool router_bias, expert_bias;
    /* Outside of training: slots or factor, where one is not 0 and .in_eval */
    dispatch_options capacity;
    double expert_limit;         /* gpt-oss's form: where its inputs are clipped */
    const struct router *router; /* a row of THE LIST of routers */
    const char *expert_form;     /* the name of an activation, static */
    int64_t groups, groups_used; /* equal: selection is not limited to groups */
    double route_scale;
    /* The router's other numbers are these, not its defaults: */
    bool own_route;
    router_options route; /* (those of groups and scale stand above) */
    bool expert_sigmoid;  /* a sparse layer's output is its sigmoid (Shazeer 2017) */
    double dropout;       /* of both halves' outputs, in training alone: no file has it */
    double input_scale;   /* what experts read is multiplied by it; 0: 1 */
    double aux_loss;      /* carried for config.json's sake */

    int64_t bos, eos, pad;               /* -1: none */
    int64_t other_eos[CONFIG_OTHER_EOS]; /* [other_eos_count] that end a text too */
    int other_eos_count;
    bool paired_rows, split_kv_b; /* how the opened file has it: see tensor_name.h */
    layer_config *layer;          /* [layers], owned */
} model_config;

void model_config_free(model_config *config);
cadre_status model_config_copy(const model_config *from, model_config *to);

/* Fills in what follows from the other numbers and was left 0 (kv_heads, head_dim, shared_width
 * ...), and layer[] from the scalars (dense_layers, sparse_step, experts ...), replacing what was
 * there. */
cadre_status model_config_derive(model_config *config, const char *where);

/* Layer l mixes by "attention", as the model's numbers say it, or by a recurrent row of THE LIST of
 * token mixers; refused where it has no such name. */
cadre_status model_config_set_mixer(
    model_config *config, int64_t l, const char *name, const char *where);
const char *layer_mixer_name(const layer_config *layer);
/* The names that there are, for an option's words; NULL: past the end. */
const char *layer_mixer_choice(int i);

/* A block without one is its token mixer alone. */
static inline bool layer_feeds_forward(const layer_config *layer)
{
    return layer->sparse || layer->dense_width > 0;
}

/* What the layers have of the model's numbers that all of them share (norms, scales, routing, how
 * the opened file has it), after one of these has changed. */
void model_config_fill_layers(model_config *config);

/* expert_form, refused where no activation has that name. */
cadre_status model_config_set_form(model_config *config, const char *form, const char *where);

/* Everything that must hold between the numbers; the sentence names `where` (a file or "options")
 * and the key. */
cadre_status model_config_check(const model_config *config, const char *where);

/* Frequencies of rotary positions that are each divided by a number of its own; takes the array,
 * also on failure. */
cadre_status model_config_list_divisors(
    model_config *config, double *divisors, int64_t count, const char *where);

double model_config_logit_scale(const model_config *config);

/* One more; twice is fine */
cadre_status model_config_add_eos(model_config *config, int64_t token, const char *where);
bool model_config_ends(const model_config *config, int64_t token); /* whether a text ends with it */

/* What of this configuration has no backward pass ("norms after each half"); NULL: it can be
 * trained. */
const char *model_config_untrainable(const model_config *config);

/* Some layer's mixer reads rotary positions */
bool model_config_rotates(const model_config *config);
/* Matrices into a feed-forward's hidden layer: 1, or 2 (gate and up) */
int model_config_inputs(const model_config *config);
int64_t model_config_recurrent_layers(const model_config *config);
int64_t model_config_sparse_layers(const model_config *config);
/* Sparse layers among the first l */
int64_t model_config_sparse_before(const model_config *config, int64_t l);
/* Sparse layers of unequal experts, picks or width */
bool model_config_layers_differ(const model_config *config);

/* experts, topk and expert_width as the most common sparse layer has them. */
void model_config_summarise(model_config *config);

/* What the options of routing (the given ones and a recipe's) say about the function outside of
 * training. */
cadre_status model_config_read_routing(model_config *config, const cadre_options *options);

/* A layer that computes what no model has a place for is refused by name. */
cadre_status model_config_check_moe(const moe_config *m, const char *where);

/* Whether both compute the same outside of training from the same parameters: NULL, or the name of
 * the first number that differs, as an option has it where one does. */
const char *model_config_difference(const model_config *a, const model_config *b);

#endif
