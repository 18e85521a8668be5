/* packed_weight_test.c - a model whose matrices are quantised as other programs write them computes
 * the bits of its twin, in floats, that has the same values. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "cadre.h"
#include "format/safetensors.h"
#include "kernel/number.h"
#include "support/logits.h"
#include "support/oracle.h"
#include "support/refusal.h"
#include "support/scratch.h"
#include "support/succeeds.h"

static cadre_context *context;

static int begin(void **state)
{
    (void)state;
    return cadre_context_new(1, NULL, &context);
}

static int end(void **state)
{
    (void)state;
    cadre_context_free(context);
    return 0;
}

/* ---- one matrix in every form ---- */

enum { PARTS = 5, GROUP = 32 };

typedef struct part {
    const char *suffix, *dtype;
    int rank;
    int64_t shape[2];
    uint8_t *data;
    size_t size;
} part;

typedef struct quantised {
    int64_t rows, cols, group;
    int *q;       /* [rows, cols] 0 to 15 */
    int *zero;    /* [rows, cols / group] */
    float *scale; /* [rows, cols / group], exact in every type that scales may have */
    int *order;   /* [cols] the group of a column */
    part parts[PARTS];
    int count;
} quantised;

typedef struct scheme {
    const char *name;
    void (*write)(quantised *m);
    bool zeros;    /* it has zero points; otherwise they are 8 */
    bool shuffled; /* columns are in groups without order */
    bool whole;    /* a group is a row */
    float (*value)(const quantised *m, int64_t r, int64_t c);
} scheme;

static int64_t groups(const quantised *m) { return m->cols / m->group; }

static uint8_t *add_part(
    quantised *m, const char *suffix, const char *dtype, int bytes, int64_t rows, int64_t cols)
{
    part *p = &m->parts[m->count++];
    *p = (part){ .suffix = suffix, .dtype = dtype, .rank = cols ? 2 : 1, .shape = { rows, cols } };
    p->size = (size_t)(rows * (cols ? cols : 1) * bytes);
    p->data = calloc(p->size, 1);
    return p->data;
}

static void put_nibble(uint8_t *words, int64_t word, int place, int value)
{
    uint32_t bits;
    memcpy(&bits, words + 4 * word, 4);
    bits |= (uint32_t)value << 4 * place;
    memcpy(words + 4 * word, &bits, 4);
}

static void put_scales(quantised *m, const char *suffix, const number_format *f, bool by_rows)
{
    const int64_t g = groups(m);
    uint8_t *at = add_part(
        m, suffix, f->safetensors, f->block_bytes, by_rows ? m->rows : g, by_rows ? g : m->rows);
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t i = 0; i < g; i++)
            f->pack(&m->scale[r * g + i],
                at + (by_rows ? r * g + i : i * m->rows + r) * f->block_bytes, 1);
}

static void put_order(quantised *m, const char *suffix)
{
    uint8_t *at = add_part(m, suffix, "I32", 4, m->cols, 0);
    for (int64_t c = 0; c < m->cols; c++) memcpy(at + 4 * c, &m->order[c], 4);
}

/* The place of column c of eight in AWQ's words: they hold 0, 2, 4, 6, 1, 3, 5, 7. */
static int awq_place(int64_t c)
{
    static const int held[] = { 0, 2, 4, 6, 1, 3, 5, 7 };
    int place = 0;
    while (held[place] != c % 8) place++;
    return place;
}

static void write_awq(quantised *m)
{
    const int64_t words = m->rows / 8;
    uint8_t *q = add_part(m, "qweight", "I32", 4, m->cols, words),
            *z = add_part(m, "qzeros", "I32", 4, groups(m), words);
    for (int64_t r = 0; r < m->rows; r++) {
        for (int64_t c = 0; c < m->cols; c++)
            put_nibble(q, c * words + r / 8, awq_place(r), m->q[r * m->cols + c]);
        for (int64_t g = 0; g < groups(m); g++)
            put_nibble(z, g * words + r / 8, awq_place(r), m->zero[r * groups(m) + g]);
    }
    put_scales(m, "scales", &number_f16, false);
}

