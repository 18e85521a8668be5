/* random.c - Philox4x32-10, and distributions made from it. */
#include "base/random.h"

#include <math.h>

static void philox(uint32_t c[4], uint32_t k0, uint32_t k1)
{
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = { (uint32_t)(p1 >> 32) ^ c[1] ^ k0, (uint32_t)p1,
            (uint32_t)(p0 >> 32) ^ c[3] ^ k1, (uint32_t)p0 };
        for (int i = 0; i < 4; i++) c[i] = next[i];
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

static uint64_t mix(uint64_t x) /* splitmix64's finaliser */
{
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

random_key random_key_of(uint64_t seed, const char *use, uint64_t a, uint64_t b)
{
    uint64_t h = mix(seed + 0x9E3779B97F4A7C15u);
    for (const char *c = use; *c; c++) h = mix(h ^ (uint8_t)*c) + 0x9E3779B97F4A7C15u;
    h = mix(h ^ mix(a + 1)) + mix(b + 0x632BE59BD9B4E019u);
    h = mix(h);
    return (random_key){ (uint32_t)h, (uint32_t)(h >> 32) };
}

uint32_t random_bits(random_key key, uint64_t index)
{
    uint64_t block = index >> 2;
    uint32_t c[4] = { (uint32_t)block, (uint32_t)(block >> 32), 0, 0 };
    philox(c, key.k0, key.k1);
    return c[index & 3];
}

static double to_unit(uint32_t bits) { return ((double)bits + 0.5) * 0x1p-32; }

double random_uniform(random_key key, uint64_t index) { return to_unit(random_bits(key, index)); }

double random_normal(random_key key, uint64_t index)
{
    /* These counters are used for nothing else. */
    uint32_t c[4] = { (uint32_t)index, (uint32_t)(index >> 32), 1, 0 };
    philox(c, key.k0, key.k1);
    /* The Box-Muller transform */
    return sqrt(-2.0 * log(to_unit(c[0]))) * cos(6.283185307179586 * to_unit(c[1]));
}

uint64_t random_permute(random_key key, uint64_t count, uint64_t index)
{
    int half = 1;
    while (half < 32 && ((uint64_t)1 << (2 * half)) < count) half++;
    uint64_t mask = ((uint64_t)1 << half) - 1, x = index;
    do {
        uint64_t left = x >> half, right = x & mask;
        for (uint32_t round = 0; round < 4; round++) {
            uint32_t c[4] = { (uint32_t)right, round, 2, 0 };
            philox(c, key.k0, key.k1);
            uint64_t next = left ^ (c[0] & mask);
            left = right;
            right = next;
        }
        x = left << half | right;
    } while (x >= count);
    return x;
}
