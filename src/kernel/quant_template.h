/* quant_template.h - tiles and the quantisation of activations, in one source for all variants.
 *
 * The file that includes this instantiates it. It has defined QUANT (the name of its table), LANES,
 * ROWS (of the largest tile), the types words and floats (LANES elements of 32 bits, with C's
 * operators), and
 *     INLINE words all_words(int32_t), floats all_floats(float)     broadcast
 *     INLINE floats floats_of(words), floats_of_bits(words), fma_floats(a, b, c)
 *     INLINE floats load_floats(const float *), void store_floats(float *, floats)
 *     INLINE floats floats_of_halves(words)       float16 in the lower 16 bits
 *     INLINE void transpose_words(const uint8_t *at, int64_t stride, words out[4])
 *         the four words at `at` of each row, a row in each lane
 *     INLINE words each_word / each_half / each_byte(at, stride)    one element of each row
 *     INLINE words load_words / load_halves / load_bytes(at)        LANES elements side by side
 *     INLINE floats load_half_floats(at)          LANES float16 side by side
 *     INLINE words levels_of(words quants, const int8_t *levels)    levels[quant], byte by byte
 *     INLINE words look_up(const uint16_t *table, words index)      table[index]
 *     INLINE words negate_bytes(words bytes, words signs, int at)
 *         the four bytes, negative where bits at, at + 1, ... of `signs` are set; `at` is a
 *         multiple of 4
 *     INLINE words dot(int count, int max_quant, const words *w, const int8_t *q, words sum)
 *         sum + the products of 4 * count quantised values, each at most max_quant (0: signed
 *         bytes), with q
 *     INTERLEAVED (1: matrices may be interleaved for this variant), INTERLEAVED_DIRECT (rows of x
 *         up to which these need no panel), INTERLEAVED_AT_ONCE (rows that share a pass: 2, 4 or 8)
 *     SIGNED_OFFSET, SIGNED_FLIP: what makes signed bytes the values that dot takes where max_quant
 *         is 0
 *
 * So that one source serves all formats, how a block is computed is a constant `shape`, from which
 * the compiler makes a function without branches. */
#include "kernel/number_grid.h"
#include "kernel/number_half.h"
#include "kernel/number_levels.h"
#include "kernel/quant_kernels.h"

/* One block of LANES rows of w. In lane r, byte i of w[j] is the quantised value 4 j + i of row r:
 *
 *             lane 0                 lane 1               ...
 *     w[0]    row 0: q0 q1 q2 q3     row 1: q0 q1 q2 q3
 *     w[1]    row 0: q4 q5 q6 q7     row 1: q4 q5 q6 q7
 *     ...
 *
 * so that one instruction multiplies four values of every row with the same four of x. */
typedef struct block {
    words w[QUANT_BLOCK / 4];
    floats scale[2];   /* of each half, or [0] alone */
    floats minimum[2]; /* likewise, of formats that have minima */
} block;

_Static_assert(QUANT_SPAN * sizeof(block) <= QUANT_PANEL_BYTES, "a panel fits its scratch");

enum shape { PLAIN, MINIMA, HALVES, HALVES_MINIMA };

/* ---- tiles ---- */

/* sum[r] += the words from..to of a block, under scale h. In HALVES_MINIMA the format's offset is
 * -1, which makes `start` the sum of q, the factor of the minima. */
INLINE void add_words(const int rows, const enum shape shape, const int max_quant, const int h,
    const int from, const int to, const block *p, const quant_block *x, int64_t x_stride,
    floats *sum)
{
    const int step = max_quant == 0 ? 1 : max_quant < 16 ? 8 : max_quant < 32 ? 4 : 2;
    words isum[ROWS];
    UNROLL
    for (int r = 0; r < rows; r++)
        isum[r] = all_words(shape == HALVES_MINIMA ? 0 : x[r * x_stride].start[h]);
    UNROLL
    for (int j = from; j < to; j += step) {
        UNROLL
        for (int r = 0; r < rows; r++)
            isum[r] = dot(step < to - j ? step : to - j, max_quant, p->w + j,
                x[r * x_stride].q + 4 * j, isum[r]);
    }
    UNROLL
    for (int r = 0; r < rows; r++)
        sum[r] =
            fma_floats(p->scale[h] * all_floats(x[r * x_stride].scale), floats_of(isum[r]), sum[r]);
    if (shape == HALVES_MINIMA) {
        UNROLL
        for (int r = 0; r < rows; r++) {
            const quant_block *own = &x[r * x_stride];
            sum[r] =
                fma_floats(p->minimum[h], all_floats(own->scale * (float)own->start[h]), sum[r]);
        }
    }
}

