/* avxvnni.c - AVX-VNNI on machines that lack it: its one instruction in use, vpdpbusd of 32 bytes
 * in VEX's encoding, is an undefined one there. The handler of SIGILL takes it apart, computes it
 * on the registers that the kernel has saved, which are restored when it returns, and goes on
 * behind it. Any other undefined instruction ends the program as ever.
 *
 * Intel's manual: the Software Developer's Manual, volume 2A chapter 2 (VEX, ModRM) and volume 1
 * chapter 13 (XSAVE). */
#define _GNU_SOURCE
#include "support/avxvnni.h"

#include "base/real.h"
#include "kernel/variant.h"

#if defined(__x86_64__) && !REAL_IS_DOUBLE
    #include <cpuid.h>
    #include <signal.h>
    #include <stdbool.h>
    #include <string.h>
    #include <ucontext.h>

enum { XMM_AT = 160, XSTATE_BV_AT = 512, YMM_STATE = 1 << 2 };
static uint32_t high_halves_at; /* of ymm registers, in the saved state */
static volatile uint64_t computed;

typedef struct instruction {
    int sum, unsigned_bytes; /* registers; the second operand is read from registers or memory */
    const uint8_t *next;
    uint8_t signed_bytes[32];
} instruction;

static uint64_t general(const ucontext_t *context, int i)
{
    static const int order[] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI,
        REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };
    return (uint64_t)context->uc_mcontext.gregs[order[i]];
}

/* Register i, of which the state may hold the lower half alone while the upper is all zeros. */
static void load(const ucontext_t *context, int i, uint8_t out[32])
{
    const uint8_t *state = (const uint8_t *)context->uc_mcontext.fpregs;
    memcpy(out, state + XMM_AT + 16 * i, 16);
    if (state[XSTATE_BV_AT] & YMM_STATE) memcpy(out + 16, state + high_halves_at + 16 * i, 16);
    else memset(out + 16, 0, 16);
}

static void store(ucontext_t *context, int i, const uint8_t in[32])
{
    uint8_t *state = (uint8_t *)context->uc_mcontext.fpregs;
    if (!(state[XSTATE_BV_AT] & YMM_STATE)) memset(state + high_halves_at, 0, 256);
    state[XSTATE_BV_AT] |= YMM_STATE;
    memcpy(state + XMM_AT + 16 * i, in, 16);
    memcpy(state + high_halves_at + 16 * i, in + 16, 16);
}

/* The address that ModRM, a SIB byte and a displacement say; `at` goes behind them. */
static const uint8_t *address(
    const ucontext_t *context, int mode, int low, bool far_index, bool far_base, const uint8_t **at)
{
    int32_t wide = 0;
    uint64_t sum = 0;
    int base = low;
    if (low == 4) {
        int sib = *(*at)++, index = (sib >> 3 & 7) + 8 * far_index;
        base = sib & 7;
        if (index != 4) sum = general(context, index) << (sib >> 6);
    }
    bool absolute = mode == 0 && base == 5;
    if (mode == 1) wide = (int8_t) * *at, *at += 1;
    else if (mode == 2 || absolute) memcpy(&wide, *at, 4), *at += 4;
    if (!absolute) sum += general(context, base + 8 * far_base);
    else if (low == 5) sum += (uint64_t)(uintptr_t)*at; /* relative to the next instruction */
    return (const uint8_t *)(uintptr_t)(sum + (uint64_t)(int64_t)wide);
}

/* C4, then not-R not-X not-B and the map 0F38; W 0, not-vvvv, 256 bits, prefix 66; 50; ModRM. */
static bool decode(const ucontext_t *context, instruction *out)
{
    const uint8_t *at = (const uint8_t *)(uintptr_t)context->uc_mcontext.gregs[REG_RIP];
    if (at[0] != 0xc4 || (at[1] & 0x1f) != 2 || (at[2] & 0x87) != 0x05 || at[3] != 0x50)
        return false;
    bool far_sum = !(at[1] & 0x80), far_index = !(at[1] & 0x40), far_base = !(at[1] & 0x20);
    int mode = at[4] >> 6, low = at[4] & 7;
    out->sum = (at[4] >> 3 & 7) + 8 * far_sum;
    out->unsigned_bytes = ~at[2] >> 3 & 15;
    out->next = at + 5;
    if (mode == 3) load(context, low + 8 * far_base, out->signed_bytes);
    else
        memcpy(out->signed_bytes, address(context, mode, low, far_index, far_base, &out->next), 32);
    return true;
}

static void compute_one(int number, siginfo_t *info, void *context)
{
    instruction is;
    uint8_t codes[32];
    uint32_t sum[8];
    (void)info;
    if (!decode(context, &is)) {
        signal(number, SIG_DFL);
        return;
    }
    load(context, is.unsigned_bytes, codes);
    load(context, is.sum, (uint8_t *)sum);
    for (int i = 0; i < 32; i++) sum[i / 4] += (uint32_t)(codes[i] * (int8_t)is.signed_bytes[i]);
    store(context, is.sum, (const uint8_t *)sum);
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)is.next;
    computed++;
}

uint32_t avxvnni_emulated(void)
{
    uint32_t size, c, d;
    uint32_t has = cpu_features();
    if (has & CPU_AVX_VNNI || !(has & CPU_AVX2) ||
        !__get_cpuid_count(13, 2, &size, &high_halves_at, &c, &d))
        return 0;
    struct sigaction action = { .sa_sigaction = compute_one, .sa_flags = SA_SIGINFO };
    return sigaction(SIGILL, &action, NULL) == 0 ? CPU_AVX_VNNI : 0;
}
#else
static const uint64_t computed = 0;
uint32_t avxvnni_emulated(void) { return 0; }
#endif

uint64_t avxvnni_count(void) { return computed; }
