/* memory.c - allocation, its failures on demand, and the arena. */
#define _GNU_SOURCE
#include "base/memory.h"

#include <assert.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/status.h"

#ifdef CADRE_ADDRESS_SANITIZER
    #include <sanitizer/asan_interface.h>
static void forbid(const void *from, size_t bytes) { ASAN_POISON_MEMORY_REGION(from, bytes); }
static void allow(const void *from, size_t bytes) { ASAN_UNPOISON_MEMORY_REGION(from, bytes); }
#else
static void forbid(const void *from, size_t bytes) { (void)from, (void)bytes; }
static void allow(const void *from, size_t bytes) { (void)from, (void)bytes; }
#endif

static atomic_long allocations;
static atomic_long fail_at; /* 0: never */
static atomic_bool fail_sticky;
static atomic_bool keeping;

static _Thread_local int64_t balance;

int64_t mem_balance(void) { return balance; }

void mem_fail_at(long n, bool sticky)
{
    atomic_store(&allocations, 0);
    atomic_store(&fail_sticky, sticky);
    atomic_store(&fail_at, n);
}

long mem_count(void) { return atomic_load(&allocations); }

static bool told_to_fail(void)
{
    long serial = atomic_fetch_add(&allocations, 1) + 1, at = atomic_load(&fail_at);
    return at > 0 && (serial == at || (serial > at && atomic_load(&fail_sticky)));
}

/* Large blocks use the large pages of the machine where it has them: matrices are read with
 * strides, and a small page holds few rows. */
enum { LARGE_BLOCK = 4 << 20, LARGE_PAGE = 2 << 20 };

/* Gives the pages back to the machine, which provides zeroed ones when they are first written.
 * Zeroing gigabytes before any is used would take seconds. Locked memory cannot be given back. */
static void *large_block(size_t bytes)
{
    size_t padded;
    void *block =
        checked_pad(bytes, LARGE_PAGE, &padded) ? aligned_alloc(LARGE_PAGE, padded) : NULL;
    if (!block) return NULL;
    madvise(block, padded, MADV_HUGEPAGE);
    return madvise(block, padded, MADV_DONTNEED) == 0 ? block : memset(block, 0, padded);
}

/* Returns zeroed memory. */
static void *allocate(size_t bytes)
{
    if (bytes >= LARGE_BLOCK) return large_block(bytes);
    void *block = aligned_alloc(CADRE_ALIGN, bytes);
    return block ? memset(block, 0, bytes) : NULL;
}

static void *none_to_be_had(size_t bytes)
{
    cadre_fail(
        CADRE_ENOMEM, NULL, "out of memory: %.1f MB could not be allocated", (double)bytes / 1e6);
    return NULL;
}

/* count * size plus `gap`, rounded up to whole cache lines, at least one. */
static bool padded_size(size_t count, size_t size, size_t gap, size_t *padded)
{
    size_t bytes;
    if (checked_mul(count, size, &bytes) && checked_add(bytes ? bytes : 1, gap, padded) &&
        checked_pad(*padded, CADRE_ALIGN, padded) && *padded <= PTRDIFF_MAX)
        return true;
    cadre_fail(CADRE_ENOMEM, NULL,
        "out of memory: %zu items of %zu bytes do not fit the address space", count, size);
    return false;
}

void *mem_alloc(size_t count, size_t size)
{
    size_t padded;
    if (!padded_size(count, size, 0, &padded)) return NULL;
    char *block = told_to_fail() ? NULL : allocate(padded);
    if (!block) return none_to_be_had(padded);
    balance += (int64_t)malloc_usable_size(block);
    forbid(block + count * size, padded - count * size);
    return block;
}

void *mem_reserve(size_t count, size_t size)
{
    size_t padded;
    if (!padded_size(count, size, MEM_GAP, &padded)) return NULL;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    char *block =
        told_to_fail() ? MAP_FAILED : mmap(NULL, padded, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (block == MAP_FAILED) return none_to_be_had(padded);
    forbid(block + count * size, padded - count * size);
    return block;
}

void mem_return(void *block, size_t count, size_t size)
{
    size_t padded;
    if (!block || !padded_size(count, size, MEM_GAP, &padded) || atomic_load(&keeping)) return;
    size_t bytes = count * size;
    allow((char *)block + bytes, padded - bytes); /* for the next user of these addresses */
    munmap(block, padded);
}

void mem_forget(void *from, size_t bytes)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), skip = (page - (uintptr_t)from % page) % page;
    if (bytes < skip + page) return;
    madvise((char *)from + skip, (bytes - skip) / page * page, MADV_DONTNEED);
}

void *mem_resize(void *block, size_t old_count, size_t new_count, size_t size)
{
    void *larger = mem_alloc(new_count, size);
    if (!larger) return NULL;
    size_t keep = old_count < new_count ? old_count : new_count;
    if (block && keep) memcpy(larger, block, keep * size);
    mem_free(block);
    return larger;
}

void mem_keep(bool on) { atomic_store(&keeping, on); }

void mem_free(void *block)
{
    if (!block || atomic_load(&keeping)) return;
    balance -= (int64_t)malloc_usable_size(block);
    free(block);
}

char *mem_strdup(const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = mem_alloc(length, 1);
    return copy ? memcpy(copy, text, length) : NULL;
}

char *mem_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : mem_alloc((size_t)length + 1, 1);
    if (!text) return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

size_t mem_of_machine(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (size_t)pages * (size_t)page : SIZE_MAX;
}

void *arena_take(arena *a, size_t count, size_t size)
{
    size_t bytes, padded, end;
    if (!checked_mul(count, size, &bytes) || !checked_pad(bytes, CADRE_ALIGN, &padded) ||
        !checked_add(padded, MEM_GAP, &padded) || !checked_add(a->used, padded, &end)) {
        a->used = SIZE_MAX;
        return NULL;
    }
    size_t start = a->used;
    a->used = end;
    if (!a->base) return NULL;
    assert(end <= a->size && "the arena was measured by the same code that fills it");
    /* A scratch arena is laid out again and again. */
    allow(a->base + start, a->overlaid ? padded : bytes);
    if (!a->overlaid) forbid(a->base + start + bytes, padded - bytes);
    return a->base + start;
}

bool arena_open(arena *a, size_t size)
{
    *a = (arena){ 0 };
    if (size == SIZE_MAX) {
        cadre_fail(CADRE_ENOMEM, NULL, "out of memory: the sizes do not fit the address space");
        return false;
    }
    a->base = mem_alloc(size, 1);
    a->size = size;
    if (a->base) forbid(a->base, size);
    return a->base != NULL;
}

void arena_close(arena *a)
{
    mem_free(a->base);
    *a = (arena){ 0 };
}
