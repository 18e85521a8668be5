/* number.h - THE LIST of number formats: each has an entry, in a file kernel/number_X.c.
 *
 * An entry says how many elements a block holds, how many bytes it has, and how blocks are unpacked
 * to floats and packed from them. That is all a format needs to be loaded, converted and multiplied
 * (products unpack it first); a fast kernel of its own is optional. */
#ifndef CADRE_KERNEL_NUMBER_H
#define CADRE_KERNEL_NUMBER_H

#include <stddef.h>
#include <stdint.h>

typedef struct number_format {
    const char *name;        /* "f32", as --dtype takes it */
    const char *safetensors; /* "F32", or NULL */
    int gguf;                /* GGUF's type id, or -1 */
    int block;               /* elements a block */
    int block_bytes;
    /* count: a multiple of block */
    void (*unpack)(const void *blocks, float *values, int64_t count);
    void (*pack)(const float *values, void *blocks, int64_t count); /* NULL: read only */
    /* The error of packing and unpacking: its root mean square, relative to that of the values */
    double tolerance;
    int file_type; /* llama.cpp's number of a GGUF file that is mostly this, or -1 */
} number_format;

extern const number_format number_f32, number_f16, number_bf16, number_f8_e4m3, number_e2m1;
extern const number_format number_q8_0, number_q4_0, number_q4_1, number_q5_0, number_q5_1;
extern const number_format number_q2_k, number_q3_k, number_q4_k, number_q5_k, number_q6_k;
extern const number_format number_iq4_nl, number_iq4_xs, number_mxfp4, number_nvfp4;
extern const number_format number_iq3_s, number_iq3_xxs, number_iq2_s, number_iq2_xs;
extern const number_format number_iq2_xxs, number_iq1_m, number_iq1_s, number_tq2_0, number_tq1_0;
extern const number_format number_int4, number_int4_zero, number_nvfp4_whole;

const number_format *const *number_list(int *count);
const number_format *number_by_name(const char *name); /* NULL: unknown */
const number_format *number_by_safetensors(const char *dtype);
const number_format *number_by_gguf(int type);

static inline size_t number_row_bytes(const number_format *f, int64_t elements)
{
    return (size_t)(elements / f->block) * (size_t)f->block_bytes;
}

#endif
