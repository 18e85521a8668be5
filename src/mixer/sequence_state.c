/* sequence_state.c - blocks of rows, and fixed parts. */
#include "mixer/sequence_state.h"

#include <string.h>

#include "base/checked.h"
#include "base/memory.h"

static int64_t whole_blocks(int64_t tokens) { return (tokens + STATE_BLOCK - 1) / STATE_BLOCK; }
static int64_t row_of(const mixer_state_size *size) { return size->key_row + size->value_row; }

size_t layer_state_bytes(const mixer_config *c, int64_t tokens)
{
    mixer_state_size size = c->row->state(c);
    return (size_t)(whole_blocks(tokens) * STATE_BLOCK * row_of(&size) + size.fixed) * sizeof(real);
}

size_t layer_state_list_bytes(const mixer_config *c, int64_t tokens)
{
    mixer_state_size size = c->row->state(c);
    return row_of(&size) ? (size_t)whole_blocks(tokens) * 2 * sizeof(real *) : 0;
}

/* ---- memory ---- */

/* Into s->elements; false: it does not fit the address space. */
static bool count_reals(sequence_state *s, const mixer_config *const *mixers)
{
    for (int64_t l = 0; l < s->layers; l++) {
        mixer_state_size size = mixers[l]->row->state(mixers[l]);
        const int64_t factors[] = { s->capacity, row_of(&size) };
        int64_t rows;
        if (!checked_product(factors, 2, &rows) || rows > INT64_MAX - size.fixed ||
            s->elements > INT64_MAX - rows - size.fixed)
            return false;
        s->elements += rows + size.fixed;
        s->rewinds &= mixers[l]->row->rewinds;
    }
    return (uint64_t)s->elements <= SIZE_MAX / sizeof(real);
}

/* The layers' rows one layer after another, then their fixed parts. */
static void place(sequence_state *s, const mixer_config *const *mixers)
{
    int64_t blocks = s->capacity / STATE_BLOCK;
    real *at = s->memory;
    for (int64_t l = 0; l < s->layers; l++) {
        layer_state *layer = &s->layer[l];
        mixer_state_size size = mixers[l]->row->state(mixers[l]);
        *layer = (layer_state){ .size = size,
            .keys = s->blocks + 2 * l * blocks,
            .values = s->blocks + (2 * l + 1) * blocks };
        for (int64_t b = 0; b < blocks; b++, at += STATE_BLOCK * row_of(&size)) {
            layer->keys[b] = at;
            layer->values[b] = size.value_row ? at + STATE_BLOCK * size.key_row : at;
        }
    }
    for (int64_t l = 0; l < s->layers; at += s->layer[l++].size.fixed) s->layer[l].fixed = at;
}

cadre_status sequence_state_open(
    sequence_state *out, const mixer_config *const *mixers, int64_t layers, int64_t capacity)
{
    int64_t blocks = whole_blocks(capacity);
    sequence_state s = { .layers = layers, .capacity = blocks * STATE_BLOCK, .rewinds = true };
    if (!count_reals(&s, mixers))
        return cadre_fail(CADRE_ENOMEM, NULL,
            "a cache of %lld tokens does not fit the address space", (long long)capacity);
    s.memory = mem_reserve((size_t)s.elements, sizeof *s.memory);
    s.layer = MEM_ARRAY(layer_state, layers);
    s.blocks = MEM_ARRAY(const real *, (2 * layers * blocks));
    if (!s.memory || !s.layer || !s.blocks) {
        sequence_state_close(&s);
        return CADRE_ENOMEM;
    }
    place(&s, mixers);
    *out = s;
    return CADRE_OK;
}

void sequence_state_close(sequence_state *s)
{
    mem_return(s->memory, (size_t)s->elements, sizeof *s->memory);
    mem_free(s->layer);
    mem_free(s->blocks);
    *s = (sequence_state){ 0 };
}

/* ---- rows ---- */

/* Rows `row` and after of a block: the lists are read-only for whoever attends. */
static real *rows_at(const real *const *list, int64_t block, int64_t row, int64_t width)
{
    return (real *)(uintptr_t)list[block] + row * width;
}

static void put_rows(const layer_state *s, int64_t block, int64_t row, int64_t rows,
    const real *keys, const real *values)
{
    int64_t k = s->size.key_row, v = s->size.value_row;
    memcpy(rows_at(s->keys, block, row, k), keys, (size_t)(rows * k) * sizeof *keys);
    if (v) memcpy(rows_at(s->values, block, row, v), values, (size_t)(rows * v) * sizeof *values);
}

void sequence_state_put(
    sequence_state *s, int64_t layer, int64_t tokens, const real *keys, const real *values)
{
    const layer_state *own = &s->layer[layer];
    for (int64_t t = 0; t < tokens; t++) {
        int64_t at = s->length + t;
        put_rows(own, at / STATE_BLOCK, at % STATE_BLOCK, 1, keys + t * own->size.key_row,
            values + t * own->size.value_row);
    }
}

kv_view sequence_state_view(const sequence_state *s, int64_t layer)
{
    const layer_state *own = &s->layer[layer];
    return (kv_view){ .keys = own->keys,
        .values = own->values,
        .block = STATE_BLOCK,
        .key_stride = own->size.key_row,
        .value_stride = own->size.value_row ? own->size.value_row : own->size.key_row };
}

/* ---- going back ---- */

static bool can_hold(const sequence_state *s, int64_t length)
{
    return s->rewinds || length == 0 || length == s->length;
}

bool sequence_state_rewind(sequence_state *s, int64_t length)
{
    if (!can_hold(s, length)) return false;
    for (int64_t l = 0; length == 0 && l < s->layers; l++)
        memset(s->layer[l].fixed, 0, (size_t)s->layer[l].size.fixed * sizeof(real));
    s->length = length;
    return true;
}

static void copy_layer(const layer_state *to, const layer_state *from, int64_t length)
{
    for (int64_t b = 0; b < whole_blocks(length) && row_of(&from->size); b++) {
        int64_t left = length - b * STATE_BLOCK;
        put_rows(to, b, 0, left < STATE_BLOCK ? left : STATE_BLOCK, from->keys[b], from->values[b]);
    }
    if (length) memcpy(to->fixed, from->fixed, (size_t)from->size.fixed * sizeof *to->fixed);
    else memset(to->fixed, 0, (size_t)to->size.fixed * sizeof *to->fixed);
}

bool sequence_state_copy(sequence_state *to, const sequence_state *from, int64_t length)
{
    if (!can_hold(from, length)) return false;
    for (int64_t l = 0; l < to->layers; l++) copy_layer(&to->layer[l], &from->layer[l], length);
    to->length = length;
    return true;
}
