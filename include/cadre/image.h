/* image.h - images as tokens of a model.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_IMAGE_PUBLIC_H
#define CADRE_IMAGE_PUBLIC_H

#include "cadre/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Images are tokens: a picture is scaled to fit into a square and the square is cut into patches;
 * for each patch, row by row, there is one token, the id of the nearest patch in the model's code
 * book. In text, an image is written as "<|image|>", codes such as "<|image:0007|>", and
 * "<|/image|>". */
typedef struct cadre_image_form {
    size_t size;         /* sizeof(cadre_image_form) */
    int32_t side, patch; /* in pixels; side 0: the model knows no images */
    int32_t codes;       /* in the code book */
    int32_t begin, end;  /* ids before and after an image ... */
    int32_t first_code;  /* ... and the id of code 0; the other codes follow it */
    int32_t patches;     /* in an image */
} cadre_image_form;

/* Describes the images that a model knows. */
CADRE_API cadre_status cadre_model_image_form(const cadre_model *model, cadre_image_form *form);

/* Writes the ids of a PNG or PNM file, begin and end included, to ids, which must have room for
 * [patches + 2]. */
CADRE_API cadre_status cadre_image_encode(cadre_model *model, const char *path, int32_t *ids);
/* Whether a name ends as those of images do: .png .pnm .ppm .pgm .pbm */
CADRE_API bool cadre_image_named(const char *path);

/* Writes an image as a PNG file from the ids of its codes, without begin and end. Patches that are
 * missing, or whose id is not a code, become white. */
CADRE_API cadre_status cadre_image_write(
    const cadre_model *model, const int32_t *ids, int64_t count, const char *path);

#ifdef __cplusplus
}
#endif
#endif
