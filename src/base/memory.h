/* memory.h - allocation: checked, counted, and able to fail on demand for the tests.
 *
 * Long-lived things are allocated once. What a training step or a token needs lies in an arena. Its
 * size is computed first, by running the same layout code on an empty arena: with base == NULL,
 * arena_take only measures and returns NULL. */
#ifndef CADRE_BASE_MEMORY_H
#define CADRE_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CADRE_ALIGN = 64 }; /* of every block: a cache line, which is also the widest vector */

/* Under the address sanitizer the bytes between the end of a block and the start of the next must
 * not be touched: otherwise the padding to whole cache lines would hide an access past the end.
 * Blocks of arenas and mappings lie side by side, so they leave a gap for this. */
#if defined(__has_feature)
    #if __has_feature(address_sanitizer)
        #define CADRE_ADDRESS_SANITIZER 1
    #endif
#elif defined(__SANITIZE_ADDRESS__)
    #define CADRE_ADDRESS_SANITIZER 1
#endif
#ifdef CADRE_ADDRESS_SANITIZER
enum { MEM_GAP = CADRE_ALIGN };
#else
enum { MEM_GAP = 0 };
#endif

/* Allocates zeroed memory for count * size bytes, aligned to CADRE_ALIGN. Returns NULL, and sets
 * the last error, when the product overflows or the memory cannot be had. mem_free frees it, and
 * accepts NULL. A count of 0 gives a valid, empty block. */
void *mem_alloc(size_t count, size_t size);
/* Keeps the old block when it fails. */
void *mem_resize(void *block, size_t old_count, size_t new_count, size_t size);
void mem_free(void *block);
/* From now on, or no longer: what is freed stays allocated, because somebody outside may still read
 * or write it, such as a message in flight that nobody will wait for. */
void mem_keep(bool on);
char *mem_strdup(const char *text);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reserves zeroed memory that the machine provides page by page when it is first written, for
 * arrays that may stay mostly empty. Returns NULL as above. mem_return frees it and takes the same
 * numbers. */
void *mem_reserve(size_t count, size_t size);
void mem_return(void *block, size_t count, size_t size);
/* Bytes of such memory whose contents are of no more use: whole pages of them go back to the
 * machine. What is read there next is zero, or as it was. */
void mem_forget(void *from, size_t bytes);

/* For tests: the n-th allocation from now on fails (1 is the next), and with `sticky` all after it
 * too; 0 ends this. */
void mem_fail_at(long n, bool sticky);
long mem_count(void); /* allocations since mem_fail_at was last called */

/* Bytes that this thread has allocated less those that it has freed: the difference between two
 * calls is what stays. mem_reserve is not counted. */
int64_t mem_balance(void);

/* Bytes of memory in this machine; SIZE_MAX where it does not say. */
size_t mem_of_machine(void);

typedef struct arena {
    char *base;  /* NULL: the arena only measures */
    size_t size; /* of base */
    size_t used; /* so far; SIZE_MAX after an overflow */
    /* Set by the caller when several layouts share the memory, so that a gap in one is a block of
     * another. */
    bool overlaid;
} arena;

/* Takes count * size aligned bytes, which arena_open zeroed and nobody zeroes again. Returns NULL
 * when measuring, or when they do not fit; the latter is a bug, since the same code measured
 * them. */
void *arena_take(arena *a, size_t count, size_t size);
bool arena_open(arena *a, size_t size); /* false: out of memory, with the last error set */
void arena_close(arena *a);

#define ARENA_ARRAY(a, type, count) ((type *)arena_take((a), (size_t)(count), sizeof(type)))
#define MEM_ARRAY(type, count) ((type *)mem_alloc((size_t)(count), sizeof(type)))

#endif
