/* random.h - random numbers that are a function of where they are used, not of what was drawn
 * before.
 *
 * random_bits(key, i) is Philox4x32-10 (Salmon et al. 2011) of counter i under a key made from the
 * run's seed and the name of the use, so any worker may draw any number in any order, and a resumed
 * run needs no state but the seed and the step. */
#ifndef CADRE_BASE_RANDOM_H
#define CADRE_BASE_RANDOM_H

#include <stdint.h>

typedef struct random_key {
    uint32_t k0, k1;
} random_key;

/* a, b: step, layer ... */
random_key random_key_of(uint64_t seed, const char *use, uint64_t a, uint64_t b);
uint32_t random_bits(random_key key, uint64_t index);
double random_uniform(random_key key, uint64_t index); /* in (0, 1), from 32 bits */
double random_normal(random_key key, uint64_t index);  /* mean 0, standard deviation 1 */

/* One point of a pseudo-random permutation of 0..count-1 (a Feistel network, repeated until its
 * result lies inside). */
uint64_t random_permute(random_key key, uint64_t count, uint64_t index);

#endif
