/* rows_delta.h - part of rows_template.h: one token of the gated delta rule.
 *
 * The state is read twice and written once: the first pass sums what it says for the key, the
 * second changes it and sums what it then says for the query. Between the passes it is in a near
 * cache, so that memory is read once. Rows are taken some at a time, so that the sums, which are
 * rows too, are loaded and stored less often; rows that come soon are fetched meanwhile. */

enum { DELTA_TOGETHER = 4 };

FORCE_INLINE real delta_decay(const row_delta *d, int64_t row)
{
    return d->decay[row * d->decay_step];
}

/* `n` elements, at most WIDTH */
FORCE_INLINE vec delta_load(const real *x, int64_t n)
{
    return n == WIDTH ? load(x) : load_partial(x, n, 0);
}

FORCE_INLINE void delta_store(real *x, int64_t n, vec v)
{
    if (n == WIDTH) store(x, v);
    else store_partial(x, n, v);
}

/* change += k_i a_i S_i, of `count` rows, at n neighbouring columns */
FORCE_INLINE void delta_read_at(
    const row_delta *d, const vec *keys, int64_t row, int count, int64_t at, int64_t n)
{
    vec sum = delta_load(d->change + at, n);
    for (int m = 0; m < count; m++)
        sum += keys[m] * delta_load(d->before + (row + m) * d->columns + at, n);
    delta_store(d->change + at, n, sum);
}

enum { DELTA_AHEAD = 8, LINE = 64 };

/* Asks for rows that come soon: of the state, and of where it will be written. */
FORCE_INLINE void delta_fetch(const row_delta *d, int64_t row, int count)
{
    if (row + DELTA_AHEAD + count > d->rows) return;
    const char *from = (const char *)(d->before + (row + DELTA_AHEAD) * d->columns),
               *to = (const char *)(d->after + (row + DELTA_AHEAD) * d->columns);
    size_t bytes = (size_t)(count * d->columns) * sizeof(real);
    for (size_t at = 0; at < bytes; at += LINE) {
        __builtin_prefetch(from + at);
        __builtin_prefetch(to + at, 1);
    }
}

FORCE_INLINE void delta_read(const row_delta *d, int64_t row, int count)
{
    delta_fetch(d, row, count);
    vec keys[DELTA_TOGETHER];
    int64_t at = 0;
    for (int m = 0; m < count; m++) keys[m] = splat(d->key[row + m] * delta_decay(d, row + m));
    for (; at + WIDTH <= d->columns; at += WIDTH) delta_read_at(d, keys, row, count, at, WIDTH);
    if (at < d->columns) delta_read_at(d, keys, row, count, at, d->columns - at);
}

typedef struct delta_factors {
    vec decay[DELTA_TOGETHER], key[DELTA_TOGETHER], query[DELTA_TOGETHER];
} delta_factors;

/* S' = a_i S_i + k_i change; out += q_i S' */
FORCE_INLINE void delta_write_at(
    const row_delta *d, const delta_factors *f, int64_t row, int count, int64_t at, int64_t n)
{
    vec change = delta_load(d->change + at, n), sum = delta_load(d->out + at, n);
    for (int m = 0; m < count; m++) {
        int64_t place = (row + m) * d->columns + at;
        vec s = f->decay[m] * delta_load(d->before + place, n) + f->key[m] * change;
        delta_store(d->after + place, n, s);
        sum += f->query[m] * s;
    }
    delta_store(d->out + at, n, sum);
}

FORCE_INLINE void delta_write(const row_delta *d, int64_t row, int count)
{
    delta_factors f;
    int64_t at = 0;
    for (int m = 0; m < count; m++) {
        f.decay[m] = splat(delta_decay(d, row + m));
        f.key[m] = splat(d->key[row + m]);
        f.query[m] = splat(d->query[row + m]);
    }
    for (; at + WIDTH <= d->columns; at += WIDTH) delta_write_at(d, &f, row, count, at, WIDTH);
    if (at < d->columns) delta_write_at(d, &f, row, count, at, d->columns - at);
}

static void delta_step_rows(const row_delta *d)
{
    int64_t row = 0;
    memset(d->change, 0, (size_t)d->columns * sizeof *d->change);
    memset(d->out, 0, (size_t)d->columns * sizeof *d->out);
    for (; row + DELTA_TOGETHER <= d->rows; row += DELTA_TOGETHER)
        delta_read(d, row, DELTA_TOGETHER);
    for (; row < d->rows; row++) delta_read(d, row, 1);
    for (int64_t j = 0; j < d->columns; j++) d->change[j] = d->beta * (d->value[j] - d->change[j]);
    row = 0;
    for (; row + DELTA_TOGETHER <= d->rows; row += DELTA_TOGETHER)
        delta_write(d, row, DELTA_TOGETHER);
    for (; row < d->rows; row++) delta_write(d, row, 1);
}
