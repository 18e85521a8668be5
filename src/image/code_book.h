/* code_book.h - vector quantisation of patches (Lloyd 1957; k-means++: Arthur and Vassilvitskii
 * 2007): K patches of which each patch of a picture is replaced by the nearest.
 *
 * |x - c|^2 = |x|^2 - 2 <x, c> + |c|^2, of which the nearest c needs the last two. All products are
 * the library's own, sums over patches run in their order, and draws are functions of the seed: the
 * same bits for any number of threads. Of equally near codes the first is taken. */
#ifndef CADRE_IMAGE_CODE_BOOK_H
#define CADRE_IMAGE_CODE_BOOK_H

#include "base/real.h"
#include "base/status.h"
#include "kernel/compute.h"

typedef struct code_book {
    int32_t side, patch; /* of a square, of a patch: pixels */
    int32_t codes;       /* K */
    const real *code;    /* [K, patch, patch, 3], 0 to 1; borrowed */
} code_book;

static inline int32_t code_book_patches(const code_book *b)
{
    return (b->side / b->patch) * (b->side / b->patch);
}
static inline int64_t code_book_numbers(const code_book *b)
{
    return (int64_t)3 * b->patch * b->patch;
}

/* Learns from `count` squares [side, side, 3] of bytes; b->code is not read, what it would be is
 * written to `code`. Stops early where it is asked to. */
cadre_status code_book_learn(compute *c, const code_book *b, const uint8_t *const *squares,
    int64_t count, uint64_t seed, real *code);

/* ids [patches] of a square, row by row; and the square that they stand for. Codes out of range are
 * white. */
cadre_status code_book_encode(compute *c, const code_book *b, const uint8_t *square, int32_t *ids);
void code_book_decode(const code_book *b, const int32_t *ids, uint8_t *square);

#endif
