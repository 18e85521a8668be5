/* picture.h - pictures from outside, which are not to be trusted: PNG is read by libpng, and PNM
 * (P2, P3, P5, P6) by a strict reader here. Both give rows of red, green and blue bytes.
 *
 * Every size is checked before memory is allocated: a PNM's by the bytes that follow its header, a
 * PNG's, which is compressed, by PICTURE_PIXELS. Transparent pixels lie on white, and samples of 16
 * bits become 8 bits. An error is one sentence that names the file. */
#ifndef CADRE_FORMAT_PICTURE_H
#define CADRE_FORMAT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum {
    PICTURE_SIDE = 1 << 14,   /* the most pixels in a row, and the most rows */
    PICTURE_PIXELS = 1 << 24, /* the most pixels in all: 50 MB */
};

typedef struct picture {
    int64_t width, height;
    uint8_t *rgb; /* [height, width, 3]; owned */
} picture;

/* Returns whether the file's name is that of a picture: it ends in .png .pnm .ppm or .pgm, in small
 * or large letters */
bool picture_named(const char *path);

cadre_status picture_read(const char *path, picture *p); /* the kind follows from its first bytes */
/* name: for errors */
cadre_status picture_parse(const char *name, const void *data, size_t size, picture *p);
void picture_free(picture *p);

cadre_status picture_parse_png(const char *name, const void *data, size_t size, picture *p);
cadre_status picture_parse_pnm(const char *name, const void *data, size_t size, picture *p);

/* Appends a PNG of [height, width, 3] bytes to b. */
cadre_status picture_put_png(byte_buffer *b, const uint8_t *rgb, int64_t width, int64_t height);
/* Writes a PNG of [height, width, 3] bytes to a file, which is replaced as a whole. */
cadre_status picture_write_png(const char *path, const uint8_t *rgb, int64_t width, int64_t height);

#endif
