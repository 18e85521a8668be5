/* quant_template.h - tiles and the rounding of activations, in one source for all variants.
 *
 * The stamp has defined QUANT (the name of its table), LANES, ROWS (of the largest tile), words and
 * floats (LANES numbers of 32 bits that know C's operators), and
 *     INLINE words all_words(int32_t), floats all_floats(float), floats floats_of(words), floats
 *         fma_floats(a, b, c),
 *            floats load_floats(const float *), void store_floats(float *, floats)
 *     INLINE void columns(const uint8_t *at, int64_t stride, words out[4])   the four words at `at`
 *         of each row
 *     INLINE words each_word/each_half/each_byte(at, stride)                 one number of each row
 *     INLINE words load_words/load_halves/load_bytes(at)                     LANES numbers beside
 *         each other
 *     INLINE floats floats_of_halves(words)                                  of the lower 16 bits
 *     INLINE words levels_of(words codes, const int8_t *levels)              levels[code], byte by
 *         byte
 *     INLINE words dot(int count, int most, const words *w, const int8_t *q, words sum)
 *         sum + the products of 4 * count codes, each at most `most` (0: signed bytes), with q
 *     STRIPS (whether matrices are laid out in strips for it), STRIPS_DIRECT (rows of x up to which
 *         they need no panel),
 *     STRIPS_AT_ONCE (those of them that share a pass: 2 or 4)
 *     SIGNED_OFFSET, SIGNED_FLIP: what turns signed bytes into the codes that dot takes when most
 *         is 0 */
#include "kernel/number_half.h"
#include "kernel/number_levels.h"
#include "kernel/quant_kernels.h"

/* LANES rows of a block of w. The word of lane r, byte i of w[j] is code 4 j + i of row r. */
typedef struct block {
    words w[QUANT_BLOCK / 4];
    floats scale[2]; /* of each half, or [0] alone */
    floats least[2]; /* likewise, of formats with minima */
} block;

_Static_assert(QUANT_SPAN * sizeof(block) <= QUANT_PANEL_BYTES, "a panel fits its scratch");

enum shape { PLAIN, MINIMA, HALVES, HALVES_MINIMA };

/* ---- tiles ---- */

/* sum[r] += the words from..to of a block, under scale h. Where halves have minima, an offset of -1
 * makes `start` the sum of q, which is the minima's. */
INLINE void add_part(const int rows, const enum shape shape, const int most, const int h,
    const int from, const int to, const block *p, const quant_block *x, int64_t x_stride,
    floats *sum)
{
    const int step = most == 0 ? 1 : most < 16 ? 8 : most < 32 ? 4 : 2;
    words whole[ROWS];
    UNROLL
    for (int r = 0; r < rows; r++)
        whole[r] = all_words(shape == HALVES_MINIMA ? 0 : x[r * x_stride].start[h]);
    UNROLL
    for (int j = from; j < to; j += step) {
        UNROLL
        for (int r = 0; r < rows; r++)
            whole[r] = dot(
                step < to - j ? step : to - j, most, p->w + j, x[r * x_stride].q + 4 * j, whole[r]);
    }
    UNROLL
    for (int r = 0; r < rows; r++)
        sum[r] = fma_floats(
            p->scale[h] * all_floats(x[r * x_stride].scale), floats_of(whole[r]), sum[r]);
    if (shape == HALVES_MINIMA) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            const quant_block *own = &x[r * x_stride];
            sum[r] = fma_floats(p->least[h], all_floats(own->scale * (float)own->start[h]), sum[r]);
        }
    }
}

INLINE void add_block(const int rows, const enum shape shape, const int most, const block *p,
    const quant_block *x, int64_t x_stride, floats *sum)
{
    enum { WORDS = QUANT_BLOCK / 4 };
    if (shape >= HALVES) {
        add_part(rows, shape, most, 0, 0, WORDS / 2, p, x, x_stride, sum);
        add_part(rows, shape, most, 1, WORDS / 2, WORDS, p, x, x_stride, sum);
    } else add_part(rows, shape, most, 0, 0, WORDS, p, x, x_stride, sum);
    if (shape == MINIMA) {
        UNROLL
        for (int r = 0; r < rows; r++)
            sum[r] = fma_floats(p->least[0], all_floats(x[r * x_stride].sum), sum[r]);
    }
}