INLINE void add_block(const int rows, const enum shape shape, const int max_quant, const block *p,
    const quant_block *x, int64_t x_stride, floats *sum)
{
    enum { WORDS = QUANT_BLOCK / 4 };
    if (shape >= HALVES) {
        add_words(rows, shape, max_quant, 0, 0, WORDS / 2, p, x, x_stride, sum);
        add_words(rows, shape, max_quant, 1, WORDS / 2, WORDS, p, x, x_stride, sum);
    } else add_words(rows, shape, max_quant, 0, 0, WORDS, p, x, x_stride, sum);
    if (shape == MINIMA) {
        UNROLL
        for (int r = 0; r < rows; r++)
            sum[r] = fma_floats(p->minimum[0], all_floats(x[r * x_stride].sum), sum[r]);
    }
}

INLINE void tile(const int rows, const enum shape shape, const int max_quant, int blocks,
    const block *p, const quant_block *x, int64_t x_stride, float *sums)
{
    floats sum[ROWS];
    UNROLL
    for (int r = 0; r < rows; r++) sum[r] = load_floats(sums + r * LANES);
    for (int b = 0; b < blocks; b++) add_block(rows, shape, max_quant, p + b, x + b, x_stride, sum);
    UNROLL
    for (int r = 0; r < rows; r++) store_floats(sums + r * LANES, sum[r]);
}

#define TILE(NAME, R, SHAPE, MAX_QUANT)                                                            \
    static void NAME##_##R(                                                                        \
        int blocks, const void *p, const quant_block *x, int64_t x_stride, float *sums)            \
    {                                                                                              \
        tile(R, SHAPE, MAX_QUANT, blocks, p, x, x_stride, sums);                                   \
    }
