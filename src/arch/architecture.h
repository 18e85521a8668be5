/* architecture.h - THE LIST of architectures: one row, one file arch/X.c each.
 *
 * A row is data: which keys of config.json and of GGUF hold which number, which tensor names hold
 * which parameter, and the few constants that the family fixes. Reading, writing and refusing are
 * written once (config_json.c, config_gguf.c, tensor_name.c) for all of them. */
#ifndef CADRE_ARCH_ARCHITECTURE_H
#define CADRE_ARCH_ARCHITECTURE_H

#include <stddef.h>

#include "arch/config.h"
#include "arch/tensor_name.h"
#include "format/gguf.h"
#include "format/json.h"
#include "format/json_writer.h"

typedef enum key_kind {
    KEY_INT,  /* a field of model_config, int64_t */
    KEY_REAL, /* double */
    KEY_BOOL, /* bool */
    /* No field: where present it must be `value`; anything else is an option that is not
     * implemented */
    KEY_MUST,
} key_kind;

enum {
    KEY_REQUIRED = 1,
    KEY_UNWRITTEN = 2,
    KEY_NULLABLE = 4, /* a value of `otherwise` is written as null */
    KEY_UNUSUAL = 8,  /* ... is not written */
    /* 0 says what an absent key says: writers that know no absence put it there */
    KEY_ZERO_UNSAID = 16,
};

typedef struct config_key {
    const char *name; /* "a|b": b where a is not there; a is what is written */
    key_kind kind;
    size_t field; /* offsetof(model_config, ...) */
    unsigned flags;
    double otherwise;  /* when absent or null */
    const char *value; /* of KEY_MUST: true, false, a number, or else a string */
} config_key;

#define KEY_INT_OF(name_, field_, flags_, otherwise_)                                              \
    {                                                                                              \
        name_, KEY_INT, offsetof(model_config, field_), flags_, otherwise_, NULL                   \
    }
#define KEY_REAL_OF(name_, field_, flags_, otherwise_)                                             \
    {                                                                                              \
        name_, KEY_REAL, offsetof(model_config, field_), flags_, otherwise_, NULL                  \
    }
#define KEY_BOOL_OF(name_, field_, flags_, otherwise_)                                             \
    {                                                                                              \
        name_, KEY_BOOL, offsetof(model_config, field_), flags_, otherwise_, NULL                  \
    }
#define KEY_MUST_BE(name_, value_)                                                                 \
    {                                                                                              \
        name_, KEY_MUST, 0, 0, 0, value_                                                           \
    }

typedef struct architecture {
    const char *model_type; /* config.json's "model_type" */
    const char *class_name; /* its "architectures"[0]; NULL: no published class */
    const char *words;      /* one line for people */
    const config_key *keys; /* besides those that all share; ended by a NULL name; NULL: none */
    bool keys_alone;        /* it has none of those that the others share */
    /* Before those of tensor_name.c; ended by a NULL pattern; NULL: none */
    const tensor_name *tensors;
    const char *gguf_name;       /* "general.architecture"; NULL: has no GGUF form */
    const config_key *gguf_keys; /* as keys, "NAME." left out */
    bool gguf_head;     /* other readers expect "output.weight" even where it is the embedding */
    bool gguf_divisors; /* stretched positions may be a tensor, GGUF_DIVISORS */
    int gguf_gating;    /* "expert_gating_func" that is written; 0: none */
    /* What keys alone do not say; NULL: nothing */
    void (*write_gguf)(const model_config *config, gguf_writer *w);
    bool gguf_renorm; /* norm_topk_prob where the metadata do not say ... */
    /* Which of several rows of one name the file is of; NULL: this one */
    bool (*gguf_is)(const gguf *file);
    cadre_status (*read_gguf)(const gguf *file, model_config *config); /* as read */
    const tensor_name *gguf_tensors;                                   /* as tensors */
    /* The router's name; where `renorm` is set, the one for norm_topk_prob = false */
    const char *router;
    /* The router for norm_topk_prob = true; NULL: the family has no such key */
    const char *renorm;
    bool norm_topk_prob; /* where the file does not say */
    const char *expert_form;
    const char *act;          /* "hidden_act" of its files; NULL: they do not say */
    double rope_theta;        /* where the file does not say; 0: 10000 */
    const rope_options *rope; /* the same of stretched positions; NULL: they are not */
    double rotary_share;      /* and of the part of a head that is turned; 0: always all of it */
    int64_t window_period;    /* as in model_config, where no list of layers says otherwise */
    /* Of files with "use_sliding_window": whether layer l has one where no list says, given
     * "max_window_layers". NULL: such files have no windows, or always. */
    bool (*windowed)(int64_t l, int64_t most);
    qk_norm qk_norm;
    bool latent;
    /* What is so in every model of the family; before the keys. NULL: nothing */
    void (*fix)(model_config *config);
    /* What keys alone do not say. read: after the keys and what follows from them, before it is
     * checked. NULL: nothing. */
    cadre_status (*read)(const json_node *root, model_config *config);
    void (*write)(const model_config *config, json_writer *w);
    /* Whether files of this family can say what the configuration is; NULL reason: yes. */
    const char *(*refuses)(const model_config *config);
} architecture;