static void write_gptq(quantised *m)
{
    uint8_t *q = add_part(m, "qweight", "I32", 4, m->cols / 8, m->rows),
            *z = add_part(m, "qzeros", "I32", 4, groups(m), m->rows / 8);
    for (int64_t r = 0; r < m->rows; r++) {
        for (int64_t c = 0; c < m->cols; c++)
            put_nibble(q, c / 8 * m->rows + r, (int)(c % 8), m->q[r * m->cols + c]);
        for (int64_t g = 0; g < groups(m); g++)
            put_nibble(
                z, g * (m->rows / 8) + r / 8, (int)(r % 8), (m->zero[r * groups(m) + g] - 1) & 15);
    }
    put_scales(m, "scales", &number_f16, false);
    put_order(m, "g_idx");
    add_part(m, "bias", "F16", 2, m->rows, 0);
}

static void write_rows(quantised *m)
{
    uint8_t *q = add_part(m, "weight_packed", "I32", 4, m->rows, m->cols / 8);
    const int64_t shape[2] = { m->rows, m->cols };
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t c = 0; c < m->cols; c++)
            put_nibble(q, (r * m->cols + c) / 8, (int)(c % 8), m->q[r * m->cols + c]);
    put_scales(m, "weight_scale", &number_bf16, true);
    memcpy(add_part(m, "weight_shape", "I64", 8, 2, 0), shape, sizeof shape);
}

static void write_rows_with_zeros(quantised *m)
{
    write_rows(m);
    uint8_t *z = add_part(m, "weight_zero_point", "I32", 4, m->rows / 8, groups(m));
    for (int64_t r = 0; r < m->rows; r++)
        for (int64_t g = 0; g < groups(m); g++)
            put_nibble(z, r / 8 * groups(m) + g, (int)(r % 8), m->zero[r * groups(m) + g]);
    put_order(m, "weight_g_idx");
}

/* ---- floats of four and eight bits ---- */

static float e2m1(int code)
{
    static const float levels[] = { 0, 0.5f, 1, 1.5f, 2, 3, 4, 6 };
    return code & 8 ? -levels[code & 7] : levels[code & 7];
}

/* A scale of 16 columns as E4M3: 2^-3 times 1, 1.125 ... 1.875 */
static int e4m3_code(const quantised *m, int64_t r, int64_t c)
{
    return 4 << 3 | (int)((r + c / 16 + m->q[0]) % 8);
}

static float e4m3(int code) { return ldexpf(1 + (float)(code & 7) / 8, (code >> 3) - 7); }

/* Of the matrix: a scale that multiplies, whose inverse is exact */
static const float of_all = 0.03125f;

static float value_of_nvfp4(const quantised *m, int64_t r, int64_t c)
{
    return e2m1(m->q[r * m->cols + c]) * (e4m3(e4m3_code(m, r, c)) * of_all);
}

static void put_nvfp4(quantised *m, const char *values, const char *scale, float whole)
{
    uint8_t *q = add_part(m, values, "U8", 1, m->rows, m->cols / 2),
            *s = add_part(m, "weight_scale", "F8_E4M3", 1, m->rows, m->cols / 16);
    for (int64_t i = 0; i < m->rows * m->cols; i++)
        q[i / 2] = (uint8_t)(q[i / 2] | m->q[i] << i % 2 * 4);
    for (int64_t i = 0; i < m->rows * m->cols / 16; i++)
        s[i] = (uint8_t)e4m3_code(m, i * 16 / m->cols, i * 16 % m->cols);
    memcpy(add_part(m, scale, "F32", 4, 1, 0), &whole, sizeof whole);
    memcpy(add_part(m, "input_scale", "F32", 4, 1, 0), &whole, sizeof whole);
}

static void write_nvfp4(quantised *m)
{
    put_nvfp4(m, "weight_packed", "weight_global_scale", 1 / of_all);
}

static void write_nvfp4_other(quantised *m) { put_nvfp4(m, "weight", "weight_scale_2", of_all); }

static int f8_code(const quantised *m, int64_t r, int64_t c)
{
    int q = m->q[r * m->cols + c];
    return q % 2 << 7 | 6 << 3 | q / 2;
}

static float f8_value(const quantised *m, int64_t r, int64_t c)
{
    int code = f8_code(m, r, c);
    return (code & 128 ? -1 : 1) * e4m3(code & 127);
}

static float value_of_f8_rows(const quantised *m, int64_t r, int64_t c)
{
    return f8_value(m, r, c) * m->scale[r * groups(m)];
}

static float value_of_f8(const quantised *m, int64_t r, int64_t c)
{
    return f8_value(m, r, c) * of_all;
}

