/* square.c - scaling by areas, and reading and writing the patches of a square. */
#include "image/square.h"

/* Pixel i of `side` covers begin .. end of `length` pixels of the source, less `margin`. */
typedef struct span {
    double begin, end;
} span;

static span cover(int64_t i, int64_t side, int64_t length, int64_t margin)
{
    double scale = (double)length / (double)side;
    return (span){ (double)i * scale - (double)margin, (double)(i + 1) * scale - (double)margin };
}

/* Returns how much of source pixel j lies in the span. */
static double share(span s, int64_t j)
{
    double begin = s.begin > (double)j ? s.begin : (double)j,
           end = s.end < (double)(j + 1) ? s.end : (double)(j + 1);
    return end > begin ? end - begin : 0;
}

static int64_t first_of(span s) { return s.begin > 0 ? (int64_t)s.begin : 0; }
static int64_t end_of(span s, int64_t length)
{
    int64_t end = s.end > 0 ? (int64_t)s.end + 1 : 0;
    return end < length ? end : length;
}

static void mean_of(const image *p, span x, span y, uint8_t *pixel)
{
    double sum[3] = { 0, 0, 0 }, weight = 0, area = (x.end - x.begin) * (y.end - y.begin);
    for (int64_t j = first_of(y); j < end_of(y, p->height); j++)
        for (int64_t i = first_of(x); i < end_of(x, p->width); i++) {
            double w = share(y, j) * share(x, i);
            const uint8_t *rgb = p->rgb + (j * p->width + i) * 3;
            for (int c = 0; c < 3; c++) sum[c] += w * rgb[c];
            weight += w;
        }
    for (int c = 0; c < 3; c++) {
        double value = (sum[c] + (area > weight ? area - weight : 0) * 255) / area + 0.5;
        pixel[c] = (uint8_t)(value > 255 ? 255 : value);
    }
}

void image_square(const image *p, int32_t side, uint8_t *rgb)
{
    int64_t length = p->width > p->height ? p->width : p->height;
    for (int64_t j = 0; j < side; j++) {
        span y = cover(j, side, length, (length - p->height) / 2);
        for (int64_t i = 0; i < side; i++)
            mean_of(
                p, cover(i, side, length, (length - p->width) / 2), y, rgb + (j * side + i) * 3);
    }
}

/* Returns the offset in a square of element i of a patch. */
static int64_t place(int32_t side, int32_t patch, int32_t index, int32_t i)
{
    int32_t across = side / patch, row = i / (3 * patch), in_row = i % (3 * patch);
    int64_t y = (int64_t)(index / across) * patch + row, x = (int64_t)(index % across) * patch;
    return (y * side + x) * 3 + in_row;
}

void square_get_patch(
    const uint8_t *rgb, int32_t side, int32_t patch, int32_t index, float *elements)
{
    for (int32_t i = 0; i < 3 * patch * patch; i++)
        elements[i] = (float)rgb[place(side, patch, index, i)] / 255;
}

void square_put_patch(
    uint8_t *rgb, int32_t side, int32_t patch, int32_t index, const float *elements)
{
    for (int32_t i = 0; i < 3 * patch * patch; i++) {
        float value = elements[i] * 255 + 0.5f;
        rgb[place(side, patch, index, i)] = (uint8_t)(value >= 255 ? 255 : value > 0 ? value : 0);
    }
}
