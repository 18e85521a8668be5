/* packed_weight.h - matrices of four bits an element as quantisers of other programs write them to
 * folders: several tensors (X.qweight, X.scales ...) in place of X.weight.
 *
 *     AWQ                 qweight [in, out / 8], qzeros [in / g, out / 8], scales [in / g, out]
 *     GPTQ                qweight [in / 8, out], qzeros, scales as AWQ's, g_idx [in]
 *     compressed-tensors  weight_packed [out, in / 8], weight_scale [out, in / g],
 *                         weight_zero_point [out / 8, in / g], weight_g_idx [in]
 *     NVFP4               weight_packed or weight [out, in / 2], weight_scale [out, in / 16],
 *                         weight_global_scale, which divides, or weight_scale_2, which multiplies
 *
 * Packed values are words of 32 bits with eight elements each, in NVFP4 bytes with two. g columns
 * share a scale; with g_idx, g_idx[c] is the row of scales of column c. */
#ifndef CADRE_WEIGHTS_PACKED_WEIGHT_H
#define CADRE_WEIGHTS_PACKED_WEIGHT_H

#include "weights/weight_file.h"

typedef enum packed_kind {
    PACKED_NOT, /* the matrix is one tensor */
    PACKED_AWQ,
    PACKED_GPTQ,
    PACKED_ROWS, /* compressed-tensors */
    PACKED_NVFP4
} packed_kind;

typedef struct packed_weight {
    packed_kind kind;
    const char *type; /* for users: static */
    int64_t rows, cols, group;
    stored_tensor values, scales, zeros, order, whole; /* .data NULL: there is none */
    float scale;                                       /* NVFP4: of the whole matrix */
} packed_weight;

enum { PACKED_TENSORS = 5 }; /* that a matrix may have */

/* Whether the file has the matrix `name` ("X.weight") in a packed form. */
bool packed_weight_there(const weight_file *file, const char *name);

/* Refuses, by name, tensors that are missing or of another shape or type than [rows, cols] need. */
cadre_status packed_weight_find(
    const weight_file *file, const char *name, int64_t rows, int64_t cols, packed_weight *w);
/* Whether it is scales and values from -8 to 7 without zero points, which kernels read in place */
bool packed_weight_is_plain(const packed_weight *w);

void packed_weight_row(const packed_weight *w, int64_t row, float *values); /* [cols] */
/* The format in which memory holds rows of it (read only); NULL: floats */
const number_format *packed_weight_format(const packed_weight *w);
void packed_weight_lay(const packed_weight *w, int64_t row, void *blocks);

/* Sets where its tensors begin, and returns how many there are. */
int packed_weight_tensors(const packed_weight *w, const uint8_t *begin[PACKED_TENSORS]);
int64_t packed_weight_bytes(const packed_weight *w); /* of its tensors */

/* Whether `name` accompanies a quantised matrix without being a part of its values: its shape, the
 * scales of activations and of caches, a bias of zeros. */
bool packed_weight_accompanies(
    const weight_file *file, const char *name, const stored_tensor *tensor);

#endif
