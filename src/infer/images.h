/* images.h - pictures of an opened model beside what cadre.h has: one as the bytes of a PNG. */
#ifndef CADRE_INFER_IMAGES_H
#define CADRE_INFER_IMAGES_H

#include "model/model.h"

/* ids [count] of an image's patches, begin and end left out; what is missing is white. */
cadre_status image_png_put(
    const cadre_model *m, const int32_t *ids, int64_t count, byte_buffer *png);

#endif
