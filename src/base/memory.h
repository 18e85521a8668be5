/* memory.h - allocation: checked, countable, and able to fail on demand for the tests.
 *
 * Long-lived things are allocated once; what a training step or a token needs lies in an arena
 * whose size was computed first by running the same layout code on an empty arena (base == NULL
 * measures and returns NULL). */
#ifndef CADRE_BASE_MEMORY_H
#define CADRE_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CADRE_ALIGN = 64 }; /* of every block: a cache line, and the widest vector */

/* Under the address sanitizer what lies between the end of a block and the next is forbidden
 * ground: the padding that makes sizes whole cache lines would hide a step too far. Arenas and
 * mappings, whose blocks lie side by side, leave a gap for it. */
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

/* Zeroed memory for count * size bytes, CADRE_ALIGN-aligned; NULL when it overflows or is not to be
 * had, and then the last error says so. Freed by mem_free (NULL is fine). A count of 0 gives a
 * valid, empty block. */
void *mem_alloc(size_t count, size_t size);
/* Keeps the old block on failure */
void *mem_resize(void *block, size_t old_count, size_t new_count, size_t size);
void mem_free(void *block);
char *mem_strdup(const char *text);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Zeroed memory that the machine gives page by page as it is first written, for what may stay
 * mostly empty. NULL as above. Freed by mem_return, with the same numbers. */
void *mem_reserve(size_t count, size_t size);
void mem_return(void *block, size_t count, size_t size);
/* Bytes of such memory whose contents are of no more use: whole pages of them go back to the
 * machine. What is read there next is zero, or as it was. */
void mem_forget(void *from, size_t bytes);

/* Tests: from now on the n-th allocation fails (1 = the next), once or (sticky) it and all after; 0
 * = off. */
void mem_fail_at(long n, bool sticky);
long mem_count(void); /* allocations since mem_fail_at was last called */

/* Bytes that this thread has been given less those that it gave back: the difference between two
 * calls is what stays. What mem_reserve gives is not in it. */
int64_t mem_balance(void);

/* Bytes of memory that this machine has; SIZE_MAX where it does not say */
size_t mem_of_machine(void);

typedef struct arena {
    char *base;  /* NULL: measuring */
    size_t size; /* of base */
    size_t used; /* so far; SIZE_MAX once a size overflowed */
    /* Set by the caller: layouts lie over each other, and a gap of one is a block of the next */
    bool overlaid;
} arena;

/* count * size bytes, aligned, zeroed by arena_open only. When measuring, or when it does not fit:
 * NULL (the latter is a programmer's mistake: the same code measured it). */
void *arena_take(arena *a, size_t count, size_t size);
bool arena_open(arena *a, size_t size); /* false: no memory, last error set */
void arena_close(arena *a);

#define ARENA_ARRAY(a, type, count) ((type *)arena_take((a), (size_t)(count), sizeof(type)))
#define MEM_ARRAY(type, count) ((type *)mem_alloc((size_t)(count), sizeof(type)))

#endif
