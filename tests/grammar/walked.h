/* walked.h - whether an automaton over characters takes a string. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "grammar/chars.h"

/* The state after a character; -1: none. Edges are looked through one by one, and have to be in
 * order. */
static inline int64_t walked_step(const chars *c, int64_t state, uint32_t character)
{
    const chars_state *s = &c->states[state];
    int64_t to = -1;
    for (uint32_t i = 0; i < s->count; i++) {
        const chars_edge *e = &c->edges[s->first + i];
        assert_true(e->low <= e->high && e->to < c->state_count);
        assert_true(i == 0 || e->low > e[-1].high);
        if (e->low <= character && character <= e->high) to = e->to;
    }
    return to;
}

/* The state after a string in UTF-8; -1: none. */
static inline int64_t walked_text(const chars *c, const char *text)
{
    int64_t state = 0;
    uint32_t character;
    for (size_t size = strlen(text), length; size && state >= 0; text += length, size -= length) {
        length = utf8_decode(text, size, &character);
        assert_true(length > 0);
        state = walked_step(c, state, character);
    }
    return state;
}

static inline bool walked(const chars *c, const char *text)
{
    int64_t state = walked_text(c, text);
    return state >= 0 && c->states[state].ends;
}
