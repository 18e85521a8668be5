/* variant.c - THE LIST of CPU variants, what this machine can do, and the choice between them.
 *
 * What the CPU has is one thing (cpu_features), what we want is another (the order of the list,
 * CADRE_CPU). */
#include "kernel/variant.h"

#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
    #include <cpuid.h>
#endif

#include "base/real.h"
#include "kernel/context.h"
#include "kernel/gemm_kernels.h"
#include "kernel/quant_kernels.h"
#include "kernel/rows.h"

#if REAL_IS_DOUBLE /* the vector kernels and those of integers exist in float alone */
static const kernel_variant portable = { "portable", 0, &gemm_portable, &rows_portable,
    peak_portable, NULL, NULL, 0 };
static const kernel_variant *const variants[] = { &portable };
#else
static const kernel_variant portable = { "portable", 0, &gemm_portable, &rows_portable,
    peak_portable, &quant_portable, &gemm_portable_bf16, 0 };
    #if defined(__x86_64__)
enum { AVX2 = CPU_AVX2 | CPU_FMA | CPU_F16C, AVX512 = AVX2 | CPU_AVX512 };
static const kernel_variant avx2 = { "avx2", AVX2, &gemm_avx2, &rows_avx2, peak_avx2, &quant_avx2,
    &gemm_avx2_bf16, 0 };
static const kernel_variant avxvnni = { "avxvnni", AVX2 | CPU_AVX_VNNI, &gemm_avx2, &rows_avx2,
    peak_avx2, &quant_avxvnni, &gemm_avx2_bf16, 0 };
static const kernel_variant avx512 = { "avx512", AVX512, &gemm_avx512, &rows_avx512, peak_avx512,
    &quant_avx2, &gemm_avx512_bf16, 0 };
static const kernel_variant avx512vnni = { "avx512vnni", AVX512 | CPU_AVX512_VNNI, &gemm_avx512,
    &rows_avx512, peak_avx512, &quant_avx512vnni, &gemm_avx512_bf16, 0 };
static const kernel_variant avx512bf16 = { "avx512bf16", AVX512 | CPU_AVX512_VNNI | CPU_AVX512_BF16,
    &gemm_avx512, &rows_avx512, peak_avx512, &quant_avx512vnni, &gemm_avx512bf16,
    CPU_AMX }; /* where vdpbf16ps is slower than two multiply-adds of floats */
static const kernel_variant *const variants[] = { &portable, &avx2, &avxvnni, &avx512, &avx512vnni,
    &avx512bf16 };
    #elif defined(__aarch64__)
static const kernel_variant neon = { "neon", CPU_NEON, &gemm_neon, &rows_portable, peak_neon,
    &quant_portable, &gemm_portable_bf16, 0 };
static const kernel_variant *const variants[] = { &portable, &neon };
    #else
static const kernel_variant *const variants[] = { &portable };
    #endif
#endif

enum { VARIANTS = sizeof variants / sizeof *variants };

const kernel_variant *const *variant_list(int *count)
{
    *count = VARIANTS;
    return variants;
}

#if defined(__x86_64__)
/* Which register files the operating system saves: bits 1-2 xmm and ymm, 5-7 zmm and masks. */
static uint32_t saved_state(void)
{
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

uint32_t cpu_features(void)
{
    uint32_t a, b, c, d, found = 0;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE) || !(c & bit_AVX)) return 0;
    uint32_t saved = saved_state();
    if ((saved & 0x6) != 0x6) return 0;
    if (c & bit_FMA) found |= CPU_FMA;
    if (c & bit_F16C) found |= CPU_F16C;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
    if (b & bit_AVX2) found |= CPU_AVX2;
    uint32_t wide = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    bool zmm = (saved & 0xe0) == 0xe0 && (b & wide) == wide;
    if (zmm) found |= CPU_AVX512;
    if (zmm && (c & bit_AVX512VNNI)) found |= CPU_AVX512_VNNI;
    if (d & (1u << 24)) found |= CPU_AMX;
    if (!__get_cpuid_count(7, 1, &a, &b, &c, &d)) return found;
    if (a & (1u << 4)) found |= CPU_AVX_VNNI;
    if (zmm && (a & (1u << 5))) found |= CPU_AVX512_BF16;
    return found;
}
#elif defined(__aarch64__)
uint32_t cpu_features(void) { return CPU_NEON; } /* part of the architecture */
#else
uint32_t cpu_features(void) { return 0; }
#endif

static bool runs_here(const kernel_variant *v) { return (v->needs & ~cpu_features()) == 0; }

static bool is_preferred(const kernel_variant *v)
{
    return runs_here(v) && !(v->avoids & cpu_features());
}

cadre_status variant_choose(const char *name, const kernel_variant **variant)
{
    const char *wish = name ? name : getenv("CADRE_CPU");
    bool named = wish && *wish;
    for (int i = VARIANTS - 1; i >= 0; i--) {
        if (named ? strcmp(variants[i]->name, wish) != 0 : !is_preferred(variants[i])) continue;
        if (!runs_here(variants[i]))
            return cadre_fail(CADRE_EARGUMENT, NULL,
                "CPU variant '%s' needs instructions that this machine has not", wish);
        *variant = variants[i];
        return CADRE_OK;
    }
    char known[128] = "";
    for (int i = 0; i < VARIANTS; i++) {
        if (i) strncat(known, ", ", sizeof known - strlen(known) - 1);
        strncat(known, variants[i]->name, sizeof known - strlen(known) - 1);
    }
    return cadre_fail(
        CADRE_EARGUMENT, NULL, "unknown CPU variant '%s', expected one of: %s", wish, known);
}
