/* config_keys.h - tables of keys: which member of an object of config.json, or of a GGUF's
 * metadata, holds which field of a model_config. */
#ifndef CADRE_ARCH_CONFIG_KEYS_H
#define CADRE_ARCH_CONFIG_KEYS_H

#include <stddef.h>

#include "arch/config.h"
#include "format/json.h"
#include "format/json_writer.h"

typedef enum key_kind {
    KEY_INT,  /* a field of model_config, int64_t */
    KEY_REAL, /* double */
    KEY_BOOL, /* bool */
    /* The key has no field. If it is present it must be `value`; any other value is an option that
     * is not implemented. */
    KEY_MUST,
} key_kind;

enum {
    KEY_REQUIRED = 1,
    KEY_UNWRITTEN = 2,
    KEY_NULLABLE = 4, /* the value `otherwise` is written as null ... */
    KEY_UNUSUAL = 8,  /* ... or is not written */
    /* 0 means the same as an absent key, because some writers never leave it out. */
    KEY_ZERO_UNSAID = 16,
};

typedef struct config_key {
    const char *name; /* "a|b": a is written; b is read if a is absent */
    key_kind kind;
    size_t field; /* offsetof(model_config, ...) */
    unsigned flags;
    double otherwise;  /* the value if the key is absent or null */
    const char *value; /* for KEY_MUST: true, false, a number, or else a string */
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

/* Reads and writes the members of an object by a table, which ends with a NULL name (NULL: an empty
 * table). */
cadre_status config_keys_read(
    const json_node *object, const config_key *keys, model_config *config);
void config_keys_write(const config_key *keys, const model_config *config, json_writer *w);

#endif
