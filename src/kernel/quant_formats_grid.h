/* quant_formats_grid.h - how the blocks of the formats are read that quantise several neighbouring
 * values together, as a point of a grid (number_grid.h), and those of ternary values. As in
 * quant_formats.h, what the bytes of a format mean is said in its number_X.c.
 *
 * A lane holds the index of its row's point; look_up() brings the points, whose magnitudes lie in
 * two or three bits each. They are spread to bytes, bytes become levels, and levels get their
 * signs:
 *
 *     index 0x0a -> point ...00 10 01 -> bytes 00 02 01 -> levels 8 43 25 -> signs 8 -43 25 */

/* Two bits each of the lower eight, and three of the lower twelve, to a byte each. */
INLINE words spread_two_bits(words x)
{
    x = (x | x << 12) & 0x000f000f;
    return (x | x << 6) & LOW_2;
}

INLINE words spread_three_bits(words x)
{
    x = (x | x << 10) & 0x003f003f;
    return (x | x << 5) & 0x07070707;
}

static const int8_t iq2_levels[16] = { 8, 25, 43 };
static const int8_t iq3_xxs_levels[16] = { 4, 12, 20, 28, 36, 44, 52, 62 };
static const int8_t iq3_s_levels[16] = { 1, 3, 5, 7, 9, 11, 13, 15 };

/* Eight values, in two words; their signs are bits at, at + 1, ... of `signs`. */
INLINE void put_iq2_point(const uint16_t *grid, words index, words signs, int at, words out[2])
{
    const words point = look_up(grid, index);
    const words first = levels_of(spread_two_bits(point & 255), iq2_levels),
                second = levels_of(spread_two_bits(point >> 8), iq2_levels);
    out[0] = negate_bytes(first, signs, at) ^ SIGNED_FLIP;
    out[1] = negate_bytes(second, signs, at + 4) ^ SIGNED_FLIP;
}

/* Four values, in one word. */
INLINE words iq3_point(const uint16_t *grid, words index, const int8_t *levels, words signs, int at)
{
    const words magnitudes = levels_of(spread_three_bits(look_up(grid, index)), levels);
    return negate_bytes(magnitudes, signs, at) ^ SIGNED_FLIP;
}

/* The signs of 32 values, of which the lower 28 bits hold seven of eight: the number of minus signs
 * in each eight is even. */
INLINE words even_signs(words stored)
{
    const words sevens = (stored & 0x7f) | (stored << 1 & 0x7f00) | (stored << 2 & 0x7f0000) |
                         (stored << 3 & 0x7f000000);
    words odd = sevens ^ (sevens >> 4 & LOW);
    odd ^= odd >> 2;
    odd ^= odd >> 1;
    return sevens | (odd & LOW_1) << 7;
}

/* The scale of a sub-block: that of the block times (four bits + 1/2) / 4, or twice that. */
INLINE floats half_steps(floats scale, words four_bits)
{
    return scale * floats_of((four_bits & 15) * 2 + 1);
}

INLINE void read_iq2_xxs(const read_mode mode, int blocks, source w, sink *to)
{
    const floats scale = half_at(mode, &w, 0) * all_floats(0.125f);
    (void)blocks;
    UNROLL
    for (int two = 0; two < QUANT_SPAN / 2; two++) {
        words t[4];
        read_four(mode, &w, 2 + 16 * two, t);
        UNROLL
        for (int i = 0; i < 4; i += 2) {
            const words signs = even_signs(t[i + 1]);
            block p;
            UNROLL
            for (int g = 0; g < 4; g++)
                put_iq2_point(number_grid_iq2_xxs, t[i] >> 8 * g & 255, signs, 8 * g, p.w + 2 * g);
            p.scale[0] = half_steps(scale, t[i + 1] >> 28);
            emit_block(mode, &p, to);
        }
    }
}

/* The scales of both halves of block b, whose four bits are bits 8 b and 8 b + 4 of `scales`. */
INLINE void set_half_steps(floats scale, words scales, int b, block *p)
{
    p->scale[0] = half_steps(scale, scales >> 8 * b);
    p->scale[1] = half_steps(scale, scales >> (8 * b + 4));
}

