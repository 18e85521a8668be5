/* modality.h - what analysis.json says of types of tokens: who took which, and samples from text to
 * image and from image to text. Strings are borrowed from its document. */
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

/* A held-out image, the words beside it, and what the model made of one of them: an image of the
 * words, or a text of the image. Images are PNG files in base64. */
typedef struct modality_sample {
    const char *domain, *image, *words, *made;
} modality_sample;
typedef struct modality_samples {
    int count;
    modality_sample *sample;
} modality_samples;

typedef struct modality {
    int types; /* 0: all tokens are alike */
    modality_type type[MODALITY_TYPES];
    int64_t *routed; /* picks, a layer after another, each [types, experts]; NULL: not said */
    modality_samples drawn, written;
} modality;

cadre_status modality_read(const json_node *root, const model_shape *shape, modality *m);
void modality_free(modality *m);

static inline const int64_t *modality_routed(const modality *m, const shape_layer *layer)
{
    return m->routed + (int64_t)layer->first_expert * m->types;
}

#endif
