/* constructor.c - the loop over the allocations. */
#include "support/constructor.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "cadre.h"
#include "support/long.h"
#include "support/succeeds.h"

/* Jansson's memory comes from mem_alloc here, so that it runs out too. Where that happens within a
 * token, jansson calls it a mistake of the text: any status will do then. But the text of a token
 * may not run out of memory to grow into, by powers of two from 32 bytes on, for jansson then loses
 * characters, and an assertion about the last one ends the process. It grows into `spare`. */
static bool json_ran_out;
static _Alignas(16) char spare[1 << 16];
static size_t spare_used;

static void *json_take(size_t size)
{
    void *block = mem_alloc(size, 1);
    bool holds_text = size >= 32 && (size & (size - 1)) == 0;
    if (!block && holds_text && size <= sizeof spare - spare_used) {
        spare_used += size;
        return spare + spare_used - size;
    }
    json_ran_out |= !block;
    return block;
}

static void json_give(void *block)
{
    const char *at = block;
    if (at < spare || at >= spare + sizeof spare) mem_free(block);
}

void constructors_begin(void) { json_set_alloc_funcs(json_take, json_give); }

/* The n-th allocation fails, once or with all after it. Whether it was reached. */
static bool fails_at(const constructor *c, long n, bool sticky)
{
    int64_t before = mem_balance();
    cadre_fail(CADRE_OK, NULL, "nothing was said");
    json_ran_out = false;
    spare_used = 0;
    mem_fail_at(n, sticky);
    cadre_status status = c->make();
    bool reached = mem_count() >= n;
    mem_fail_at(0, false);
    int64_t kept = mem_balance() - before;
    if (c->clean) c->clean();
    if (!reached && status != CADRE_OK) fail_msg("%s: %s", c->name, cadre_last_error());
    if (json_ran_out) status = reached ? CADRE_ENOMEM : CADRE_OK;
    bool may_succeed = c->tries || spare_used;
    if (reached && status != CADRE_ENOMEM && !(may_succeed && status == CADRE_OK))
        fail_msg("%s, allocation %ld%s: status %d, \"%s\"", c->name, n, sticky ? " and after" : "",
            (int)status, status == CADRE_OK ? "" : cadre_last_error());
    if (reached && status != CADRE_OK && !strcmp(cadre_last_error(), "nothing was said"))
        fail_msg("%s, allocation %ld", c->name, n);
    if (!c->elsewhere && kept)
        fail_msg("%s, allocation %ld: %lld bytes are kept", c->name, n, (long long)kept);
    return reached;
}

void constructors_may_fail(const constructor *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        succeeds(list[i].make()); /* what is opened once is open */
        if (list[i].clean) list[i].clean();
        for (int sticky = 0; sticky < 2; sticky++) {
            long n = 1;
            while (fails_at(&list[i], n, sticky))
                n += list[i].costly           ? 1 + n / (long_form() ? 16 : 8)
                     : sticky && !long_form() ? 3
                                              : 1;
            if (n == 1) fail_msg("%s allocates nothing", list[i].name);
        }
    }
}
