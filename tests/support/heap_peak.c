/* heap_peak.c - counts through the sanitizer's own hooks; a program has one such count. */
#include "support/heap_peak.h"

#if defined(__SANITIZE_ADDRESS__)
    #include <stdatomic.h>

/* The sanitizer's own interface; gcc ships the functions without their header. */
int __sanitizer_install_malloc_and_free_hooks(
    void (*allocated)(const volatile void *, size_t), void (*freed)(const volatile void *));
size_t __sanitizer_get_allocated_size(const volatile void *block);

static atomic_long live, peak;

static void allocated(const volatile void *block, size_t size)
{
    (void)block;
    long now = atomic_fetch_add(&live, (long)size) + (long)size;
    if (now > atomic_load(&peak)) atomic_store(&peak, now);
}

static void freed(const volatile void *block)
{
    if (block) atomic_fetch_sub(&live, (long)__sanitizer_get_allocated_size(block));
}

bool heap_peak_begin(void)
{
    static bool installed;
    if (!installed) installed = __sanitizer_install_malloc_and_free_hooks(allocated, freed);
    atomic_store(&live, 0);
    atomic_store(&peak, 0);
    return installed;
}

size_t heap_peak_end(void) { return (size_t)atomic_load(&peak); }
#else
bool heap_peak_begin(void) { return false; }

size_t heap_peak_end(void) { return 0; }
#endif
