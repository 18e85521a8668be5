/* architecture.h - THE LIST of architectures: one row in one file arch/X.c for each.
 *
 * A row is data: which keys of config.json and of GGUF hold which field of the configuration, which
 * tensor names hold which parameter, and the few constants that the family fixes. Reading, writing
 * and refusing are written once for all families (config_json.c, config_gguf.c, tensor_name.c). */
#ifndef CADRE_ARCH_ARCHITECTURE_H
#define CADRE_ARCH_ARCHITECTURE_H

#include "cadre/status.h"
#include "arch/config_keys.h"
#include "arch/tensor_name.h"
#include "format/gguf.h"

/* What "layer_types" calls a layer whose token mixer is recurrent */
typedef struct layer_type {
    const char *name, *mixer; /* the name of a row of THE LIST of token mixers */
} layer_type;

/* How folders of safetensors and their config.json hold such a model */
typedef struct architecture_hf {
    const char *class_name; /* "architectures"[0]; NULL: no published class */
    /* Where the language model is one part of a larger one: the object of config.json that
     * describes it, the "model_type" of files that have this part alone, what stands
     * in place of "model." in the names of its tensors, and the beginnings of the names of other
     * parts' tensors, which are not read, up to a NULL. NULL: the model has no other parts. */
    const char *nested, *part_type, *prefix;
    const char *const *left;
    const config_key *keys; /* besides those that all share */
    bool keys_alone;        /* the family has none of the shared keys */
    /* They precede those of THE LIST of parameters and end with a NULL pattern; NULL: there are
     * none. */
    const tensor_name *tensors;
    /* What transformers calls modules that adapters are saved by, where the names of the tensors do
     * not say it: projections of attention, and all experts of a layer (ROLE_EXPERT_GATE), which
     * are "mlp.experts" in others. They end with a NULL pattern; NULL: there are none. */
    const tensor_name *modules;
    const layer_type
        *types; /* besides those of attention, up to a NULL name; NULL: there are none */
    /* The same for types that are read and not written, for other keys say the same; or NULL */
    const layer_type *read_types;
    /* The list with an item for each layer that stands in place of "num_hidden_layers" where files
     * lack that; NULL: none lacks it */
    const char *layer_list;
    const char *layer_pattern; /* the same for a text with a letter for each layer */
    bool kinds_of_rope;        /* "rope_parameters" has an object for each kind of layers */
    const char *usual_ropes;   /* the text of that object if the file has none; NULL: one theta */
    bool windows_listed;       /* without "layer_types", no layer has a window */
    const char *act;           /* "hidden_act"; NULL: the file does not say it */
    bool norm_topk_prob;       /* the value if the file does not say it */
    const char *renorm_key;    /* what it is called; NULL: "norm_topk_prob" */
    /* For files with "use_sliding_window": whether layer l has a window if no list says so, given
     * "max_window_layers". NULL: such files have no windows, or always have them. */
    bool (*windowed)(int64_t l, int64_t most);
    /* Reads what keys alone do not say. Called after the keys, and what follows from them, were
     * read and before the configuration is checked. NULL: there is nothing. */
    cadre_status (*read)(const json_node *root, model_config *config);
    void (*write)(const model_config *config, json_writer *w);
    /* Why files of this family cannot describe the configuration; NULL: they can. */
    const char *(*refuses)(const model_config *config);
} architecture_hf;

/* How GGUF files hold such a model; a family without a name has none */
typedef struct architecture_gguf {
    const char *name;       /* "general.architecture" */
    const config_key *keys; /* without "NAME." */
    const tensor_name *tensors;
    bool head;         /* other readers expect "output.weight" even if it is the embedding */
    bool divisors;     /* RoPE scaling may be a tensor, GGUF_DIVISORS */
    bool renorm;       /* base.renorm is the router if the metadata do not say */
    int gating;        /* the "expert_gating_func" that is written; 0: none */
    bool windows;      /* "attention.sliding_window", its pattern, and "rope.freq_base_swa" */
    bool heads_differ; /* layers may have different numbers of heads */
    /* The token mixer of layers for which "attention.head_count_kv" is 0; NULL: there are none */
    const char *recurrent;
    bool period; /* "full_attention_interval": one layer in so many attends, if no list says it */
    /* Whether a file is of this row, among several of one name; NULL: it is */
    bool (*is)(const gguf *file);
    cadre_status (*read)(const gguf *file, model_config *config);
    /* Sets what differs between layers, once they are there; NULL: nothing */
    cadre_status (*read_layers)(const gguf *file, model_config *config);
    void (*write)(const model_config *config, gguf_writer *w);
} architecture_gguf;

/* What holds for every model of the family, or if no file says otherwise */
typedef struct architecture_base {
    /* The router's name; if `renorm` is set, the one for norm_topk_prob = false */
    const char *router;
    /* The router for norm_topk_prob = true; NULL: the family does not have that key. */
    const char *renorm;
    const char *expert_form;
    double rope_theta;        /* if the file does not say; 0: 10000 */
    const rope_options *rope; /* the same for RoPE scaling; NULL: there is none */
    bool rope_pairs;          /* neighbours in a head are rotated together, not halves */
    double rotary_share;      /* the same for the rotated share of a head; 0: all of it */
    int64_t window_period;    /* as in model_config, if no list of layers says otherwise */
    bool full_first;          /* the first layer of each period has full attention, not the last */
    qk_norm qk_norm;
    bool latent;
    bool halves;                       /* a layer is a token mixer or a feed-forward, not both */
    void (*fix)(model_config *config); /* sets other fields before the keys are read; NULL: none */
} architecture_base;

typedef struct architecture {
    const char *model_type; /* config.json's "model_type" */
    const char *words;      /* a line for users */
    architecture_hf hf;
    architecture_gguf gguf;
    architecture_base base;
    /* The family as which such a model is written, because it is the same without the parts that
     * are not read; NULL: its own */
    const struct architecture *written;
} architecture;

const architecture *architecture_by_type(const char *model_type); /* NULL: unknown */

static inline const architecture *architecture_written(const architecture *a)
{
    return a->written ? a->written : a;
}

/* Finds the row by "general.architecture"; NULL: unknown. */
const architecture *architecture_by_gguf(const gguf *file);
/* The names of all, for an error */
const char *architecture_names(bool of_gguf, char *text, size_t room);

#endif
