/* config_keys.h - tables of keys: which member of an object of config.json, or which of a GGUF's
 * metadata, holds which number of a model_config. */
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

/* A table, ended by a NULL name (NULL: an empty one), read from the members of an object, and
 * written as such. */
cadre_status config_keys_read(
    const json_node *object, const config_key *keys, model_config *config);
void config_keys_write(const config_key *keys, const model_config *config, json_writer *w);

#endif
