/* picture.h - pictures from outside, all suspect: PNG by libpng, and PNM (P2, P3, P5, P6) by a
 * strict reader of our own, both as rows of red, green and blue bytes.
 *
 * Every size is bounded before memory is asked for: of a PNM by the bytes that follow its header,
 * of a PNG, which unpacks, by PICTURE_PIXELS. What is transparent lies on white; 16 bits a sample
 * become 8. A refusal is one sentence that names the file. */
#ifndef CADRE_FORMAT_PICTURE_H
#define CADRE_FORMAT_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum {
    PICTURE_SIDE = 1 << 14,   /* the most pixels in a row, and rows */
    PICTURE_PIXELS = 1 << 24, /* the most in all: 50 MB */
};

typedef struct picture {
    int64_t width, height;
    uint8_t *rgb; /* [height, width, 3]; owned */
} picture;

/* Whether the file's name says that it is one: .png .pnm .ppm .pgm, in small or large letters */
bool picture_named(const char *path);

cadre_status picture_read(const char *path, picture *p); /* by what the file begins with */
/* name: for errors */
cadre_status picture_parse(const char *name, const void *data, size_t size, picture *p);
void picture_free(picture *p);

cadre_status picture_parse_png(const char *name, const void *data, size_t size, picture *p);
cadre_status picture_parse_pnm(const char *name, const void *data, size_t size, picture *p);

/* The bytes of a PNG of [height, width, 3] bytes, behind those that are there. */
cadre_status picture_put_png(byte_buffer *b, const uint8_t *rgb, int64_t width, int64_t height);
/* A PNG of [height, width, 3] bytes, replaced whole. */
cadre_status picture_write_png(const char *path, const uint8_t *rgb, int64_t width, int64_t height);

#endif
