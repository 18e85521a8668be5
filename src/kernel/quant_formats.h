/* quant_formats.h - how the blocks of each format are read: quantised values to bytes, scales and
 * minima to floats, in one source for all variants (quant_template.h). What the bytes of a format
 * mean is said in its number_X.c.
 *
 * Each function reads whole words of all lanes. Every block goes to emit_block(), in the order of
 * k. */

enum { LOW = 0x0f0f0f0f, LOW_2 = 0x03030303, LOW_1 = 0x01010101, LOW_6 = 0x3f3f3f3f };

/* Sixteen bytes of four-bit values: element j in the lower bits and j + 16 in the upper. */
INLINE void nibbles(const read_mode mode, const source *w, int at, words p[8])
{
    words t[4];
    read_four(mode, w, at, t);
    UNROLL
    for (int j = 0; j < 4; j++) {
        p[j] = t[j] & LOW;
        p[j + 4] = t[j] >> 4 & LOW;
    }
}

INLINE floats half_at(const read_mode mode, const source *w, int at)
{
    return mode.interleaved ? load_half_floats(w->at + at * LANES)
                            : floats_of_halves(each_half(w->at + at, w->stride));
}

/* ---- blocks of 32, and of 64 ---- */

INLINE void read_q8_0(const read_mode mode, int blocks, source w, sink *to)
{
    for (int b = 0; b < blocks; b++, advance(mode, &w, 34)) {
        block p;
        read_eight(mode, &w, 2, p.w);
        UNROLL
        for (int j = 0; j < 8; j++) p.w[j] ^= SIGNED_FLIP;
        p.scale[0] = half_at(mode, &w, 0);
        emit_block(mode, &p, to);
    }
}

/* Eight blocks of 18 bytes are nine times four words of a row. Two blocks are nine words, which lie
 * so (s: a scale, q: quantised values, a letter for two bytes):
 *
 *     word     0   1   2   3   4   5   6   7   8
 *             s q q q q q q q q|s q q q q q q q q
 *             first block       second block */
INLINE void read_span_q4_0(const read_mode mode, const source *w, sink *to)
{
    words t[36];
    read_four(mode, w, 0, t);
    UNROLL
    for (int pair = 0; pair < 4; pair++) {
        const words *two = t + 9 * pair;
        block p;
        read_eight(mode, w, 16 + 32 * pair, t + 4 + 8 * pair);
        p.scale[0] = floats_of_halves(two[0]);
        UNROLL
        for (int j = 0; j < 4; j++) {
            words quants = two[j] >> 16 | two[j + 1] << 16;
            p.w[j] = quants & LOW;
            p.w[j + 4] = quants >> 4 & LOW;
        }
        emit_block(mode, &p, to);
        p.scale[0] = floats_of_halves(two[4] >> 16);
        UNROLL
        for (int j = 0; j < 4; j++) {
            p.w[j] = two[j + 5] & LOW;
            p.w[j + 4] = two[j + 5] >> 4 & LOW;
        }
        emit_block(mode, &p, to);
    }
}

INLINE void read_q4_0(const read_mode mode, int blocks, source w, sink *to)
{
    if (blocks == QUANT_SPAN && !mode.interleaved) {
        read_span_q4_0(mode, &w, to);
        return;
    }
    for (int b = 0; b < blocks; b++, advance(mode, &w, 18)) {
        block p;
        nibbles(mode, &w, 2, p.w);
        p.scale[0] = half_at(mode, &w, 0);
        emit_block(mode, &p, to);
    }
}

INLINE void read_q4_1(const read_mode mode, int blocks, source w, sink *to)
{
    for (int b = 0; b < blocks; b++, advance(mode, &w, 20)) {
        block p;
        words head = read_words(mode, &w, 0);
        nibbles(mode, &w, 4, p.w);
        p.scale[0] = floats_of_halves(head);
        p.minimum[0] = floats_of_halves(head >> 16);
        emit_block(mode, &p, to);
    }
}