static void put_f8(quantised *m)
{
    uint8_t *q = add_part(m, "weight", "F8_E4M3", 1, m->rows, m->cols);
    for (int64_t i = 0; i < m->rows * m->cols; i++)
        q[i] = (uint8_t)f8_code(m, i / m->cols, i % m->cols);
}

static void write_f8_rows(quantised *m)
{
    put_f8(m);
    put_scales(m, "weight_scale", &number_bf16, true);
}

static void write_f8(quantised *m)
{
    put_f8(m);
    memcpy(add_part(m, "weight_scale", "F32", 4, 1, 0), &of_all, sizeof of_all);
}

static float value_of_int4(const quantised *m, int64_t r, int64_t c)
{
    const int64_t g = r * groups(m) + m->order[c];
    return (float)(m->q[r * m->cols + c] - m->zero[g]) * m->scale[g];
}

static const scheme schemes[] = {
    { "awq", write_awq, true, false, false, value_of_int4 },
    { "gptq", write_gptq, true, false, false, value_of_int4 },
    { "gptq, act-order", write_gptq, true, true, false, value_of_int4 },
    { "rows", write_rows, false, false, false, value_of_int4 },
    { "whole rows", write_rows, false, false, true, value_of_int4 },
    { "rows with zeros", write_rows_with_zeros, true, false, false, value_of_int4 },
    { "rows, act-order", write_rows_with_zeros, true, true, false, value_of_int4 },
    { "nvfp4", write_nvfp4, false, false, false, value_of_nvfp4 },
    { "nvfp4, modelopt", write_nvfp4_other, false, false, false, value_of_nvfp4 },
    { "fp8 rows", write_f8_rows, false, false, true, value_of_f8_rows },
    { "fp8", write_f8, false, false, true, value_of_f8 },
};
enum { SCHEMES = sizeof schemes / sizeof *schemes };

static void (*damage)(quantised *m); /* what is done to every matrix; NULL: nothing */

/* Values and scales as they come of the matrix's place in the file. */
static quantised quantise(const scheme *s, const safetensors_tensor *t, uint32_t seed)
{
    quantised m = { .rows = t->shape[0], .cols = t->shape[1] };
    m.group = s->whole ? m.cols : GROUP;
    const int64_t scales = m.rows * groups(&m);
    m.q = calloc((size_t)(m.rows * m.cols), sizeof *m.q);
    m.zero = calloc((size_t)scales, sizeof *m.zero);
    m.scale = calloc((size_t)scales, sizeof *m.scale);
    m.order = calloc((size_t)m.cols, sizeof *m.order);
    uint32_t x = seed * 2654435761u + 1;
    for (int64_t i = 0; i < m.rows * m.cols; i++) {
        x = x * 1664525u + 1013904223u;
        m.q[i] = (int)(x >> 28);
    }
    for (int64_t i = 0; i < scales; i++) {
        x = x * 1664525u + 1013904223u;
        m.zero[i] = s->zeros ? (int)(x >> 28) : 8;
        m.scale[i] = ldexpf(1 + (float)(x >> 20 & 63) / 64, -6);
    }
    for (int64_t c = 0; c < m.cols; c++)
        m.order[c] = (int)(s->shuffled ? c * 7 % m.cols % groups(&m) : c / m.group);
    s->write(&m);
    if (damage) damage(&m);
    return m;
}

static void quantised_free(quantised *m)
{
    for (int i = 0; i < m->count; i++) free(m->parts[i].data);
    free(m->q);
    free(m->zero);
    free(m->scale);
    free(m->order);
}

/* ---- a model ---- */

static bool is_matrix(const safetensors_tensor *t)
{
    return t->rank == 2 && strstr(t->name, "_proj.weight");
}

static void declare(safetensors_writer *w, const safetensors_tensor *t, const quantised *m)
{
    char name[256];
    for (int i = 0; m && i < m->count; i++) {
        const part *p = &m->parts[i];
        snprintf(name, sizeof name, "%.*s%s", (int)strlen(t->name) - 6, t->name, p->suffix);
        succeeds(safetensors_writer_declare(w, name, p->dtype, p->rank, p->shape));
    }
    const char *dtype = is_matrix(t) ? "F32" : t->dtype;
    if (!m) succeeds(safetensors_writer_declare(w, t->name, dtype, t->rank, t->shape));
}

