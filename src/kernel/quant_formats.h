/* quant_formats.h - how the blocks of each format become panels: codes to bytes, scales and minima to floats, in one source for
 * all variants (quant_template.h). What the bytes of a format mean is told in its number_X.c.
 *
 * Each goes by whole words of all lanes. `at` is a block of the first row, the other rows' are `stride` bytes apart. */

enum { LOW = 0x0f0f0f0f, LOW_2 = 0x03030303, LOW_1 = 0x01010101, LOW_6 = 0x3f3f3f3f };

/* Sixteen bytes of codes in four bits, element j below and j + 16 above. */
INLINE void nibbles(const uint8_t *at, int64_t stride, words w[8])
{
    words t[4];
    columns(at, stride, t);
    for (int j = 0; j < 4; j++) {
        w[j] = t[j] & LOW;
        w[j + 4] = t[j] >> 4 & LOW;
    }
}

INLINE floats half_at(const uint8_t *at, int64_t stride) { return floats_of_halves(each_half(at, stride)); }

/* ---- blocks of 32 ---- */

static void unpack_q8_0(int blocks, const uint8_t *at, int64_t stride, void *out)
{
    for (panel *p = out, *end = p + blocks; p < end; p++, at += 34) {
        words t[8];
        columns(at + 2, stride, t);
        columns(at + 18, stride, t + 4);
        for (int j = 0; j < 8; j++) p->w[j] = t[j] ^ SIGNED_FLIP;
        p->scale[0] = half_at(at, stride);
    }
}

static void unpack_q4_0(int blocks, const uint8_t *at, int64_t stride, void *out)
{
    for (panel *p = out, *end = p + blocks; p < end; p++, at += 18) {
        nibbles(at + 2, stride, p->w);
        p->scale[0] = half_at(at, stride);
    }
}

static void unpack_q4_1(int blocks, const uint8_t *at, int64_t stride, void *out)
{
    for (panel *p = out, *end = p + blocks; p < end; p++, at += 20) {
        words head = each_word(at, stride);
        nibbles(at + 4, stride, p->w);
        p->scale[0] = floats_of_halves(head);
        p->least = floats_of_halves(head >> 16);
    }
}

/* Bits 0..31 of a word become bit 4 of the 32 codes. */
INLINE void add_fifth_bits(words bits, words w[8])
{
    for (int j = 0; j < 8; j++) w[j] |= (((bits >> 4 * j) & 15) * 0x00204081 & LOW_1) << 4;
}

static void unpack_q5_0(int blocks, const uint8_t *at, int64_t stride, void *out)
{
    for (panel *p = out, *end = p + blocks; p < end; p++, at += 22) {
        nibbles(at + 6, stride, p->w);
        add_fifth_bits(each_word(at + 2, stride), p->w);
        p->scale[0] = half_at(at, stride);
    }
}

static void unpack_q5_1(int blocks, const uint8_t *at, int64_t stride, void *out)
{
    for (panel *p = out, *end = p + blocks; p < end; p++, at += 24) {
        words head = each_word(at, stride);
        nibbles(at + 8, stride, p->w);
        add_fifth_bits(each_word(at + 4, stride), p->w);
        p->scale[0] = floats_of_halves(head);
        p->least = floats_of_halves(head >> 16);
    }
}

static void unpack_iq4_nl(int blocks, const uint8_t *at, int64_t stride, void *out)
{
    for (panel *p = out, *end = p + blocks; p < end; p++, at += 18) {
        nibbles(at + 2, stride, p->w);
        for (int j = 0; j < 8; j++) p->w[j] = levels_of(p->w[j], number_iq4_levels) ^ SIGNED_FLIP;
        p->scale[0] = half_at(at, stride);
    }
}

/* The levels of number_e2m1_levels from 0 up: 12 is 0. */
static const int8_t mxfp4_levels[16] = { 12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0 };

/* Half of 2^(exponent - 127), in two factors, for 0 and 1 have no exponent in a float. */
INLINE floats half_powers(words exponents)
{
    words one = exponents >> 1, other = exponents - one;
    return floats_of_bits((one + 63) << 23) * floats_of_bits((other + 63) << 23);
}

static void unpack_mxfp4(int blocks, const uint8_t *at, int64_t stride, void *out)
{
    for (panel *p = out, *end = p + blocks; p < end; p++, at += 17) {
        nibbles(at + 1, stride, p->w);
        for (int j = 0; j < 8; j++) p->w[j] = levels_of(p->w[j], mxfp4_levels);
        p->scale[0] = half_powers(each_byte(at, stride));
    }
}

/* ---- blocks of 256 ---- */

/* Scales and minima of Q4_K and Q5_K (number_scales.h), for which the head's four words are the scale and minimum of all, and
 * the twelve packed bytes. */
