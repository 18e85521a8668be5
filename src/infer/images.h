/* images.h - what cadre.h does not offer for images of an opened model: one as the bytes of a
 * PNG. */
#ifndef CADRE_INFER_IMAGES_H
#define CADRE_INFER_IMAGES_H

#include "cadre/model.h"
#include "model/model.h"

/* Appends a PNG made from ids [count], the patches of an image without begin and end; missing
 * patches are white. */
cadre_status image_png_of_ids(
    const cadre_model *m, const int32_t *ids, int64_t count, byte_buffer *png);

#endif
