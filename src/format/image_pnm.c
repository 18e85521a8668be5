/* image_pnm.c - PNM: P1 to P3 are numbers in decimal digits, P4 to P6 are bytes; P1 and P4 are
 * black (1) and white (0), P2 and P5 are grey, P3 and P6 are red, green and blue.
 *
 *     P6 # a comment reaches to the end of the line
 *     640 480 255
 *     (one white space, then 640 * 480 * 3 bytes; above 255, two bytes a sample, high byte first)
 *
 * Black and white have no largest sample in the header. P1 may leave out the space between digits;
 * P4 has 8 pixels in a byte, the first in the highest bit, and each row begins with a byte.
 *
 * It is strict: there must be exactly as many samples as the header says, none above the
 * largest. */
#include <string.h>

#include "base/memory.h"
#include "format/image_file.h"

typedef struct pnm {
    const char *name;
    const uint8_t *at, *end;
    int64_t width, height, most; /* most: the largest sample */
    int channels;
    bool words; /* digits, no bytes */
    bool bits;  /* black and white */
} pnm;

static cadre_status refuse(const pnm *f, const char *expected, const char *found)
{
    return cadre_fail(CADRE_EFORMAT, f->name, "a PNM: expected %s, found %s", expected, found);
}

static bool is_space(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static void skip_space(pnm *f)
{
    for (; f->at < f->end; f->at++) {
        if (*f->at == '#')
            while (f->at < f->end && *f->at != '\n') f->at++;
        if (f->at == f->end || !is_space(*f->at)) return;
    }
}

static cadre_status read_number(pnm *f, const char *what, int64_t most, int64_t *value)
{
    int64_t number = 0;
    skip_space(f);
    const uint8_t *begin = f->at;
    for (; f->at < f->end && *f->at >= '0' && *f->at <= '9' && number <= most; f->at++)
        number = number * 10 + (*f->at - '0');
    if (f->at == begin || number > most)
        return cadre_fail(CADRE_EFORMAT, f->name,
            "a PNM: %s: expected a number up to %lld, found %s", what, (long long)most,
            f->at == begin ? "none" : "a larger one");
    *value = number;
    return CADRE_OK;
}

static cadre_status read_header(pnm *f)
{
    char kind = f->end - f->at > 1 && f->at[0] == 'P' ? (char)f->at[1] : 0;
    f->words = kind >= '1' && kind <= '3';
    f->bits = kind == '1' || kind == '4';
    f->channels = kind == '3' || kind == '6' ? 3 : 1;
    f->most = 1;
    if (kind < '1' || kind > '6') return refuse(f, "one that begins with P1 to P6", "another kind");
    f->at += 2;
    if (f->at == f->end || !(is_space(*f->at) || *f->at == '#'))
        return refuse(f, "white space behind its kind", "something else");
    CADRE_TRY(read_number(f, "width", IMAGE_SIDE, &f->width));
    CADRE_TRY(read_number(f, "height", IMAGE_SIDE, &f->height));
    if (!f->bits) CADRE_TRY(read_number(f, "largest sample", 65535, &f->most));
    if (f->width < 1 || f->height < 1 || f->most < 1)
        return refuse(f, "sizes and a largest sample of at least 1", "0");
    if (f->width * f->height > IMAGE_PIXELS)
        return cadre_fail(CADRE_EFORMAT, f->name,
            "a PNM: expected at most %d pixels, found %lld by %lld", IMAGE_PIXELS,
            (long long)f->width, (long long)f->height);
    if (f->at == f->end || !is_space(*f->at))
        return refuse(f, "white space behind its header", "something else");
    f->at++;
    return CADRE_OK;
}

/* The size is checked before memory is allocated: a sample in digits takes a digit and a space at
 * least, or in black and white a digit. */
static int64_t least_bytes(const pnm *f)
{
    int64_t samples = f->width * f->height * f->channels;
    if (f->bits) return f->words ? samples : (f->width + 7) / 8 * f->height;
    return f->words ? 2 * samples - 1 : samples * (f->most > 255 ? 2 : 1);
}

static cadre_status check_bytes(const pnm *f)
{
    int64_t there = f->end - f->at, bytes = least_bytes(f);
    if (f->words ? there >= bytes : there == bytes) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, f->name,
        "a PNM: expected %s%lld bytes of samples for %lld by %lld pixels, found %lld",
        f->words ? "at least " : "", (long long)bytes, (long long)f->width, (long long)f->height,
        (long long)there);
}

static cadre_status read_sample(pnm *f, int64_t *value)
{
    if (f->words) {
        CADRE_TRY(read_number(f, "sample", f->most, value));
        return f->at == f->end || is_space(*f->at) || *f->at == '#'
                   ? CADRE_OK
                   : refuse(f, "white space between samples", "something else");
    }
    *value = *f->at++;
    if (f->most > 255) *value = *value << 8 | *f->at++;
    if (*value <= f->most) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, f->name, "a PNM: expected samples up to %lld, found %lld",
        (long long)f->most, (long long)*value);
}

/* Of pixel x of a row: 1 is white. */
static cadre_status read_bit(pnm *f, int64_t x, int64_t *value)
{
    if (f->words) {
        skip_space(f);
        if (f->at == f->end || (*f->at != '0' && *f->at != '1'))
            return refuse(f, "a sample of 0 or 1 for each pixel", "something else");
        *value = *f->at++ == '0';
        return CADRE_OK;
    }
    *value = !(*f->at >> (7 - x % 8) & 1);
    if (x % 8 == 7 || x == f->width - 1) f->at++;
    return CADRE_OK;
}

static cadre_status read_samples(pnm *f, uint8_t *rgb)
{
    int64_t pixels = f->width * f->height, value;
    for (int64_t i = 0; i < pixels; i++)
        for (int c = 0; c < 3; c++) {
            if (c < f->channels) {
                CADRE_TRY(f->bits ? read_bit(f, i % f->width, &value) : read_sample(f, &value));
                value = (value * 255 + f->most / 2) / f->most;
            }
            rgb[i * 3 + c] = (uint8_t)value;
        }
    if (f->words) skip_space(f);
    return f->at == f->end ? CADRE_OK : refuse(f, "nothing behind the last sample", "more");
}

cadre_status image_parse_pnm(const char *name, const void *data, size_t size, image *p)
{
    const uint8_t *bytes = data;
    pnm f = { .name = name, .at = bytes, .end = bytes + size };
    CADRE_TRY(read_header(&f));
    CADRE_TRY(check_bytes(&f));
    image made = {
        .width = f.width, .height = f.height, .rgb = MEM_ARRAY(uint8_t, f.width * f.height * 3)
    };
    if (!made.rgb) return CADRE_ENOMEM;
    cadre_status status = read_samples(&f, made.rgb);
    if (status == CADRE_OK) *p = made;
    else mem_free(made.rgb);
    return status;
}