/* Bits 0..31 of a word become bit 4 of the 32 quantised values. The product spreads four bits over
 * the four bytes of a word. */
INLINE void add_fifth_bits(words bits, words w[8])
{
    UNROLL
    for (int j = 0; j < 8; j++) w[j] |= (((bits >> 4 * j) & 15) * 0x00204081 & LOW_1) << 4;
}

INLINE void read_q5_0(const read_mode mode, int blocks, source w, sink *to)
{
    for (int b = 0; b < blocks; b++, advance(mode, &w, 22)) {
        block p;
        nibbles(mode, &w, 6, p.w);
        add_fifth_bits(read_words(mode, &w, 2), p.w);
        p.scale[0] = half_at(mode, &w, 0);
        emit_block(mode, &p, to);
    }
}

INLINE void read_q5_1(const read_mode mode, int blocks, source w, sink *to)
{
    for (int b = 0; b < blocks; b++, advance(mode, &w, 24)) {
        block p;
        words head = read_words(mode, &w, 0);
        nibbles(mode, &w, 8, p.w);
        add_fifth_bits(read_words(mode, &w, 4), p.w);
        p.scale[0] = floats_of_halves(head);
        p.minimum[0] = floats_of_halves(head >> 16);
        emit_block(mode, &p, to);
    }
}

INLINE void read_iq4_nl(const read_mode mode, int blocks, source w, sink *to)
{
    for (int b = 0; b < blocks; b++, advance(mode, &w, 18)) {
        block p;
        nibbles(mode, &w, 2, p.w);
        UNROLL
        for (int j = 0; j < 8; j++) p.w[j] = levels_of(p.w[j], number_iq4_levels) ^ SIGNED_FLIP;
        p.scale[0] = half_at(mode, &w, 0);
        emit_block(mode, &p, to);
    }
}

/* number_e2m1_levels plus 12, so that they are not negative. */
static const int8_t mxfp4_levels[16] = { 12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4,
    0 };

/* Half of 2^(exponent - 127), as a product of two powers: for the exponents 0 and 1 a float's
 * fields could not hold it. */
INLINE floats half_powers(words exponents)
{
    words one = exponents >> 1, other = exponents - one;
    return floats_of_bits((one + 63) << 23) * floats_of_bits((other + 63) << 23);
}

INLINE void read_mxfp4(const read_mode mode, int blocks, source w, sink *to)
{
    for (int b = 0; b < blocks; b++, advance(mode, &w, 17)) {
        block p;
        nibbles(mode, &w, 1, p.w);
        UNROLL
        for (int j = 0; j < 8; j++) p.w[j] = levels_of(p.w[j], mxfp4_levels);
        p.scale[0] = half_powers(read_bytes(mode, &w, 0));
        emit_block(mode, &p, to);
    }
}

/* Half of a scale of NVFP4: m 2^(e - 11), where m has an eighth more than the three bits of the
 * mantissa, and e is the exponent; with the exponent 0 it has not, and e is 1. */
INLINE floats half_scales(words bits)
{
    const words exponent = bits >> 3 & 15, normal = (exponent + 15) >> 4;
    const words number = ((bits ^ 0x7f) + 255) >> 8; /* 0 where all bits are ones, else 1 */
    return floats_of(((bits & 7) | normal << 3) * number) *
           floats_of_bits((exponent + 1 - normal + 116) << 23);
}

/* Two of its sub-blocks of 16 make a block, and two of these have a word of scales. */
INLINE void read_nvfp4(const read_mode mode, int blocks, source w, sink *to)
{
    for (int b = 0; b < blocks; b += 2, advance(mode, &w, 36)) {
        const words scales = read_words(mode, &w, 0);
        UNROLL
        for (int i = 0; i < 2; i++) {
            block p;
            words t[4];
            read_four(mode, &w, 4 + 16 * i, t);
            UNROLL
            for (int j = 0; j < 8; j++)
                p.w[j] = levels_of(t[j / 4 * 2 + j % 2] >> j % 4 / 2 * 4 & LOW, mxfp4_levels);
            UNROLL
            for (int h = 0; h < 2; h++) p.scale[h] = half_scales(scales >> (16 * i + 8 * h) & 255);
            emit_block(mode, &p, to);
        }
    }
}