#if ROWS == 8
    #define TILES(NAME, SHAPE, MAX_QUANT)                                                          \
        TILE(NAME, 1, SHAPE, MAX_QUANT)                                                            \
        TILE(NAME, 2, SHAPE, MAX_QUANT)                                                            \
        TILE(NAME, 3, SHAPE, MAX_QUANT)                                                            \
        TILE(NAME, 4, SHAPE, MAX_QUANT)                                                            \
        TILE(NAME, 5, SHAPE, MAX_QUANT)                                                            \
        TILE(NAME, 6, SHAPE, MAX_QUANT)                                                            \
        TILE(NAME, 7, SHAPE, MAX_QUANT)                                                            \
        TILE(NAME, 8, SHAPE, MAX_QUANT)                                                            \
        static quant_tile *const NAME[] = { NAME##_1, NAME##_2, NAME##_3, NAME##_4, NAME##_5,      \
            NAME##_6, NAME##_7, NAME##_8 };
#else
    #define TILES(NAME, SHAPE, MAX_QUANT)                                                          \
        TILE(NAME, 1, SHAPE, MAX_QUANT)                                                            \
        TILE(NAME, 2, SHAPE, MAX_QUANT)                                                            \
        TILE(NAME, 3, SHAPE, MAX_QUANT)                                                            \
        TILE(NAME, 4, SHAPE, MAX_QUANT)                                                            \
        static quant_tile *const NAME[] = { NAME##_1, NAME##_2, NAME##_3, NAME##_4 };
#endif

TILES(tiles_signed, PLAIN, 0)
TILES(tiles_signed_halves, HALVES, 0)
TILES(tiles_2_bits_halves, HALVES_MINIMA, 3)
TILES(tiles_4_bits, PLAIN, 15)
TILES(tiles_4_bits_minima, MINIMA, 15)
TILES(tiles_5_bits, PLAIN, 31)
TILES(tiles_5_bits_minima, MINIMA, 31)
TILES(tiles_6_bits_halves, HALVES, 63)

/* ---- blocks as they are read: stored in a panel, or multiplied at once ---- */

/* What is done with the blocks that are read. Its values are constants. */
typedef struct read_mode {
    bool interleaved; /* w is interleaved (quant_interleaved.h), not row by row */
    int rows;         /* of x that blocks are multiplied with; 0: they are stored */
    enum shape shape;
    int max_quant;
} read_mode;

typedef struct sink {
    block *panel;         /* to store */
    const quant_block *x; /* to multiply: rows x_stride blocks apart */
    int64_t x_stride;
    floats sum[ROWS];
} sink;

INLINE void emit_block(const read_mode mode, const block *p, sink *to)
{
    if (mode.rows) {
        add_block(mode.rows, mode.shape, mode.max_quant, p, to->x++, to->x_stride, to->sum);
        return;
    }
    UNROLL
    for (int j = 0; j < QUANT_BLOCK / 4; j++) to->panel->w[j] = p->w[j];
    to->panel->scale[0] = p->scale[0];
    if (mode.shape >= HALVES) to->panel->scale[1] = p->scale[1];
    if (mode.shape == MINIMA || mode.shape == HALVES_MINIMA) to->panel->minimum[0] = p->minimum[0];
    if (mode.shape == HALVES_MINIMA) to->panel->minimum[1] = p->minimum[1];
    to->panel++;
}

/* Where a block of the first row begins; the rows are `stride` bytes apart. Where w is interleaved,
 * it is where a block of all LANES rows begins, and byte i of each row's block is at i * LANES. */
typedef struct source {
    const uint8_t *at;
    int64_t stride;
} source;

INLINE void advance(const read_mode mode, source *w, int bytes)
{
    w->at += mode.interleaved ? bytes * LANES : bytes;
}

/* Where rows are multiplied at once, what is read next is prefetched: on its own, a core has too
 * few requests under way for the speed of memory. The rows of a lane follow one another in memory
 * (quant.c), and so do interleaved groups. The distances are long enough for memory to answer in
 * time, and short enough for the L1 cache to keep what 16 rows or four groups bring. */
enum { ROWS_AHEAD = 512, INTERLEAVED_AHEAD = 4096, CACHE_LINE = 64 };

/* `count` words of each row, from byte `at` of the block on */
INLINE void prefetch_words(const read_mode mode, const source *w, int at, int count)
{
    if (!mode.rows) return;
    if (mode.interleaved) {
        const uint8_t *next = w->at + at * LANES + INTERLEAVED_AHEAD;
        UNROLL
        for (int i = 0; i < 4 * count * LANES; i += CACHE_LINE) __builtin_prefetch(next + i);
        return;
    }
    UNROLL
    for (int r = 0; r < LANES; r++) __builtin_prefetch(w->at + at + r * w->stride + ROWS_AHEAD);
}

/* Reads four words of each row, from byte `at` of the block on. */
INLINE void four_words(const read_mode mode, const source *w, int at, words out[4])
{
    if (mode.interleaved) {
        UNROLL
        for (int i = 0; i < 4; i++) out[i] = load_words(w->at + (at + 4 * i) * LANES);
    } else transpose_words(w->at + at, w->stride, out);
}

INLINE void read_four(const read_mode mode, const source *w, int at, words out[4])
{
    prefetch_words(mode, w, at, 4);
    four_words(mode, w, at, out);
}

/* Reads eight words, of a row half a cache line, which one prefetch brings. */
INLINE void read_eight(const read_mode mode, const source *w, int at, words out[8])
{
    prefetch_words(mode, w, at, 8);
    four_words(mode, w, at, out);
    four_words(mode, w, at + 16, out + 4);
}

/* One element of each row. */
#define READ(NAME, EACH, LOAD)                                                                     \
    INLINE words NAME(const read_mode mode, const source *w, int at)                               \
    {                                                                                              \
        return mode.interleaved ? LOAD(w->at + at * LANES) : EACH(w->at + at, w->stride);          \
    }
READ(read_words, each_word, load_words)
READ(read_halves, each_half, load_halves)
READ(read_bytes, each_byte, load_bytes)

#include "kernel/quant_formats.h"
#include "kernel/quant_formats_grid.h"

#define DIRECT(NAME, FORMAT, INTERLEAVED, R, SHAPE, MAX_QUANT)                                     \
    static void NAME##_##R(int blocks, const uint8_t *at, int64_t stride, const quant_block *x,    \
        int64_t x_stride, float *sums)                                                             \
    {                                                                                              \
        sink to = { .x = x, .x_stride = x_stride };                                                \
        UNROLL                                                                                     \
        for (int r = 0; r < R; r++) to.sum[r] = load_floats(sums + r * LANES);                     \
        read_##FORMAT(                                                                             \
            (read_mode){ INTERLEAVED, R, SHAPE, MAX_QUANT }, blocks, (source){ at, stride }, &to); \
        UNROLL                                                                                     \
        for (int r = 0; r < R; r++) store_floats(sums + r * LANES, to.sum[r]);                     \
    }