static void put_values(
    safetensors_writer *w, const scheme *s, const safetensors_tensor *t, const quantised *m)
{
    if (!is_matrix(t)) {
        succeeds(safetensors_writer_put(w, t->data, t->size));
        return;
    }
    for (int64_t i = 0; i < m->rows * m->cols; i++) {
        float value = s->value(m, i / m->cols, i % m->cols);
        succeeds(safetensors_writer_put(w, &value, sizeof value));
    }
}

/* The model's file with its matrices quantised, or with their values. */
static void write_model(const safetensors *from, const scheme *s, bool packed, const char *name)
{
    safetensors_writer *w;
    const size_t count = safetensors_count(from);
    quantised *all = calloc(count, sizeof *all);
    succeeds(safetensors_writer_open(scratch_file(name), false, &w));
    for (size_t i = 0; i < count; i++) {
        const safetensors_tensor *t = safetensors_at(from, i);
        if (is_matrix(t)) all[i] = quantise(s, t, (uint32_t)i);
        declare(w, t, packed && is_matrix(t) ? &all[i] : NULL);
    }
    for (size_t i = 0; i < count; i++) {
        const safetensors_tensor *t = safetensors_at(from, i);
        if (!packed || !is_matrix(t)) put_values(w, s, t, &all[i]);
        for (int k = 0; packed && k < all[i].count; k++)
            succeeds(safetensors_writer_put(w, all[i].parts[k].data, all[i].parts[k].size));
        quantised_free(&all[i]);
    }
    free(all);
    succeeds(safetensors_writer_commit(w));
}

static const char *source_model(void)
{
    static char folder[4096];
    char *config;
    size_t size;
    snprintf(folder, sizeof folder, "%s", oracle_path("models/qwen3_moe"));
    char path[4200];
    snprintf(path, sizeof path, "%s/config.json", folder);
    succeeds(file_read(path, (size_t)1 << 20, &config, &size));
    succeeds(file_write(scratch_file("config.json"), config, size));
    cadre_free(config);
    return folder;
}

static void each_scheme_is_its_values(void **state)
{
    (void)state;
    safetensors *from;
    succeeds(safetensors_open(source_model(), &from));
    for (int i = 0; i < SCHEMES; i++) {
        write_model(from, &schemes[i], false, "model.safetensors");
        safetensors *x = logits_of(context, scratch_folder(), "a.safetensors");
        write_model(from, &schemes[i], true, "model.safetensors");
        safetensors *y = logits_of(context, scratch_folder(), "b.safetensors");
        if (!logits_equal(x, y)) fail_msg("%s: other logits than its values'", schemes[i].name);
        safetensors_close(x);
        safetensors_close(y);
    }
    safetensors_close(from);
}

/* ---- files that are not what they say ---- */

enum wrong {
    REMOVED,
    OF_ITS_TYPE, /* of another one, as wide */
    FLAT,        /* of one dimension */
    HALF_AS_HIGH,
    A_ROW_LESS,
    A_COLUMN_LESS,
    BEGINS, /* with other bytes */
};

typedef struct refusal_case {
    int scheme;
    const char *part;
    enum wrong wrong;
    const char *words; /* behind the part's name */
    uint32_t first;    /* it begins with these bits */
} refusal_case;

