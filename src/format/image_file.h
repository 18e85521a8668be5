/* image_file.h - images from outside, which are not to be trusted: PNG is read by libpng, and PNM
 * (P1 to P6) by a strict reader here. Both give rows of red, green and blue bytes.
 *
 * Every size is checked before memory is allocated: a PNM's by the bytes that follow its header, a
 * PNG's, which is compressed, by IMAGE_PIXELS. Transparent pixels lie on white, and samples of 16
 * bits become 8 bits. An error is one sentence that names the file. */
#ifndef CADRE_FORMAT_IMAGE_FILE_H
#define CADRE_FORMAT_IMAGE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum {
    IMAGE_SIDE = 1 << 14,   /* the most pixels in a row, and the most rows */
    IMAGE_PIXELS = 1 << 24, /* the most pixels in all: 50 MB */
};

typedef struct image {
    int64_t width, height;
    uint8_t *rgb; /* [height, width, 3]; owned */
} image;

/* Returns whether the file's name is that of an image: it ends in .png .pnm .ppm .pgm or .pbm, in
 * small or large letters */
bool image_named(const char *path);

cadre_status image_read(const char *path, image *p); /* the kind follows from its first bytes */
/* name: for errors */
cadre_status image_parse(const char *name, const void *data, size_t size, image *p);
void image_free(image *p);

cadre_status image_parse_png(const char *name, const void *data, size_t size, image *p);
cadre_status image_parse_pnm(const char *name, const void *data, size_t size, image *p);

/* Appends a PNG of [height, width, 3] bytes to b. */
cadre_status image_put_png(byte_buffer *b, const uint8_t *rgb, int64_t width, int64_t height);
/* Writes a PNG of [height, width, 3] bytes to a file, which is replaced as a whole. */
cadre_status image_write_png(const char *path, const uint8_t *rgb, int64_t width, int64_t height);

#endif
