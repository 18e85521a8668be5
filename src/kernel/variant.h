/* variant.h - THE LIST of CPU variants: one entry each, with a mask of the instructions that
 * it needs.
 *
 * A variant is a set of kernels instantiated for one instruction set. Later entries of the list are
 * preferred. CADRE_CPU=name chooses one at run time; a name that is unknown or cannot run here is
 * refused. Every variant gives the same bits. */
#ifndef CADRE_KERNEL_VARIANT_H
#define CADRE_KERNEL_VARIANT_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/peak.h"

enum cpu_feature {
    CPU_AVX2 = 1 << 0,
    CPU_FMA = 1 << 1,
    CPU_F16C = 1 << 2,
    CPU_AVX512 = 1 << 3, /* F, BW, DQ, VL */
    CPU_AVX512_VNNI = 1 << 4,
    CPU_AVX512_BF16 = 1 << 5,
    CPU_AVX_VNNI = 1 << 6,
    CPU_NEON = 1 << 7,
    CPU_AMX = 1 << 8, /* of which nothing is used: it tells cores apart */
};

struct gemm_kernels;  /* kernel/gemm_kernels.h */
struct row_kernels;   /* kernel/rows.h */
struct quant_kernels; /* kernel/quant_kernels.h */

typedef struct kernel_variant {
    const char *name;
    uint32_t needs; /* cpu_feature bits */
    const struct gemm_kernels *gemm;
    const struct row_kernels *rows;
    peak_kernel *peak;
    const struct quant_kernels *quant; /* NULL: quantised weights are unpacked to floats */
    /* Products of operands rounded to bfloat16; NULL: this build has none */
    const struct gemm_kernels *bf16;
    uint32_t avoids; /* on cores with these features an earlier variant of the list is faster */
} kernel_variant;

uint32_t cpu_features(void); /* of this machine, as the operating system lets them be used */

const kernel_variant *const *variant_list(int *count); /* the list, slowest first */

#endif