static const refusal_case refusals[] = {
    /* AWQ */
    { 0, "qweight", OF_ITS_TYPE, ": expected I32, found F32", 0 },
    { 0, "qweight", FLAT, ": expected a shape of [64, 16], found [1024]", 0 },
    { 0, "qweight", A_COLUMN_LESS, ": expected a shape of [64, 16], found [64, 15]", 0 },
    { 0, "qweight", HALF_AS_HIGH, ": expected a shape of [8, 128], found [32, 32]", 0 },
    { 0, "qzeros", REMOVED, ": expected a tensor of this name, found none", 0 },
    { 0, "qzeros", A_ROW_LESS, ": expected a shape of [2, 16], found [1, 16]", 0 },
    { 0, "scales", REMOVED, ": expected a tensor of this name, found none", 0 },
    { 0, "scales", OF_ITS_TYPE, ": expected plain numbers, found I16", 0 },
    { 0, "scales", A_COLUMN_LESS, ": expected a shape of [2, 128], found [2, 127]", 0 },
    /* GPTQ */
    { 1, "qweight", A_ROW_LESS, ": expected a shape of [8, 128], found [7, 128]", 0 },
    { 1, "qzeros", OF_ITS_TYPE, ": expected I32, found F32", 0 },
    { 1, "qzeros", A_COLUMN_LESS, ": expected a shape of [2, 16], found [2, 15]", 0 },
    { 1, "scales", FLAT, ": expected a shape of [1, 128], found [256]", 0 },
    { 2, "g_idx", BEGINS, "[0]: expected 0 to 1, found 99", 99 },
    { 2, "g_idx", BEGINS, "[0]: expected 0 to 1, found -1", UINT32_MAX },
    { 2, "g_idx", OF_ITS_TYPE, ": expected I32, found F32", 0 },
    { 2, "g_idx", A_ROW_LESS, ": expected a shape of [64], found [63]", 0 },
    { 2, "bias", BEGINS, ": expected no tensor of this name", 0x3f800000 },
    /* INT4 in rows */
    { 3, "weight_packed", HALF_AS_HIGH, ": expected a shape of [128, 8], found [64, 16]", 0 },
    { 3, "weight_packed", OF_ITS_TYPE, ": expected I32, found F32", 0 },
    { 3, "weight_scale", REMOVED, ": expected a tensor of this name, found none", 0 },
    { 3, "weight_scale", OF_ITS_TYPE, ": expected plain numbers, found I16", 0 },
    { 3, "weight_scale", A_ROW_LESS, ": expected a shape of [128, 2], found [127, 2]", 0 },
    { 5, "weight_zero_point", OF_ITS_TYPE, ": expected I32, found F32", 0 },
    { 5, "weight_zero_point", A_ROW_LESS, ": expected a shape of [16, 2], found [15, 2]", 0 },
    { 6, "weight_g_idx", BEGINS, "[0]: expected 0 to 1, found 99", 99 },
    { 6, "weight_g_idx", OF_ITS_TYPE, ": expected I32, found F32", 0 },
    /* NVFP4 */
    { 7, "weight_packed", A_COLUMN_LESS, ": expected a shape of [128, 32], found [128, 31]", 0 },
    { 7, "weight_scale", REMOVED, ": expected a tensor of this name, found none", 0 },
    { 7, "weight_scale", OF_ITS_TYPE, ": expected F8_E4M3, found U8", 0 },
    { 7, "weight_scale", HALF_AS_HIGH, ": expected a shape of [128, 4], found [64, 8]", 0 },
    { 7, "weight_global_scale", REMOVED, ": expected a tensor of this name, found none", 0 },
    { 7, "weight_global_scale", OF_ITS_TYPE, ": expected F32, found I32", 0 },
    { 7, "weight_global_scale", BEGINS, ": expected a finite number above 0, found 0", 0 },
    { 7, "weight_global_scale", BEGINS, ": expected a finite number above 0, found inf",
        0x7f800000 },
    { 8, "weight", FLAT, ": expected a shape of [128, 32], found [4096]", 0 },
    { 8, "weight_scale_2", BEGINS, ": expected a finite number above 0, found nan", 0x7fc00000 },
    { 8, "weight_scale_2", BEGINS, ": expected a finite number above 0, found -1", 0xbf800000 },
    /* FP8 */
    { 9, "weight_scale", A_ROW_LESS, ": expected a shape of [1, 1], found [127, 1]", 0 },
    { 9, "weight_scale", OF_ITS_TYPE, ": expected F32 or BF16, found I16", 0 },
    { 10, "weight", A_COLUMN_LESS, ": expected a shape of [128, 64], found [128, 63]", 0 },
    { 10, "weight_scale", OF_ITS_TYPE, ": expected F32 or BF16, found I32", 0 },
    { 10, "weight_scale", REMOVED, "_inv: expected a tensor of this name, found none", 0 },
    { 10, "weight_scale", BEGINS, ": expected a finite number, found nan", 0x7fc00000 },
};

static const refusal_case *tried; /* by spoil */

static const char *other_type(const char *type)
{
    static const char *const pairs[][2] = { { "I32", "F32" }, { "F32", "I32" }, { "F16", "I16" },
        { "BF16", "I16" }, { "U8", "I8" }, { "F8_E4M3", "U8" } };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (!strcmp(pairs[i][0], type)) return pairs[i][1];
    fail_msg("%s: no type as wide", type);
    return NULL;
}

/* Takes one off a dimension. */
static void shorten(part *p, int dimension)
{
    p->size -= p->size / (size_t)p->shape[dimension];
    p->shape[dimension]--;
}

