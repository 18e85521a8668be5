/* code_book.h - vector quantisation of patches (Lloyd 1957; k-means++: Arthur and Vassilvitskii
 * 2007). The code book has K patches; each patch of an image is replaced by the nearest of them.
 *
 * |x - c|^2 = |x|^2 - 2 <x, c> + |c|^2, where only the last two terms are needed to find the
 * nearest c. All products are the library's own, sums over patches run in their order, and random
 * draws are functions of the seed, so the bits are the same for any number of threads. Of codes
 * that are equally near, the first is taken. */
#ifndef CADRE_IMAGE_CODE_BOOK_H
#define CADRE_IMAGE_CODE_BOOK_H

#include "base/real.h"
#include "base/status.h"
#include "kernel/compute.h"

typedef struct code_book {
    int32_t side, patch; /* the sides of a square and of a patch, in pixels */
    int32_t codes;       /* K */
    const real *code;    /* [K, patch, patch, 3], 0 to 1; borrowed */
} code_book;

static inline int32_t code_book_patches(const code_book *b)
{
    return (b->side / b->patch) * (b->side / b->patch);
}
static inline int64_t code_book_elements(const code_book *b)
{
    return (int64_t)3 * b->patch * b->patch;
}

/* Learns a code book from `count` squares [side, side, 3] of bytes and writes it to `code`; b->code
 * is not read. It stops early when an interrupt was requested. */
cadre_status code_book_learn(compute *c, const code_book *b, const uint8_t *const *squares,
    int64_t count, uint64_t seed, real *code);

/* Finds ids [patches] for a square, row by row, and makes the square from ids. Ids that are out of
 * range become white. */
cadre_status code_book_encode(compute *c, const code_book *b, const uint8_t *square, int32_t *ids);
void code_book_decode(const code_book *b, const int32_t *ids, uint8_t *square);

#endif
