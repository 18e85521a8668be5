/* constructor.h - memory that runs out at every single allocation of what makes an object: the call
 * has to say so, keep nothing, and break nothing. */
#ifndef CADRE_TESTS_CONSTRUCTOR_H
#define CADRE_TESTS_CONSTRUCTOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct constructor {
    const char *name;
    cadre_status (*make)(void); /* makes it, and frees it again */
    bool elsewhere;             /* other threads free some of it, which mem_balance does not see */
    /* There are several ways: a refusal's sentence that nobody reads may go without memory. */
    bool tries;
    bool costly;         /* of thousands of allocations, not each is let fail */
    void (*clean)(void); /* what it leaves in files; NULL: nothing that is in the way */
} constructor;

/* From now on jansson's memory is counted and fails too. */
void constructors_begin(void);
void constructors_may_fail(const constructor *list, size_t count);

#endif
