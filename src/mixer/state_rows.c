/* state_rows.c - rows and columns of blocks, written in a number format. */
#include "mixer/state_rows.h"

#include <string.h>

static state_rows rows_of(const mixer_state_size *size, int64_t row)
{
    int64_t heads = size->heads ? size->heads : 1, width = row / heads;
    return (state_rows){ .format = size->format,
        .heads = heads,
        .width = width,
        .stride = width,
        .head = width * STATE_BLOCK };
}

state_rows state_keys_of(const mixer_state_size *size)
{
    state_rows r = rows_of(size, size->key_row);
    r.columns = size->value_row && (!r.format || r.format->block == 1);
    if (r.columns) r.stride = STATE_BLOCK;
    return r;
}

state_rows state_values_of(const mixer_state_size *size)
{
    return rows_of(size, size->value_row ? size->value_row : size->key_row);
}

int64_t state_rows_bytes(const state_rows *r, int64_t elements)
{
    return r->format ? (int64_t)number_row_bytes(r->format, elements)
                     : elements * (int64_t)sizeof(real);
}

int64_t state_block_bytes(const mixer_state_size *size)
{
    state_rows keys = state_keys_of(size);
    return state_rows_bytes(&keys, size->key_row) * STATE_BLOCK +
           state_rows_bytes(&keys, size->value_row) * STATE_BLOCK;
}

/* ---- writing ---- */

enum { AT_ONCE = 256 }; /* elements, a multiple of every format's block */

/* `count` elements in the format, side by side. */
static void pack(const number_format *f, const real *from, int64_t count, void *to)
{
#if REAL_IS_DOUBLE
    float narrow[AT_ONCE];
    for (int64_t i = 0; i < count; i++) narrow[i] = (float)from[i];
    f->pack(narrow, to, count);
#else
    f->pack(from, to, count);
#endif
}

static void put_reals(const state_rows *r, real *to, const real *from)
{
    if (!r->columns) memcpy(to, from, (size_t)r->width * sizeof *to);
    for (int64_t i = 0; r->columns && i < r->width; i++) to[i * r->stride] = from[i];
}

/* Elements of one column each, of a format whose elements stand alone. */
static void spread(const char *from, int64_t count, int64_t bytes, int64_t apart, char *to)
{
    if (bytes == 2)
        for (int64_t i = 0; i < count; i++) memcpy(to + i * apart, from + i * 2, 2);
    else
        for (int64_t i = 0; i < count; i++) memcpy(to + i * apart, from + i * bytes, (size_t)bytes);
}

static void put_packed(const state_rows *r, char *to, const real *from)
{
    _Alignas(8) char packed[AT_ONCE * sizeof(float)];
    for (int64_t i = 0; i < r->width; i += AT_ONCE) {
        int64_t count = r->width - i < AT_ONCE ? r->width - i : AT_ONCE;
        char *at = to + state_rows_bytes(r, r->columns ? i * r->stride : i);
        pack(r->format, from + i, count, r->columns ? packed : at);
        if (r->columns)
            spread(packed, count, r->format->block_bytes, state_rows_bytes(r, r->stride), at);
    }
}

void state_rows_put(const state_rows *r, void *block, int64_t row, const real *from)
{
    for (int64_t h = 0; h < r->heads; h++, from += r->width) {
        int64_t at = h * r->head + (r->columns ? row : row * r->stride);
        char *to = (char *)block + state_rows_bytes(r, at);
        if (r->format) put_packed(r, to, from);
        else put_reals(r, (real *)(void *)to, from);
    }
}
