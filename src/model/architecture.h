/* architecture.h - THE LIST of architectures: one row, one file model/arch_X.c each.
 *
 * A row is data: which config.json keys hold which number, which tensor names hold which parameter, and the few constants that the
 * family fixes. Reading, writing and refusing are written once (config_json.c, tensor_name.c) for all of them. */
#ifndef CADRE_MODEL_ARCHITECTURE_H
#define CADRE_MODEL_ARCHITECTURE_H

#include <stddef.h>

#include "format/json.h"
#include "format/json_writer.h"
#include "model/config.h"
#include "model/param.h"

typedef enum key_kind {
    KEY_INT,  /* a field of model_config, int64_t */
    KEY_REAL, /* double */
    KEY_BOOL, /* bool */
    KEY_MUST, /* no field: where present it must be `value`; anything else is an option that is not implemented */
} key_kind;

enum { KEY_REQUIRED = 1, KEY_UNWRITTEN = 2, KEY_NULLABLE = 4 /* a value of `otherwise` is written as null */ };

typedef struct config_key {
    const char *name;
    key_kind kind;
    size_t field;      /* offsetof(model_config, ...) */
    unsigned flags;
    double otherwise;  /* when absent or null */
    const char *value; /* of KEY_MUST: true, false, a number, or else a string */
} config_key;

#define KEY_INT_OF(name_, field_, flags_, otherwise_) { name_, KEY_INT, offsetof(model_config, field_), flags_, otherwise_, NULL }
#define KEY_REAL_OF(name_, field_, flags_, otherwise_) { name_, KEY_REAL, offsetof(model_config, field_), flags_, otherwise_, NULL }
#define KEY_BOOL_OF(name_, field_, flags_, otherwise_) { name_, KEY_BOOL, offsetof(model_config, field_), flags_, otherwise_, NULL }
#define KEY_MUST_BE(name_, value_) { name_, KEY_MUST, 0, 0, 0, value_ }

/* "{l}" stands for the layer, "{e}" for the expert. */
typedef struct tensor_name {
    param_role role;
    const char *pattern;
} tensor_name;

typedef struct architecture {
    const char *model_type;  /* config.json's "model_type" */
    const char *class_name;  /* its "architectures"[0]; NULL: no published class */
    const char *words;       /* one line for people */
    const config_key *keys;  /* besides those that all share; ended by a NULL name; NULL: none */
    const tensor_name *tensors; /* where it differs from tensor_name.c; ended by a NULL pattern; NULL: nowhere */
    const char *router;      /* the router's name; where `renorm` is set, the one for norm_topk_prob = false */
    const char *renorm;      /* the router for norm_topk_prob = true; NULL: the family has no such key */
    const char *expert_form;
    qk_norm qk_norm;
    bool latent;
    /* What keys alone do not say. read: after the keys, before the layers are filled in and checked. NULL: nothing. */
    cadre_status (*read)(const json_node *root, model_config *config);
    void (*write)(const model_config *config, json_writer *w);
    /* Whether files of this family can say what the configuration is; NULL reason: yes. */
    const char *(*refuses)(const model_config *config);
} architecture;

const architecture *const *architecture_list(int *count);
const architecture *architecture_by_type(const char *model_type); /* NULL: unknown */

/* Why this family's files cannot hold the configuration ("its layers differ"); NULL: they can. */
const char *architecture_refusal(const architecture *arch, const model_config *config);

/* config.json -> numbers, checked. numbers -> config.json, replaced whole. */
cadre_status model_config_read(const char *path, model_config *config);
cadre_status model_config_write(const model_config *config, const char *path);

/* The name of a parameter in this architecture's files; mem_free. NULL: no memory. */
char *architecture_tensor_name(const architecture *arch, const param *p);

#endif
