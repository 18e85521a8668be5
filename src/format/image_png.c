/* image_png.c - PNG, by libpng's simplified interface: it limits its own memory and catches its
 * own errors, so that no longjmp leaves a call and an error comes back as a text. */
#include <png.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/image_file.h"

/* A program that links the archive of cadre and has no images needs no libpng. */
#pragma weak png_image_begin_read_from_memory
#pragma weak png_image_finish_read
#pragma weak png_image_free
#pragma weak png_image_write_to_memory

static cadre_status check_library(const char *name)
{
    if (png_image_free) return CADRE_OK;
    return cadre_fail(CADRE_EUNSUPPORTED, name,
        "PNG: expected a program that is linked with -lpng, found one without");
}

static cadre_status refuse(const char *name, const png_image *png)
{
    return cadre_fail(
        CADRE_EFORMAT, name, "expected a PNG or PNM image, found a PNG with: %s", png->message);
}

static cadre_status check_size(const char *name, const png_image *png)
{
    if (png->width <= IMAGE_SIDE && png->height <= IMAGE_SIDE &&
        (int64_t)png->width * png->height <= IMAGE_PIXELS)
        return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, name,
        "expected at most %d pixels a side and %d in all, found %lu by %lu", IMAGE_SIDE,
        IMAGE_PIXELS, (unsigned long)png->width, (unsigned long)png->height);
}

static cadre_status read_pixels(const char *name, png_image *png, image *p)
{
    const png_color white = { 255, 255, 255 };
    CADRE_TRY(check_size(name, png));
    png->format = PNG_FORMAT_RGB;
    image made = { .width = png->width,
        .height = png->height,
        .rgb = MEM_ARRAY(uint8_t, (int64_t)png->width * png->height * 3) };
    if (!made.rgb) return CADRE_ENOMEM;
    if (!png_image_finish_read(png, &white, made.rgb, 0, NULL)) {
        mem_free(made.rgb);
        return refuse(name, png);
    }
    *p = made;
    return CADRE_OK;
}

cadre_status image_parse_png(const char *name, const void *data, size_t size, image *p)
{
    static const uint8_t magic[] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    png_image png = { .version = PNG_IMAGE_VERSION };
    if (size < sizeof magic || memcmp(data, magic, sizeof magic) != 0)
        return cadre_fail(
            CADRE_EFORMAT, name, "expected a PNG or PNM image, found neither's first bytes");
    CADRE_TRY(check_library(name));
    if (!png_image_begin_read_from_memory(&png, data, size)) return refuse(name, &png);
    cadre_status status = read_pixels(name, &png, p);
    png_image_free(&png);
    return status;
}

cadre_status image_put_png(byte_buffer *b, const uint8_t *rgb, int64_t width, int64_t height)
{
    png_image png = { .version = PNG_IMAGE_VERSION,
        .width = (png_uint_32)width,
        .height = (png_uint_32)height,
        .format = PNG_FORMAT_RGB };
    CADRE_TRY(check_library(NULL));
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
    CADRE_TRY(byte_buffer_reserve(b, size));
    if (!png_image_write_to_memory(&png, b->data + b->size, &size, 0, rgb, 0, NULL))
        return cadre_fail(CADRE_EIO, NULL, "libpng: %s", png.message);
    b->size += size;
    return CADRE_OK;
}

cadre_status image_write_png(const char *path, const uint8_t *rgb, int64_t width, int64_t height)
{
    byte_buffer png = { 0 };
    cadre_status status = image_put_png(&png, rgb, width, height);
    if (status == CADRE_OK) status = file_write(path, png.data, png.size);
    byte_buffer_free(&png);
    return status;
}