INLINE void read_iq2_xs(const read_mode mode, int blocks, source w, sink *to)
{
    const floats scale = half_at(mode, &w, 0) * all_floats(0.125f);
    const words scales[2] = { read_words(mode, &w, 66), read_words(mode, &w, 70) };
    (void)blocks;
    UNROLL
    for (int two = 0; two < QUANT_SPAN / 2; two++) {
        words t[4];
        read_four(mode, &w, 2 + 16 * two, t);
        UNROLL
        for (int i = 0; i < 2; i++) {
            const words *own = t + 2 * i;
            const words signs = even_signs((own[0] >> 9 & 0x7f) | (own[0] >> 25 << 7) |
                                           (own[1] >> 9 & 0x7f) << 14 | (own[1] >> 25) << 21);
            block p;
            UNROLL
            for (int g = 0; g < 4; g++)
                put_iq2_point(
                    number_grid_iq2_xs, own[g / 2] >> g % 2 * 16 & 511, signs, 8 * g, p.w + 2 * g);
            set_half_steps(scale, scales[two / 2], two % 2 * 2 + i, &p);
            emit_block(mode, &p, to);
        }
    }
}

INLINE void read_iq2_s(const read_mode mode, int blocks, source w, sink *to)
{
    const floats scale = half_at(mode, &w, 0) * all_floats(0.125f);
    words low[8], signs[8], tail[4]; /* two words of upper bits, two of scales */
    (void)blocks;
    read_eight(mode, &w, 2, low);
    read_eight(mode, &w, 34, signs);
    read_four(mode, &w, 66, tail);
    UNROLL
    for (int b = 0; b < QUANT_SPAN; b++) {
        const words high = tail[b / 4] >> b % 4 * 8;
        block p;
        UNROLL
        for (int g = 0; g < 4; g++)
            put_iq2_point(number_grid_iq2_s, (low[b] >> 8 * g & 255) | (high >> 2 * g & 3) << 8,
                signs[b], 8 * g, p.w + 2 * g);
        set_half_steps(scale, tail[2 + b / 4], b % 4, &p);
        emit_block(mode, &p, to);
    }
}

INLINE void read_iq3_xxs(const read_mode mode, int blocks, source w, sink *to)
{
    const floats scale = half_at(mode, &w, 0) * all_floats(0.25f);
    words index[16], own[8];
    (void)blocks;
    UNROLL
    for (int i = 0; i < 2; i++) read_eight(mode, &w, 2 + 32 * i, index + 8 * i);
    read_eight(mode, &w, 66, own);
    UNROLL
    for (int b = 0; b < QUANT_SPAN; b++) {
        const words signs = even_signs(own[b]);
        block p;
        UNROLL
        for (int g = 0; g < 8; g++)
            p.w[g] = iq3_point(number_grid_iq3_xxs, index[2 * b + g / 4] >> g % 4 * 8 & 255,
                iq3_xxs_levels, signs, 4 * g);
        p.scale[0] = half_steps(scale, own[b] >> 28);
        emit_block(mode, &p, to);
    }
}

INLINE void read_iq3_s(const read_mode mode, int blocks, source w, sink *to)
{
    const floats scale = half_at(mode, &w, 0);
    words low[16], high[2], signs[8];
    (void)blocks;
    UNROLL
    for (int i = 0; i < 2; i++) read_eight(mode, &w, 2 + 32 * i, low + 8 * i);
    UNROLL
    for (int i = 0; i < 2; i++) high[i] = read_words(mode, &w, 66 + 4 * i);
    read_eight(mode, &w, 74, signs);
    const words scales = read_words(mode, &w, 106);
    UNROLL
    for (int b = 0; b < QUANT_SPAN; b++) {
        const words ninth = high[b / 4] >> b % 4 * 8;
        block p;
        UNROLL
        for (int g = 0; g < 8; g++)
            p.w[g] = iq3_point(number_grid_iq3_s,
                (low[2 * b + g / 4] >> g % 4 * 8 & 255) | (ninth >> g & 1) << 8, iq3_s_levels,
                signs[b], 4 * g);
        p.scale[0] = half_steps(scale, scales >> 4 * b);
        emit_block(mode, &p, to);
    }
}

/* ---- ternary values ---- */

/* Eight values of a point, -1, 0 or 1 and 1/8 more or less: in eighths, and 9 more than that.
 * `more` has 2 in each byte where it is 1/8 more, else 0. */
INLINE void put_iq1_point(words index, words more, words out[2])
{
    const words point = look_up(number_grid_iq1, index);
    out[0] = (spread_two_bits(point & 255) << 3) + more;
    out[1] = (spread_two_bits(point >> 8) << 3) + more;
}