const architecture *const *architecture_list(int *count);
const architecture *architecture_by_type(const char *model_type); /* NULL: unknown */
const architecture *architecture_by_gguf(
    const gguf *file); /* by its "general.architecture"; NULL: unknown */
/* All that are known, for a refusal */
const char *architecture_names(bool of_gguf, char *text, size_t room);

/* Why this family's files cannot hold the configuration ("its layers differ"); NULL: they can. */
const char *architecture_refusal(const architecture *arch, const model_config *config);

/* What a config.json of this family would not keep of the configuration: it is written, read back
 * and compared. *name as model_config_difference has it; NULL: all of it is kept. */
cadre_status architecture_loses(
    const architecture *arch, const model_config *config, const char **name);

/* Of several families. "mlp_only_layers" lists layers that are dense whatever the step says. */
cadre_status architecture_read_dense_layers(const json_node *root, model_config *config);
void architecture_write_dense_layers(const model_config *config, json_writer *w);
/* GGUF's "deepseek2": its widths, of latent attention, and its magnitudes; whether it is V3 or
 * V2. */
bool architecture_deepseek2_is_v3(const gguf *file);
/* A count of them other than 0 */
bool architecture_gguf_has_experts(const gguf *file, const char *key);
extern const config_key architecture_deepseek2_keys[];
cadre_status architecture_read_deepseek2(const gguf *file, model_config *config);
void architecture_write_deepseek2(const model_config *config, gguf_writer *w);

/* A table of keys, read from the members of an object, and written as such. */
cadre_status config_keys_read(
    const json_node *object, const config_key *keys, model_config *config);
void config_keys_write(const config_key *keys, const model_config *config, json_writer *w);

/* "eos_token_id", of config.json and of generation_config.json: what is read is added. */
cadre_status config_eos_read(const json_node *root, model_config *config);
void config_eos_write(const model_config *config, json_writer *w);

/* Rotary positions and windows: which keys there are depends on values. */
/* After all other keys, before deriving */
cadre_status config_positions_read(const json_node *root, model_config *config);
/* After deriving */
cadre_status config_windows_read(const json_node *root, model_config *config);
void config_positions_write(const model_config *config, json_writer *w);

/* config.json -> numbers, checked. numbers -> config.json, replaced whole. format: of most of the
 * matrices, for "torch_dtype". */
cadre_status model_config_read(const char *path, model_config *config);
cadre_status model_config_write(
    const model_config *config, const number_format *format, const char *path);
/* The same of a text in memory. */
cadre_status model_config_parse(
    const char *name, const char *text, size_t size, model_config *config);
cadre_status model_config_text(
    const model_config *config, const number_format *format, json_writer *w);

/* A GGUF's metadata -> numbers, checked. What standard keys cannot say stands in a file that was
 * converted here as the text of its config.json, which then counts alone. */
#define GGUF_CONFIG_KEY "cadre.config"
/* [rotary width / 2]: what each frequency is divided by */
#define GGUF_DIVISORS "rope_freqs.weight"
cadre_status config_keys_read_gguf(
    const gguf *file, const config_key *keys, model_config *config); /* "ARCHITECTURE.KEY" each */
/* The same keys written; after a failure the writer keeps it. name: of the model, for people;
 * file_type: llama.cpp's number. */
void config_keys_write_gguf(const config_key *keys, const model_config *config, gguf_writer *w);
cadre_status config_gguf_write(
    gguf_writer *w, const model_config *config, const char *name, int file_type, bool quantised);
/* The shortest decimal number that a file's f32 is the nearest one to: 0.1, not 0.10000000149. */
double gguf_decimal(double value);
cadre_status model_config_read_gguf(const gguf *file, model_config *config);

#endif
