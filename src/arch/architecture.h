/* architecture.h - THE LIST of architectures: one row, one file arch/X.c each.
 *
 * A row is data: which keys of config.json and of GGUF hold which number, which tensor names hold
 * which parameter, and the few constants that the family fixes. Reading, writing and refusing are
 * written once (config_json.c, config_gguf.c, tensor_name.c) for all of them. */
#ifndef CADRE_ARCH_ARCHITECTURE_H
#define CADRE_ARCH_ARCHITECTURE_H

#include "arch/config_keys.h"
#include "arch/tensor_name.h"
#include "format/gguf.h"

/* Folders of safetensors and their config.json. */
typedef struct architecture_hf {
    const char *class_name; /* "architectures"[0]; NULL: no published class */
    const config_key *keys; /* besides those that all share */
    bool keys_alone;        /* it has none of those that the others share */
    /* Before those of THE LIST of parameters; ended by a NULL pattern; NULL: none */
    const tensor_name *tensors;
    const char *act;     /* "hidden_act"; NULL: it is not said */
    bool norm_topk_prob; /* where the file does not say */
    /* Of files with "use_sliding_window": whether layer l has one where no list says, given
     * "max_window_layers". NULL: such files have no windows, or always. */
    bool (*windowed)(int64_t l, int64_t most);
    /* What keys alone do not say. read: after the keys and what follows from them, before it is
     * checked. NULL: nothing. */
    cadre_status (*read)(const json_node *root, model_config *config);
    void (*write)(const model_config *config, json_writer *w);
    /* Why files of this family cannot say what the configuration is; NULL: they can. */
    const char *(*refuses)(const model_config *config);
} architecture_hf;

/* GGUF files; a family without a name has none. */
typedef struct architecture_gguf {
    const char *name;       /* "general.architecture" */
    const config_key *keys; /* "NAME." left out */
    const tensor_name *tensors;
    bool head;     /* other readers expect "output.weight" even where it is the embedding */
    bool divisors; /* scaled positions may be a tensor, GGUF_DIVISORS */
    bool renorm;   /* base.renorm where the metadata do not say */
    int gating;    /* "expert_gating_func" that is written; 0: none */
    /* Which of several rows of one name the file is of; NULL: this one */
    bool (*is)(const gguf *file);
    cadre_status (*read)(const gguf *file, model_config *config); /* as those of hf */
    void (*write)(const model_config *config, gguf_writer *w);
} architecture_gguf;

/* What is so in every model of the family, or where no file says. */
typedef struct architecture_base {
    /* The router's name; where `renorm` is set, the one for norm_topk_prob = false */
    const char *router;
    /* The router for norm_topk_prob = true; NULL: the family has no such key */
    const char *renorm;
    const char *expert_form;
    double rope_theta;        /* where the file does not say; 0: 10000 */
    const rope_options *rope; /* the same of scaled positions; NULL: they are not */
    double rotary_share;      /* and of the part of a head that is rotated; 0: always all of it */
    int64_t window_period;    /* as in model_config, where no list of layers says otherwise */
    qk_norm qk_norm;
    bool latent;
    void (*fix)(model_config *config); /* other numbers, before the keys; NULL: none */
} architecture_base;

typedef struct architecture {
    const char *model_type; /* config.json's "model_type" */
    const char *words;      /* one line for people */
    architecture_hf hf;
    architecture_gguf gguf;
    architecture_base base;
} architecture;

const architecture *architecture_by_type(const char *model_type); /* NULL: unknown */
/* By its "general.architecture"; NULL: unknown */
const architecture *architecture_by_gguf(const gguf *file);
/* All that are known, for a refusal */
const char *architecture_names(bool of_gguf, char *text, size_t room);

#endif