INLINE void read_iq1_s(const read_mode mode, int blocks, source w, sink *to)
{
    const floats scale = half_at(mode, &w, 0) * all_floats(0.125f);
    words low[8], high[4];
    (void)blocks;
    read_eight(mode, &w, 2, low);
    read_four(mode, &w, 34, high);
    UNROLL
    for (int b = 0; b < QUANT_SPAN; b++) {
        const words own = high[b / 2] >> b % 2 * 16;
        const words more = (~own >> 15 & 1) * 0x02020202;
        block p;
        UNROLL
        for (int g = 0; g < 4; g++)
            put_iq1_point((low[b] >> 8 * g & 255) | (own >> 3 * g & 7) << 8, more, p.w + 2 * g);
        p.scale[0] = scale * floats_of((own >> 12 & 7) * 2 + 1);
        emit_block(mode, &p, to);
    }
}

INLINE void read_iq1_m(const read_mode mode, int blocks, source w, sink *to)
{
    words low[8], high[4], scales[2];
    (void)blocks;
    read_eight(mode, &w, 0, low);
    read_four(mode, &w, 32, high);
    UNROLL
    for (int i = 0; i < 2; i++) scales[i] = read_words(mode, &w, 48 + 4 * i);
    const words half = (scales[0] >> 12 & 0xf) | (scales[0] >> 24 & 0xf0) |
                       (scales[1] >> 4 & 0xf00) | (scales[1] >> 16 & 0xf000);
    const floats scale = floats_of_halves(half) * all_floats(0.125f);
    UNROLL
    for (int b = 0; b < QUANT_SPAN; b++) {
        const words own = high[b / 2] >> b % 2 * 16,
                    steps = scales[b / 4] >> (b % 4 / 2 * 16 + b % 2 * 6);
        block p;
        UNROLL
        for (int g = 0; g < 4; g++)
            put_iq1_point((low[b] >> 8 * g & 255) | (own >> 4 * g & 7) << 8,
                (~own >> (4 * g + 3) & 1) * 0x02020202, p.w + 2 * g);
        p.scale[0] = scale * floats_of((steps & 7) * 2 + 1);
        p.scale[1] = scale * floats_of((steps >> 3 & 7) * 2 + 1);
        emit_block(mode, &p, to);
    }
}

INLINE void read_tq2_0(const read_mode mode, int blocks, source w, sink *to)
{
    words t[16];
    (void)blocks;
    UNROLL
    for (int i = 0; i < 2; i++) read_eight(mode, &w, 32 * i, t + 8 * i);
    const floats scale = half_at(mode, &w, 64);
    UNROLL
    for (int b = 0; b < QUANT_SPAN; b++) {
        block p;
        UNROLL
        for (int j = 0; j < 8; j++) p.w[j] = t[b / 4 * 8 + j] >> b % 4 * 2 & LOW_2;
        p.scale[0] = scale;
        emit_block(mode, &p, to);
    }
}

/* The first digit to base 3 of each byte, which is a share of 256; what is left of the shares
 * becomes the bytes. Two bytes of a word at a time have room for three times themselves. */
INLINE words next_digit(words *shares)
{
    const words even = (*shares & 0x00ff00ff) * 3, odd = (*shares >> 8 & 0x00ff00ff) * 3;
    *shares = (even & 0x00ff00ff) | (odd & 0x00ff00ff) << 8;
    return (even >> 8 & 0x00030003) | (odd & 0x03000300);
}

/* Blocks 0 to 4 have a digit each of bytes 0 to 31, blocks 5 to 7 two each of bytes 32 to 47, as
 * long as these have digits, and then all four of bytes 48 to 51. */
INLINE void read_tq1_0(const read_mode mode, int blocks, source w, sink *to)
{
    words first[8], second[4], third;
    (void)blocks;
    read_eight(mode, &w, 0, first);
    read_four(mode, &w, 32, second);
    third = read_words(mode, &w, 48);
    block p = { .scale = { half_at(mode, &w, 52) } };
    UNROLL
    for (int b = 0; b < 5; b++) {
        UNROLL
        for (int j = 0; j < 8; j++) p.w[j] = next_digit(&first[j]);
        emit_block(mode, &p, to);
    }
    UNROLL
    for (int b = 5; b < 8; b++) {
        UNROLL
        for (int j = 0; j < 4; j++) {
            p.w[j] = next_digit(&second[j]);
            if (b < 7) p.w[j + 4] = next_digit(&second[j]);
        }
        UNROLL
        for (int j = 4; b == 7 && j < 8; j++) p.w[j] = next_digit(&third);
        emit_block(mode, &p, to);
    }
}