INLINE void unpack_minima(const words head[4], panel *p)
{
    floats scale = floats_of_halves(head[0]), least = floats_of_halves(head[0] >> 16);
    words scales[2] = { head[1] & LOW_6, (head[3] & LOW) | (head[1] >> 2 & 0x30303030) };
    words minima[2] = { head[2] & LOW_6, (head[3] >> 4 & LOW) | (head[2] >> 2 & 0x30303030) };
    for (int b = 0; b < QUANT_SPAN; b++) {
        p[b].scale[0] = scale * floats_of(scales[b / 4] >> b % 4 * 8 & 255);
        p[b].least = -(least * floats_of(minima[b / 4] >> b % 4 * 8 & 255));
    }
}

static void unpack_q4_k(int blocks, const uint8_t *at, int64_t stride, void *out)
{
    panel *p = out;
    words head[4];
    (void)blocks;
    columns(at, stride, head);
    unpack_minima(head, p);
    for (int g = 0; g < 4; g++) {
        words t[8];
        columns(at + 16 + 32 * g, stride, t);
        columns(at + 32 + 32 * g, stride, t + 4);
        for (int j = 0; j < 8; j++) {
            p[2 * g].w[j] = t[j] & LOW;
            p[2 * g + 1].w[j] = t[j] >> 4 & LOW;
        }
    }
}

static void unpack_q5_k(int blocks, const uint8_t *at, int64_t stride, void *out)
{
    panel *p = out;
    words head[4], high[8];
    (void)blocks;
    columns(at, stride, head);
    unpack_minima(head, p);
    columns(at + 16, stride, high);
    columns(at + 32, stride, high + 4);
    for (int g = 0; g < 4; g++) {
        words t[8];
        columns(at + 48 + 32 * g, stride, t);
        columns(at + 64 + 32 * g, stride, t + 4);
        for (int j = 0; j < 8; j++) {
            p[2 * g].w[j] = (t[j] & LOW) | (high[j] >> 2 * g & LOW_1) << 4;
            p[2 * g + 1].w[j] = (t[j] >> 4 & LOW) | (high[j] >> (2 * g + 1) & LOW_1) << 4;
        }
    }
}

static void unpack_q6_k(int blocks, const uint8_t *at, int64_t stride, void *out)
{
    panel *p = out;
    words scales[4];
    (void)blocks;
    columns(at + 192, stride, scales);
    floats scale = half_at(at + 208, stride);
    for (int h = 0; h < 2; h++) {
        words low[16], high[8];
        for (int i = 0; i < 4; i++) columns(at + 64 * h + 16 * i, stride, low + 4 * i);
        for (int i = 0; i < 2; i++) columns(at + 128 + 32 * h + 16 * i, stride, high + 4 * i);
        for (int b = 0; b < 4; b++)
            for (int j = 0; j < 8; j++)
                p[4 * h + b].w[j] = (low[b % 2 * 8 + j] >> b / 2 * 4 & LOW) | (high[j] >> 2 * b & LOW_2) << 4;
    }
    for (int part = 0; part < 16; part++)
        p[part / 2].scale[part % 2] = scale * floats_of(signed_byte(scales[part / 4], part % 4));
}

static void unpack_q3_k(int blocks, const uint8_t *at, int64_t stride, void *out)
{
    panel *p = out;
    words high[8], low[16], tail[4];
    (void)blocks;
    for (int i = 0; i < 2; i++) columns(at + 16 * i, stride, high + 4 * i);
    for (int i = 0; i < 4; i++) columns(at + 32 + 16 * i, stride, low + 4 * i);
    columns(at + 94, stride, tail); /* two bytes of codes, the twelve of scales, the scale of all */
    words scales[3];
    for (int i = 0; i < 3; i++) scales[i] = tail[i] >> 16 | tail[i + 1] << 16;
    floats scale = floats_of_halves(tail[3] >> 16);
    for (int b = 0; b < QUANT_SPAN; b++)
        for (int j = 0; j < 8; j++)
            p[b].w[j] = (low[b / 4 * 8 + j] >> b % 4 * 2 & LOW_2) | (high[j] >> b & LOW_1) << 2;
    for (int part = 0; part < 16; part++) {
        words four = scales[part / 4 % 2] >> (part % 4 * 8 + part / 8 * 4) & 15;
        words two = scales[2] >> (part % 4 * 8 + part / 4 * 2) & 3;
        p[part / 2].scale[part % 2] = scale * floats_of((four | two << 4) - 32);
    }
}

static void unpack_iq4_xs(int blocks, const uint8_t *at, int64_t stride, void *out)
{
    panel *p = out;
    words head[4];
    (void)blocks;
    columns(at, stride, head);
    floats scale = floats_of_halves(head[0]);
    for (int b = 0; b < QUANT_SPAN; b++, p++) {
        words own = (head[1] >> 4 * b & 15) | (head[0] >> (16 + 2 * b) & 3) << 4;
        nibbles(at + 8 + 16 * b, stride, p->w);
        for (int j = 0; j < 8; j++) p->w[j] = levels_of(p->w[j], number_iq4_levels) ^ SIGNED_FLIP;
        p->scale[0] = scale * floats_of(own - 32);
    }
}
