/* modality.h - what analysis.json says of types of tokens: who took which, and samples from text to
 * picture and from picture to text. Strings are borrowed from its document. */
#ifndef CADRE_REPORT_MODALITY_H
#define CADRE_REPORT_MODALITY_H

#include "format/json.h"
#include "report/shape.h"

enum { MODALITY_TYPES = 8, MODALITY_SAMPLES = 48 };

typedef struct modality_type {
    const char *name;
    double tokens, bits_per_token; /* NAN: not said */
    int64_t experts;               /* of its bank; 0: there is none */
} modality_type;

/* PNG files in base64. */
typedef struct modality_picture {
    const char *domain, *prompt, *original, *drawn;
} modality_picture;
typedef struct modality_caption {
    const char *domain, *picture, *original, *written;
} modality_caption;

typedef struct modality {
    int types; /* 0: all tokens are alike */
    modality_type type[MODALITY_TYPES];
    int64_t *routed; /* picks, a layer after another, each [types, experts]; NULL: not said */
    int pictures, captions;
    modality_picture *picture;
    modality_caption *caption;
} modality;

cadre_status modality_read(const json_node *root, const model_shape *shape, modality *m);
void modality_free(modality *m);

static inline const int64_t *modality_routed(const modality *m, const shape_layer *layer)
{
    return m->routed + (int64_t)layer->first_expert * m->types;
}

#endif