#define UNPACK(NAME, FORMAT, INTERLEAVED, SHAPE, MAX_QUANT)                                        \
    static void NAME##_unpack(int blocks, const uint8_t *at, int64_t stride, void *panel)          \
    {                                                                                              \
        sink to = { .panel = panel };                                                              \
        read_##FORMAT(                                                                             \
            (read_mode){ INTERLEAVED, 0, SHAPE, MAX_QUANT }, blocks, (source){ at, stride }, &to); \
    }
#define ROW_READER(NAME, SHAPE, MAX_QUANT)                                                         \
    UNPACK(rows_##NAME, NAME, false, SHAPE, MAX_QUANT)                                             \
    DIRECT(rows_##NAME, NAME, false, 1, SHAPE, MAX_QUANT)                                          \
    DIRECT(rows_##NAME, NAME, false, 2, SHAPE, MAX_QUANT)                                          \
    static const quant_reader rows_##NAME = { 2, 2, rows_##NAME##_unpack,                          \
        { rows_##NAME##_1, rows_##NAME##_2 } };
#define INTERLEAVED_TO_4(NAME, SHAPE, MAX_QUANT)                                                   \
    DIRECT(interleaved_##NAME, NAME, true, 1, SHAPE, MAX_QUANT)                                    \
    DIRECT(interleaved_##NAME, NAME, true, 2, SHAPE, MAX_QUANT)                                    \
    DIRECT(interleaved_##NAME, NAME, true, 3, SHAPE, MAX_QUANT)                                    \
    DIRECT(interleaved_##NAME, NAME, true, 4, SHAPE, MAX_QUANT)
#if !INTERLEAVED /* with one lane, an interleaved matrix is what it was */
    #define INTERLEAVED_READER(NAME, SHAPE, MAX_QUANT)
    #define INTERLEAVED_OF(NAME) &rows_##NAME
#elif INTERLEAVED_AT_ONCE == 2
    #define INTERLEAVED_READER(NAME, SHAPE, MAX_QUANT)                                             \
        UNPACK(interleaved_##NAME, NAME, true, SHAPE, MAX_QUANT)                                   \
        DIRECT(interleaved_##NAME, NAME, true, 1, SHAPE, MAX_QUANT)                                \
        DIRECT(interleaved_##NAME, NAME, true, 2, SHAPE, MAX_QUANT)                                \
        static const quant_reader interleaved_##NAME = { INTERLEAVED_DIRECT, 2,                    \
            interleaved_##NAME##_unpack, { interleaved_##NAME##_1, interleaved_##NAME##_2 } };
#elif INTERLEAVED_AT_ONCE == 8
    #define INTERLEAVED_READER(NAME, SHAPE, MAX_QUANT)                                             \
        UNPACK(interleaved_##NAME, NAME, true, SHAPE, MAX_QUANT)                                   \
        INTERLEAVED_TO_4(NAME, SHAPE, MAX_QUANT)                                                   \
        DIRECT(interleaved_##NAME, NAME, true, 5, SHAPE, MAX_QUANT)                                \
        DIRECT(interleaved_##NAME, NAME, true, 6, SHAPE, MAX_QUANT)                                \
        DIRECT(interleaved_##NAME, NAME, true, 7, SHAPE, MAX_QUANT)                                \
        DIRECT(interleaved_##NAME, NAME, true, 8, SHAPE, MAX_QUANT)                                \
        static const quant_reader interleaved_##NAME = { INTERLEAVED_DIRECT, 8,                    \
            interleaved_##NAME##_unpack,                                                           \
            { interleaved_##NAME##_1, interleaved_##NAME##_2, interleaved_##NAME##_3,              \
                interleaved_##NAME##_4, interleaved_##NAME##_5, interleaved_##NAME##_6,            \
                interleaved_##NAME##_7, interleaved_##NAME##_8 } };
#else
    #define INTERLEAVED_READER(NAME, SHAPE, MAX_QUANT)                                             \
        UNPACK(interleaved_##NAME, NAME, true, SHAPE, MAX_QUANT)                                   \
        INTERLEAVED_TO_4(NAME, SHAPE, MAX_QUANT)                                                   \
        static const quant_reader interleaved_##NAME = { INTERLEAVED_DIRECT, 4,                    \
            interleaved_##NAME##_unpack,                                                           \
            { interleaved_##NAME##_1, interleaved_##NAME##_2, interleaved_##NAME##_3,              \
                interleaved_##NAME##_4 } };
#endif
#ifndef INTERLEAVED_OF
    #define INTERLEAVED_OF(NAME) &interleaved_##NAME
#endif
#define FORMAT(NAME, SHAPE, MAX_QUANT)                                                             \
    ROW_READER(NAME, SHAPE, MAX_QUANT) INTERLEAVED_READER(NAME, SHAPE, MAX_QUANT)

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
FORMAT(nvfp4, HALVES, 24)
/* Look-ups take longer than transposing, which interleaving would save. */
ROW_READER(iq2_xxs, PLAIN, 0)
ROW_READER(iq2_xs, HALVES, 0)
ROW_READER(iq2_s, HALVES, 0)
ROW_READER(iq3_xxs, PLAIN, 0)
ROW_READER(iq3_s, PLAIN, 0)
ROW_READER(iq1_s, PLAIN, 18)
ROW_READER(iq1_m, HALVES, 18)
ROW_READER(tq1_0, PLAIN, 3)
ROW_READER(tq2_0, PLAIN, 3)

/* ---- activations ---- */

/* The bits of the largest magnitude. NaN is above infinity, which is above all numbers, so that the
 * order of the elements does not matter. */
INLINE uint32_t largest_bits(const float *x)
{
    uint32_t top = 0;
    for (int i = 0; i < QUANT_BLOCK; i++) {
        uint32_t bits = number_bits_of_float(x[i]) & 0x7fffffff;
        top = bits > top ? bits : top;
    }
    return top;
}

static void quantise_block(const float *x, int offset, bool halves, quant_block *out)
{
    const float nearest = 0x1.8p23f; /* floats of this size are integers: adding it rounds */
    uint32_t top = largest_bits(x);
    float largest = number_float_of_bits(top);
    /* NaN and infinity become the scale, which shows in the output; tiny blocks become zeros */
    if (top >= 0x7f800000 || largest < 0x1p-100f) {
        *out = (quant_block){ .scale = top >= 0x7f800000 ? largest : 0,
            .sum = top >= 0x7f800000 ? largest : 0 };
        return;
    }
    float rate = 127 / largest;
    int32_t sum[2] = { 0 };
    for (int h = 0; h < 2; h++)
        for (int i = h * QUANT_BLOCK / 2; i < (h + 1) * QUANT_BLOCK / 2; i++) {
            int32_t q = (int32_t)(number_bits_of_float(x[i] * rate + nearest) -
                                  number_bits_of_float(nearest));
            out->q[i] = (int8_t)q;
            sum[h] += q;
        }
    out->scale = largest / 127;
    out->sum = out->scale * (float)(sum[0] + sum[1]);
    out->start[0] = -offset * (halves ? sum[0] : sum[0] + sum[1]);
    out->start[1] = -offset * sum[1];
}

static void quantise_blocks(
    int64_t blocks, const real *x, int offset, bool halves, quant_block *out)
{
    for (int64_t b = 0; b < blocks; b++)
        quantise_block(x + b * QUANT_BLOCK, offset, halves, out + b);
}

/* ---- the table ---- */

#define KERNEL(NAME, OFFSET, IN_HALVES, TILES_OF)                                                  \
    {                                                                                              \
        &number_##NAME, OFFSET, IN_HALVES, &rows_##NAME, INTERLEAVED_OF(NAME), TILES_OF            \
    }
#define KERNEL_OF_ROWS(NAME, OFFSET, IN_HALVES, TILES_OF)                                          \
    {                                                                                              \
        &number_##NAME, OFFSET, IN_HALVES, &rows_##NAME, NULL, TILES_OF                            \
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
    KERNEL(nvfp4, 12, true, tiles_6_bits_halves),
    KERNEL_OF_ROWS(iq2_xxs, SIGNED_OFFSET, false, tiles_signed),
    KERNEL_OF_ROWS(iq2_xs, SIGNED_OFFSET, true, tiles_signed_halves),
    KERNEL_OF_ROWS(iq2_s, SIGNED_OFFSET, true, tiles_signed_halves),
    KERNEL_OF_ROWS(iq3_xxs, SIGNED_OFFSET, false, tiles_signed),
    KERNEL_OF_ROWS(iq3_s, SIGNED_OFFSET, false, tiles_signed),
    KERNEL_OF_ROWS(iq1_s, 9, false, tiles_5_bits),
    KERNEL_OF_ROWS(iq1_m, 9, true, tiles_6_bits_halves),
    KERNEL_OF_ROWS(tq1_0, 1, false, tiles_4_bits),
    KERNEL_OF_ROWS(tq2_0, 1, false, tiles_4_bits),
};

const quant_kernels QUANT = { LANES, ROWS, quantise_blocks, kernels,
    sizeof kernels / sizeof *kernels };