INLINE void tile(const int rows, const enum shape shape, const int most, int blocks, const block *p,
    const quant_block *x, int64_t x_stride, float *sums)
{
    floats sum[ROWS];
    UNROLL
    for (int r = 0; r < rows; r++) sum[r] = load_floats(sums + r * LANES);
    for (int b = 0; b < blocks; b++) add_block(rows, shape, most, p + b, x + b, x_stride, sum);
    UNROLL
    for (int r = 0; r < rows; r++) store_floats(sums + r * LANES, sum[r]);
}

#define TILE(NAME, R, SHAPE, MOST)                                                                 \
    static void NAME##_##R(                                                                        \
        int blocks, const void *p, const quant_block *x, int64_t x_stride, float *sums)            \
    {                                                                                              \
        tile(R, SHAPE, MOST, blocks, p, x, x_stride, sums);                                        \
    }
#if ROWS == 8
    #define TILES(NAME, SHAPE, MOST)                                                               \
        TILE(NAME, 1, SHAPE, MOST)                                                                 \
        TILE(NAME, 2, SHAPE, MOST)                                                                 \
        TILE(NAME, 3, SHAPE, MOST)                                                                 \
        TILE(NAME, 4, SHAPE, MOST)                                                                 \
        TILE(NAME, 5, SHAPE, MOST)                                                                 \
        TILE(NAME, 6, SHAPE, MOST)                                                                 \
        TILE(NAME, 7, SHAPE, MOST)                                                                 \
        TILE(NAME, 8, SHAPE, MOST)                                                                 \
        static quant_tile *const NAME[] = { NAME##_1, NAME##_2, NAME##_3, NAME##_4, NAME##_5,      \
            NAME##_6, NAME##_7, NAME##_8 };
#else
    #define TILES(NAME, SHAPE, MOST)                                                               \
        TILE(NAME, 1, SHAPE, MOST)                                                                 \
        TILE(NAME, 2, SHAPE, MOST)                                                                 \
        TILE(NAME, 3, SHAPE, MOST)                                                                 \
        TILE(NAME, 4, SHAPE, MOST)                                                                 \
        static quant_tile *const NAME[] = { NAME##_1, NAME##_2, NAME##_3, NAME##_4 };
#endif

TILES(tiles_signed, PLAIN, 0)
TILES(tiles_2_bits_halves, HALVES_MINIMA, 3)
TILES(tiles_4_bits, PLAIN, 15)
TILES(tiles_4_bits_minima, MINIMA, 15)
TILES(tiles_5_bits, PLAIN, 31)
TILES(tiles_5_bits_minima, MINIMA, 31)
TILES(tiles_6_bits_halves, HALVES, 63)

/* ---- blocks as they are read: stored as a panel, or multiplied at once ---- */

typedef struct use {
    bool strips; /* w lies in strips (quant_strips.h), not row by row */
    int rows;    /* of x, that blocks are multiplied by; 0: they are stored */
    enum shape shape;
    int most;
} use;

typedef struct sink {
    block *panel;         /* to store */
    const quant_block *x; /* to multiply: rows x_stride blocks apart */
    int64_t x_stride;
    floats sum[ROWS];
} sink;

INLINE void take(const use u, const block *p, sink *to)
{
    if (u.rows) {
        add_block(u.rows, u.shape, u.most, p, to->x++, to->x_stride, to->sum);
        return;
    }
    UNROLL
    for (int j = 0; j < QUANT_BLOCK / 4; j++) to->panel->w[j] = p->w[j];
    to->panel->scale[0] = p->scale[0];
    if (u.shape >= HALVES) to->panel->scale[1] = p->scale[1];
    if (u.shape == MINIMA || u.shape == HALVES_MINIMA) to->panel->least[0] = p->least[0];
    if (u.shape == HALVES_MINIMA) to->panel->least[1] = p->least[1];
    to->panel++;
}

/* Where a block of each lane's row begins: `stride` bytes apart. Or where a block of a strip does,
 * in which what is at byte i of a row's block is at i * LANES for all rows (quant_strips.h). */
typedef struct source {
    const uint8_t *at;
    int64_t stride;
} source;

INLINE void pass(const use u, source *w, int bytes) { w->at += u.strips ? bytes * LANES : bytes; }

/* Where rows are multiplied at once, each lane's follow one another (quant.c), and what is read
 * next is asked for by running on: so far, that it comes in time, and so near, that the first cache
 * keeps it. */
INLINE void ask(const use u, const source *w, int at)
{
    enum { AHEAD = 512 };
    if (!u.rows || u.strips) return;
    UNROLL
    for (int r = 0; r < LANES; r++) __builtin_prefetch(w->at + at + r * w->stride + AHEAD);
}

/* Four words of each row, from byte `at` of the block on. */
INLINE void four_words(const use u, const source *w, int at, words out[4])
{
    if (u.strips) {
        UNROLL
        for (int i = 0; i < 4; i++) out[i] = load_words(w->at + (at + 4 * i) * LANES);
    } else columns(w->at + at, w->stride, out);
}

INLINE void read_four(const use u, const source *w, int at, words out[4])
{
    ask(u, w, at);
    four_words(u, w, at, out);
}

/* Eight, which are half a line: asked for once. */
INLINE void read_eight(const use u, const source *w, int at, words out[8])
{
    ask(u, w, at);
    four_words(u, w, at, out);
    four_words(u, w, at + 16, out + 4);
}

/* One number of each row. */
#define READ(NAME, EACH, LOAD)                                                                     \
    INLINE words NAME(const use u, const source *w, int at)                                        \
    {                                                                                              \
        return u.strips ? LOAD(w->at + at * LANES) : EACH(w->at + at, w->stride);                  \
    }
READ(read_words, each_word, load_words)
READ(read_halves, each_half, load_halves)
READ(read_bytes, each_byte, load_bytes)

#include "kernel/quant_formats.h"

#define DIRECT(NAME, FORMAT, STRIPS, R, SHAPE, MOST)                                               \
    static void NAME##_##R(int blocks, const uint8_t *at, int64_t stride, const quant_block *x,    \
        int64_t x_stride, float *sums)                                                             \
    {                                                                                              \
        sink to = { .x = x, .x_stride = x_stride };                                                \
        UNROLL                                                                                     \
        for (int r = 0; r < R; r++) to.sum[r] = load_floats(sums + r * LANES);                     \
        read_##FORMAT((use){ STRIPS, R, SHAPE, MOST }, blocks, (source){ at, stride }, &to);       \
        UNROLL                                                                                     \
        for (int r = 0; r < R; r++) store_floats(sums + r * LANES, to.sum[r]);                     \
    }
#define UNPACK(NAME, FORMAT, STRIPS, SHAPE, MOST)                                                  \
    static void NAME##_unpack(int blocks, const uint8_t *at, int64_t stride, void *panel)          \
    {                                                                                              \
        sink to = { .panel = panel };                                                              \
        read_##FORMAT((use){ STRIPS, 0, SHAPE, MOST }, blocks, (source){ at, stride }, &to);       \
    }
#define ROW_READER(NAME, SHAPE, MOST)                                                              \
    UNPACK(rows_##NAME, NAME, false, SHAPE, MOST)                                                  \
    DIRECT(rows_##NAME, NAME, false, 1, SHAPE, MOST)                                               \
    DIRECT(rows_##NAME, NAME, false, 2, SHAPE, MOST)                                               \
    static const quant_reader rows_##NAME = { 2, 2, rows_##NAME##_unpack,                          \
        { rows_##NAME##_1, rows_##NAME##_2 } };
#if !STRIPS /* a strip of one row is the row */
    #define STRIP_READER(NAME, SHAPE, MOST)
    #define STRIPS_OF(NAME) &rows_##NAME
#elif STRIPS_AT_ONCE == 2
    #define STRIP_READER(NAME, SHAPE, MOST)                                                        \
        UNPACK(strips_##NAME, NAME, true, SHAPE, MOST)                                             \
        DIRECT(strips_##NAME, NAME, true, 1, SHAPE, MOST)                                          \
        DIRECT(strips_##NAME, NAME, true, 2, SHAPE, MOST)                                          \
        static const quant_reader strips_##NAME = { STRIPS_DIRECT, 2, strips_##NAME##_unpack,      \
            { strips_##NAME##_1, strips_##NAME##_2 } };
#else
    #define STRIP_READER(NAME, SHAPE, MOST)                                                        \
        UNPACK(strips_##NAME, NAME, true, SHAPE, MOST)                                             \
        DIRECT(strips_##NAME, NAME, true, 1, SHAPE, MOST)                                          \
        DIRECT(strips_##NAME, NAME, true, 2, SHAPE, MOST)                                          \
        DIRECT(strips_##NAME, NAME, true, 3, SHAPE, MOST)                                          \
        DIRECT(strips_##NAME, NAME, true, 4, SHAPE, MOST)                                          \
        static const quant_reader strips_##NAME = { STRIPS_DIRECT, 4, strips_##NAME##_unpack,      \
            { strips_##NAME##_1, strips_##NAME##_2, strips_##NAME##_3, strips_##NAME##_4 } };
#endif
#ifndef STRIPS_OF
    #define STRIPS_OF(NAME) &strips_##NAME
#endif
#define FORMAT(NAME, SHAPE, MOST) ROW_READER(NAME, SHAPE, MOST) STRIP_READER(NAME, SHAPE, MOST)

FORMAT(q8_0, PLAIN, 0)
FORMAT(q4_0, PLAIN, 15)
FORMAT(q4_1, MINIMA, 15)
FORMAT(q5_0, PLAIN, 31)
FORMAT(q5_1, MINIMA, 31)
FORMAT(q2_k, HALVES_MINIMA, 3)
FORMAT(q3_k, HALVES, 7)
FORMAT(q4_k, MINIMA, 15)
FORMAT(q5_k, MINIMA, 31)
FORMAT(q6_k, HALVES, 63)
FORMAT(iq4_nl, PLAIN, 0)
FORMAT(iq4_xs, PLAIN, 0)
FORMAT(mxfp4, PLAIN, 24)

/* ---- activations ---- */

/* The bits of the largest magnitude: NaN above infinity above numbers, in any order of looking. */
INLINE uint32_t largest_bits(const float *x)
{
    uint32_t top = 0;
    for (int i = 0; i < QUANT_BLOCK; i++) {
        uint32_t bits = number_bits_of_float(x[i]) & 0x7fffffff;
        top = bits > top ? bits : top;
    }
    return top;
}

static void round_block(const float *x, int offset, bool halves, quant_block *out)
{
    const float nearest = 0x1.8p23f; /* the sum has no bits behind the point: added, it rounds */
    uint32_t top = largest_bits(x);
    float most = number_float_of_bits(top);
    /* A scale that is not a number shows in the output; next to zero is zero */
    if (top >= 0x7f800000 || most < 0x1p-100f) {
        *out = (quant_block){ .scale = top >= 0x7f800000 ? most : 0,
            .sum = top >= 0x7f800000 ? most : 0 };
        return;
    }
    float rate = 127 / most;
    int32_t sum[2] = { 0 };
    for (int h = 0; h < 2; h++)
        for (int i = h * QUANT_BLOCK / 2; i < (h + 1) * QUANT_BLOCK / 2; i++) {
            int32_t q = (int32_t)(number_bits_of_float(x[i] * rate + nearest) -
                                  number_bits_of_float(nearest));
            out->q[i] = (int8_t)q;
            sum[h] += q;
        }
    out->scale = most / 127;
    out->sum = out->scale * (float)(sum[0] + sum[1]);
    out->start[0] = -offset * (halves ? sum[0] : sum[0] + sum[1]);
    out->start[1] = -offset * sum[1];
}

static void round_blocks(int64_t blocks, const real *x, int offset, bool halves, quant_block *out)
{
    for (int64_t b = 0; b < blocks; b++) round_block(x + b * QUANT_BLOCK, offset, halves, out + b);
}

/* ---- the table ---- */

#define KERNEL(NAME, OFFSET, IN_HALVES, TILES_OF)                                                  \
    {                                                                                              \
        &number_##NAME, OFFSET, IN_HALVES, &rows_##NAME, STRIPS_OF(NAME), TILES_OF                 \
    }
static const quant_kernel kernels[] = {
    KERNEL(q8_0, SIGNED_OFFSET, false, tiles_signed),
    KERNEL(q4_0, 8, false, tiles_4_bits),
    KERNEL(q4_1, 0, false, tiles_4_bits_minima),
    KERNEL(q5_0, 16, false, tiles_5_bits),
    KERNEL(q5_1, 0, false, tiles_5_bits_minima),
    KERNEL(q2_k, -1, true, tiles_2_bits_halves),
    KERNEL(q3_k, 4, true, tiles_6_bits_halves),
    KERNEL(q4_k, 0, false, tiles_4_bits_minima),
    KERNEL(q5_k, 0, false, tiles_5_bits_minima),
    KERNEL(q6_k, 32, true, tiles_6_bits_halves),
    KERNEL(iq4_nl, SIGNED_OFFSET, false, tiles_signed),
    KERNEL(iq4_xs, SIGNED_OFFSET, false, tiles_signed),
    KERNEL(mxfp4, 12, false, tiles_5_bits),
};

const quant_kernels QUANT = { LANES, ROWS, round_blocks, kernels,
    sizeof kernels / sizeof *kernels };