/* ---- blocks of 256: each is a span of QUANT_SPAN blocks of QUANT_BLOCK. It is read from its first
 * byte to its last, the order in which machines prefetch ---- */

/* The scales and minima of Q4_K and Q5_K (number_scales.h). The first of the four words of their
 * head is the scale and the minimum of the whole block, the others are the twelve packed bytes. */
typedef struct minima {
    floats scale, minimum;
    words scales[2], minima[2];
} minima;

INLINE minima minima_at(const read_mode mode, const source *w)
{
    words head[4];
    read_four(mode, w, 0, head);
    return (minima){ floats_of_halves(head[0]), floats_of_halves(head[0] >> 16),
        { head[1] & LOW_6, (head[3] & LOW) | (head[1] >> 2 & 0x30303030) },
        { head[2] & LOW_6, (head[3] >> 4 & LOW) | (head[2] >> 2 & 0x30303030) } };
}

INLINE void set_minima(const minima *m, int b, block *p)
{
    p->scale[0] = m->scale * floats_of(m->scales[b / 4] >> b % 4 * 8 & 255);
    p->minimum[0] = -(m->minimum * floats_of(m->minima[b / 4] >> b % 4 * 8 & 255));
}

INLINE void read_q4_k(const read_mode mode, int blocks, source w, sink *to)
{
    const minima m = minima_at(mode, &w);
    (void)blocks;
    UNROLL
    for (int g = 0; g < 4; g++) {
        words t[8];
        block p;
        read_eight(mode, &w, 16 + 32 * g, t);
        set_minima(&m, 2 * g, &p);
        UNROLL
        for (int j = 0; j < 8; j++) p.w[j] = t[j] & LOW;
        emit_block(mode, &p, to);
        set_minima(&m, 2 * g + 1, &p);
        UNROLL
        for (int j = 0; j < 8; j++) p.w[j] = t[j] >> 4 & LOW;
        emit_block(mode, &p, to);
    }
}

INLINE void read_q5_k(const read_mode mode, int blocks, source w, sink *to)
{
    const minima m = minima_at(mode, &w);
    words high[8];
    (void)blocks;
    read_eight(mode, &w, 16, high);
    UNROLL
    for (int g = 0; g < 4; g++) {
        words t[8];
        block p;
        read_eight(mode, &w, 48 + 32 * g, t);
        set_minima(&m, 2 * g, &p);
        UNROLL
        for (int j = 0; j < 8; j++) p.w[j] = (t[j] & LOW) | (high[j] >> 2 * g & LOW_1) << 4;
        emit_block(mode, &p, to);
        set_minima(&m, 2 * g + 1, &p);
        UNROLL
        for (int j = 0; j < 8; j++)
            p.w[j] = (t[j] >> 4 & LOW) | (high[j] >> (2 * g + 1) & LOW_1) << 4;
        emit_block(mode, &p, to);
    }
}

INLINE void read_q6_k(const read_mode mode, int blocks, source w, sink *to)
{
    words low[32], high[16], scales[4];
    (void)blocks;
    UNROLL
    for (int i = 0; i < 4; i++) read_eight(mode, &w, 32 * i, low + 8 * i);
    UNROLL
    for (int i = 0; i < 2; i++) read_eight(mode, &w, 128 + 32 * i, high + 8 * i);
    read_four(mode, &w, 192, scales);
    const floats scale = half_at(mode, &w, 208);
    UNROLL
    for (int b = 0; b < QUANT_SPAN; b++) {
        block p;
        const words *four = low + b / 4 * 16 + b % 2 * 8, *two = high + b / 4 * 8;
        UNROLL
        for (int j = 0; j < 8; j++) {
            words upper = b % 4 < 2 ? two[j] << (4 - b % 4 * 2) : two[j] >> (b % 4 * 2 - 4);
            p.w[j] = (four[j] >> b % 4 / 2 * 4 & LOW) | (upper & 0x30303030);
        }
        UNROLL
        for (int i = 0; i < 2; i++)
            p.scale[i] = scale * floats_of(signed_byte(scales[b / 2], b % 2 * 2 + i));
        emit_block(mode, &p, to);
    }
}