static void spoil(quantised *m)
{
    part *p = m->parts;
    while (strcmp(p->suffix, tried->part) != 0) p++;
    assert_true(p < m->parts + m->count);
    switch (tried->wrong) {
    case REMOVED:
        free(p->data);
        *p = m->parts[--m->count];
        break;
    case OF_ITS_TYPE: p->dtype = other_type(p->dtype); break;
    case FLAT:
        p->rank = 1;
        p->shape[0] *= p->shape[1];
        break;
    case HALF_AS_HIGH:
        p->shape[0] /= 2;
        p->shape[1] *= 2;
        break;
    case A_ROW_LESS: shorten(p, 0); break;
    case A_COLUMN_LESS: shorten(p, 1); break;
    case BEGINS: memcpy(p->data, &tried->first, 4); break;
    }
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    char path[4096], words[256];
    safetensors *from;
    cadre_model *model;
    int bad = 0;
    if (oracle_is_small()) { /* whose matrices have other shapes than the messages say */
        printf("SKIP: not in the oracle that is at hand: packed matrices that do not fit\n");
        return;
    }
    succeeds(safetensors_open(source_model(), &from));
    snprintf(path, sizeof path, "%s", scratch_file("model.safetensors"));
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        tried = &refusals[i];
        const scheme *s = &schemes[tried->scheme];
        damage = spoil;
        write_model(from, s, true, "model.safetensors");
        damage = NULL;
        cadre_status status = cadre_model_open(context, scratch_folder(), &model);
        snprintf(words, sizeof words, ".%s%s", tried->part, tried->words);
        bad += !refusal_is_good(s->name, status, path, words);
        if (status == CADRE_OK) cadre_model_close(model);
    }
    safetensors_close(from);
    printf("    %zu kinds\n", sizeof refusals / sizeof *refusals);
    assert_int_equal(bad, 0);
}

/* ---- a limit of memory ---- */

static cadre_status open_within(int64_t memory, cadre_model **model)
{
    const cadre_open_options how = { .size = sizeof how, .memory = memory };
    return cadre_model_open_with(context, scratch_folder(), &how, model);
}

/* Experts of FP8 and their scales are read when they are needed, with the bits of the whole. */
static void check_streamed(const char *name)
{
    static const int32_t tokens[] = { 3, 9, 27, 4 };
    cadre_model *model;
    cadre_store store = { .size = sizeof store };
    safetensors *x, *y;
    succeeds(cadre_model_open(context, scratch_folder(), &model));
    succeeds(cadre_logits(model, tokens, 4, NULL, 0, scratch_file("a.safetensors")));
    cadre_model_info info = { .size = sizeof info };
    succeeds(cadre_model_info_get(model, &info));
    cadre_model_close(model);
    succeeds(open_within(info.weight_bytes - 1, &model));
    succeeds(cadre_model_store(model, &store));
    cadre_model_close(model);
    if (!store.slots) fail_msg("%s: no slots", name);
    succeeds(open_within(store.least, &model));
    succeeds(cadre_logits(model, tokens, 4, NULL, 0, scratch_file("b.safetensors")));
    cadre_model_close(model);
    succeeds(safetensors_open(scratch_file("a.safetensors"), &x));
    succeeds(safetensors_open(scratch_file("b.safetensors"), &y));
    if (!logits_equal(x, y)) fail_msg("%s: other logits than of the whole", name);
    safetensors_close(x);
    safetensors_close(y);
    succeeds(file_remove(scratch_file("a.safetensors")));
    succeeds(file_remove(scratch_file("b.safetensors")));
}

static void experts_within_a_limit(void **state)
{
    static const struct {
        int scheme;
        const char *words; /* NULL: it works */
    } cases[] = { { 0, "of experts are AWQ-INT4 in the file" },
        { 2, "of experts are GPTQ-INT4 in the file" }, { 5, "of experts are INT4 in the file" },
        { 7, "of experts are NVFP4 in the file" }, { 9, NULL }, { 10, NULL } };
    (void)state;
    safetensors *from;
    cadre_model *model;
    succeeds(safetensors_open(source_model(), &from));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const scheme *s = &schemes[cases[i].scheme];
        write_model(from, s, true, "model.safetensors");
        if (cases[i].words) refuses(open_within(1, &model), CADRE_EARGUMENT, cases[i].words);
        else check_streamed(s->name);
    }
    safetensors_close(from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_scheme_is_its_values, begin, end),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(experts_within_a_limit, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