INLINE void read_q2_k(const read_mode mode, int blocks, source w, sink *to)
{
    words scales[4], quants[16];
    (void)blocks;
    read_four(mode, &w, 0, scales);
    UNROLL
    for (int i = 0; i < 2; i++) read_eight(mode, &w, 16 + 32 * i, quants + 8 * i);
    const words tail = read_words(mode, &w, 80);
    const floats scale = floats_of_halves(tail), minimum = floats_of_halves(tail >> 16);
    UNROLL
    for (int b = 0; b < QUANT_SPAN; b++) {
        block p;
        UNROLL
        for (int j = 0; j < 8; j++) p.w[j] = quants[b / 4 * 8 + j] >> b % 4 * 2 & LOW_2;
        UNROLL
        for (int i = 0; i < 2; i++) {
            const int sub_block = 2 * b + i;
            words own = scales[sub_block / 4] >> sub_block % 4 * 8;
            p.scale[i] = scale * floats_of(own & 15);
            p.minimum[i] = -(minimum * floats_of(own >> 4 & 15));
        }
        emit_block(mode, &p, to);
    }
}

INLINE void read_q3_k(const read_mode mode, int blocks, source w, sink *to)
{
    words high[8], low[16], tail[4], scales[3];
    (void)blocks;
    read_eight(mode, &w, 0, high);
    UNROLL
    for (int i = 0; i < 2; i++) read_eight(mode, &w, 32 + 32 * i, low + 8 * i);
    floats scale;
    if (mode.interleaved) {
        read_four(
            mode, &w, 92, tail); /* four bytes of quantised values, then the twelve of scales */
        UNROLL
        for (int i = 0; i < 3; i++) scales[i] = tail[i + 1];
        scale = half_at(mode, &w, 108);
    } else {
        read_four(mode, &w, 94,
            tail); /* two bytes of quantised values, the twelve of scales, the block's scale */
        UNROLL
        for (int i = 0; i < 3; i++) scales[i] = tail[i] >> 16 | tail[i + 1] << 16;
        scale = floats_of_halves(tail[3] >> 16);
    }
    UNROLL
    for (int b = 0; b < QUANT_SPAN; b++) {
        block p;
        UNROLL
        for (int j = 0; j < 8; j++)
            p.w[j] = (low[b / 4 * 8 + j] >> b % 4 * 2 & LOW_2) | (high[j] >> b & LOW_1) << 2;
        UNROLL
        for (int i = 0; i < 2; i++) {
            const int sub_block = 2 * b + i;
            words four = scales[sub_block / 4 % 2] >> (sub_block % 4 * 8 + sub_block / 8 * 4) & 15;
            words two = scales[2] >> (sub_block % 4 * 8 + sub_block / 4 * 2) & 3;
            p.scale[i] = scale * floats_of((four | two << 4) - 32);
        }
        emit_block(mode, &p, to);
    }
}

INLINE void read_iq4_xs(const read_mode mode, int blocks, source w, sink *to)
{
    words head[4];
    (void)blocks;
    read_four(mode, &w, 0, head);
    const floats scale = floats_of_halves(head[0]);
    UNROLL
    for (int b = 0; b < QUANT_SPAN; b++) {
        block p;
        words own = (head[1] >> 4 * b & 15) | (head[0] >> (16 + 2 * b) & 3) << 4;
        nibbles(mode, &w, 8 + 16 * b, p.w);
        UNROLL
        for (int j = 0; j < 8; j++) p.w[j] = levels_of(p.w[j], number_iq4_levels) ^ SIGNED_FLIP;
        p.scale[0] = scale * floats_of(own - 32);
        emit_block(mode, &p, to);
    }
}
