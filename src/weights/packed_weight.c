/* packed_weight.c - finds the tensors that a packed matrix consists of, and reads its rows. */
#include "weights/packed_weight.h"

#include <stdio.h>
#include <string.h>

#include "arch/tensor_name.h"
#include "base/status.h"

enum { WORD = 8 /* elements */, NVFP4_GROUP = 16, INT4_BLOCK = 32, NVFP4_BLOCK = 64, MIDDLE = 8 };

/* ---- finding ---- */

/* "X." of "X.weight", with which the names of its other tensors begin */
static bool stem_of(const char *name, char stem[TENSOR_NAME])
{
    static const char end[] = ".weight";
    size_t length = strlen(name), cut = sizeof end - 1;
    if (length < cut || length >= TENSOR_NAME || strcmp(name + length - cut, end) != 0)
        return false;
    snprintf(stem, TENSOR_NAME, "%.*s", (int)(length - cut), name);
    return true;
}

static bool find(const weight_file *f, const char *stem, const char *suffix, stored_tensor *t)
{
    char full[TENSOR_NAME + 32];
    stored_tensor found;
    snprintf(full, sizeof full, "%s.%s", stem, suffix);
    if (!weight_file_find(f, full, &found)) return false;
    *t = found;
    return true;
}

static bool is_nvfp4(const weight_file *f, const char *stem, stored_tensor *values)
{
    stored_tensor scale;
    if (find(f, stem, "weight_packed", values)) return !strcmp(values->type, "U8");
    return find(f, stem, "weight", values) && !strcmp(values->type, "U8") &&
           find(f, stem, "weight_scale_2", &scale);
}

bool packed_weight_there(const weight_file *f, const char *name)
{
    char stem[TENSOR_NAME];
    stored_tensor t;
    return !f->gguf && stem_of(name, stem) &&
           (find(f, stem, "qweight", &t) || find(f, stem, "weight_packed", &t) ||
               is_nvfp4(f, stem, &t));
}

typedef struct expectation {
    const weight_file *file;
    const char *stem;
    packed_weight *w;
} expectation;

static cadre_status expect(const expectation *e, const char *suffix, const char *type, int rank,
    const int64_t *shape, stored_tensor *t)
{
    if (!find(e->file, e->stem, suffix, t))
        return cadre_fail(CADRE_EFORMAT, weight_file_path(e->file),
            "%s.%s: expected a tensor of this name, found none", e->stem, suffix);
    if (type ? strcmp(t->type, type) != 0 : !t->format || t->format->block > 1)
        return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(e->file),
            "%s.%s: expected %s, found %s", e->stem, suffix, type ? type : "plain numbers",
            t->type);
    char full[TENSOR_NAME + 32];
    snprintf(full, sizeof full, "%s.%s", e->stem, suffix);
    return stored_has_shape(t, rank, shape) ? CADRE_OK
                                            : stored_refuse_shape(e->file, full, rank, shape, t);
}

static cadre_status refuse_group(const expectation *e, const char *suffix, int64_t groups)
{
    return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(e->file),
        "%s.%s: expected groups that divide %lld columns, found %lld", e->stem, suffix,
        (long long)e->w->cols, (long long)groups);
}

/* The number of groups that have scales along dimension `along` */
static cadre_status find_scales(const expectation *e, const char *suffix, int along)
{
    packed_weight *w = e->w;
    stored_tensor t;
    int64_t groups = find(e->file, e->stem, suffix, &t) && t.rank == 2 ? t.shape[along] : 1;
    if (groups < 1 || w->cols % groups) return refuse_group(e, suffix, groups);
    w->group = w->cols / groups;
    const int64_t shape[2] = { along ? w->rows : groups, along ? groups : w->rows };
    return expect(e, suffix, NULL, 2, shape, &w->scales);
}

/* Finds the order of columns that quantisers with "act order" store. An order that only counts up
 * is ignored. */
static cadre_status find_order(const expectation *e, const char *suffix)
{
    packed_weight *w = e->w;
    bool counts = true;
    if (!find(e->file, e->stem, suffix, &w->order)) return CADRE_OK;
    CADRE_TRY(expect(e, suffix, "I32", 1, &w->cols, &w->order));
    for (int64_t c = 0; c < w->cols; c++) {
        int32_t group;
        memcpy(&group, w->order.data + 4 * c, sizeof group);
        if (group < 0 || group >= w->cols / w->group)
            return cadre_fail(CADRE_EFORMAT, weight_file_path(e->file),
                "%s.%s[%lld]: expected 0 to %lld, found %d", e->stem, suffix, (long long)c,
                (long long)(w->cols / w->group - 1), (int)group);
        counts &= group == c / w->group;
    }
    if (counts) w->order = (stored_tensor){ 0 };
    return CADRE_OK;
}

static cadre_status find_by_columns(const expectation *e)
{
    packed_weight *w = e->w;
    stored_tensor t;
    find(e->file, e->stem, "qweight", &t);
    bool gptq = t.rank == 2 && t.shape[0] != w->cols;
    w->kind = gptq ? PACKED_GPTQ : PACKED_AWQ;
    w->type = gptq ? "GPTQ-INT4" : "AWQ-INT4";
    const int64_t values[2] = { gptq ? w->cols / WORD : w->cols, gptq ? w->rows : w->rows / WORD };
    CADRE_TRY(expect(e, "qweight", "I32", 2, values, &w->values));
    CADRE_TRY(find_scales(e, "scales", 0));
    const int64_t zeros[2] = { w->cols / w->group, w->rows / WORD };
    CADRE_TRY(expect(e, "qzeros", "I32", 2, zeros, &w->zeros));
    return gptq ? find_order(e, "g_idx") : CADRE_OK;
}

static cadre_status find_by_rows(const expectation *e)
{
    packed_weight *w = e->w;
    const int64_t values[2] = { w->rows, w->cols / WORD };
    w->kind = PACKED_ROWS;
    w->type = "INT4";
    CADRE_TRY(expect(e, "weight_packed", "I32", 2, values, &w->values));
    CADRE_TRY(find_scales(e, "weight_scale", 1));
    const int64_t zeros[2] = { w->rows / WORD, w->cols / w->group };
    if (find(e->file, e->stem, "weight_zero_point", &w->zeros))
        CADRE_TRY(expect(e, "weight_zero_point", "I32", 2, zeros, &w->zeros));
    return find_order(e, "weight_g_idx");
}

static cadre_status find_nvfp4(const expectation *e)
{
    packed_weight *w = e->w;
    const int64_t values[2] = { w->rows, w->cols / 2 },
                  scales[2] = { w->rows, w->cols / NVFP4_GROUP }, one = 1;
    bool divides = find(e->file, e->stem, "weight_packed", &w->values);
    const char *whole = divides ? "weight_global_scale" : "weight_scale_2";
    w->kind = PACKED_NVFP4;
    w->type = "NVFP4";
    w->group = NVFP4_GROUP;
    CADRE_TRY(expect(e, divides ? "weight_packed" : "weight", "U8", 2, values, &w->values));
    CADRE_TRY(expect(e, "weight_scale", "F8_E4M3", 2, scales, &w->scales));
    CADRE_TRY(expect(e, whole, "F32", 1, &one, &w->whole));
    memcpy(&w->scale, w->whole.data, sizeof w->scale);
    if (!(w->scale > 0) || w->scale - w->scale != 0)
        return cadre_fail(CADRE_EFORMAT, weight_file_path(e->file),
            "%s.%s: expected a finite number above 0, found %g", e->stem, whole, (double)w->scale);
    if (divides) w->scale = 1 / w->scale;
    return CADRE_OK;
}

cadre_status packed_weight_find(
    const weight_file *f, const char *name, int64_t rows, int64_t cols, packed_weight *out)
{
    char stem[TENSOR_NAME];
    stored_tensor t;
    packed_weight w = { .rows = rows, .cols = cols };
    const expectation e = { f, stem, &w };
    cadre_status status;
    if (!stem_of(name, stem) || cols % NVFP4_GROUP || rows % WORD)
        return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(f),
            "%s: expected rows that are a multiple of %d and columns that are one of %d in a "
            "quantised matrix, found [%lld, %lld]",
            name, WORD, NVFP4_GROUP, (long long)rows, (long long)cols);
    if (is_nvfp4(f, stem, &t)) status = find_nvfp4(&e);
    else status = find(f, stem, "qweight", &t) ? find_by_columns(&e) : find_by_rows(&e);
    if (status == CADRE_OK) *out = w;
    return status;
}

bool packed_weight_is_plain(const packed_weight *w)
{
    return w->kind == PACKED_ROWS && !w->zeros.data && !w->order.data;
}

int packed_weight_tensors(const packed_weight *w, const uint8_t *begin[PACKED_TENSORS])
{
    const stored_tensor *all[PACKED_TENSORS] = { &w->values, &w->scales, &w->zeros, &w->order,
        &w->whole };
    int count = 0;
    for (int i = 0; i < PACKED_TENSORS; i++)
        if (all[i]->data) begin[count++] = all[i]->data;
    return count;
}

int64_t packed_weight_bytes(const packed_weight *w)
{
    return (
        int64_t)(w->values.size + w->scales.size + w->zeros.size + w->order.size + w->whole.size);
}

static bool is_zero(const stored_tensor *t)
{
    for (size_t i = 0; i < t->size; i++)
        if (t->data[i]) return false;
    return true;
}

bool packed_weight_accompanies(const weight_file *f, const char *name, const stored_tensor *tensor)
{
    static const char *const ends[] = { ".weight_shape", ".input_scale", ".input_global_scale",
        ".k_scale", ".v_scale", ".g_idx", ".weight_g_idx", ".bias" };
    char plain[TENSOR_NAME];
    const char *dot = strrchr(name, '.');
    size_t stem = dot ? (size_t)(dot - name) : 0;
    stored_tensor t;
    if (f->gguf || !dot || stem + sizeof ".weight" > sizeof plain) return false;
    snprintf(plain, sizeof plain, "%.*s.weight", (int)stem, name);
    bool packed = packed_weight_there(f, plain),
         f8 = weight_file_find(f, plain, &t) && !strcmp(t.type, "F8_E4M3");
    if (!strcmp(dot, ".bias")) return packed && is_zero(tensor);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!strcmp(dot, ends[i])) return packed || f8;
    return false;
}

/* ---- rows ---- */

/* Element i of a row of 32-bit words */
static int nibble(const stored_tensor *t, int64_t word, int shift)
{
    uint32_t bits;
    memcpy(&bits, t->data + 4 * word, sizeof bits);
    return bits >> shift & 15;
}

/* Eight neighbours of AWQ are in a word as 0, 2, 4, 6, 1, 3, 5, 7. */
static int awq_shift(int64_t column)
{
    static const int places[WORD] = { 0, 4, 1, 5, 2, 6, 3, 7 };
    return 4 * places[column % WORD];
}

static int value_at(const packed_weight *w, int64_t r, int64_t c)
{
    const int in_word = (int)(c % WORD);
    switch (w->kind) {
    case PACKED_AWQ: return nibble(&w->values, c * (w->rows / WORD) + r / WORD, awq_shift(r));
    case PACKED_GPTQ: return nibble(&w->values, c / WORD * w->rows + r, 4 * in_word);
    case PACKED_ROWS: return nibble(&w->values, (r * w->cols + c) / WORD, 4 * in_word);
    default: return w->values.data[(r * w->cols + c) / 2] >> c % 2 * 4 & 15;
    }
}

/* GPTQ stores one less than the zero point. */
static int zero_at(const packed_weight *w, int64_t r, int64_t group)
{
    const int64_t words = w->rows / WORD;
    const int in_word = 4 * (int)(r % WORD);
    switch (w->kind) {
    case PACKED_AWQ: return nibble(&w->zeros, group * words + r / WORD, awq_shift(r));
    case PACKED_GPTQ: return (nibble(&w->zeros, group * words + r / WORD, in_word) + 1) & 15;
    default:
        return w->zeros.data ? nibble(&w->zeros, r / WORD * (w->cols / w->group) + group, in_word)
                             : MIDDLE;
    }
}

static float scale_at(const packed_weight *w, int64_t r, int64_t group)
{
    const int64_t groups = w->cols / w->group;
    const bool by_rows = w->kind == PACKED_ROWS || w->kind == PACKED_NVFP4;
    const int64_t at = by_rows ? r * groups + group : group * w->rows + r;
    float value;
    w->scales.format->unpack(w->scales.data + number_row_bytes(w->scales.format, at), &value, 1);
    return value;
}

static int64_t group_of(const packed_weight *w, int64_t c)
{
    int32_t group;
    if (!w->order.data) return c / w->group;
    memcpy(&group, w->order.data + 4 * c, sizeof group);
    return group;
}

void packed_weight_row(const packed_weight *w, int64_t r, float *values)
{
    int64_t last = -1;
    int zero = 0;
    float scale = 0, of_all = w->kind == PACKED_NVFP4 ? 0.5f : 1;
    if (w->kind == PACKED_NVFP4)
        number_e2m1.unpack(w->values.data + r * w->cols / 2, values, w->cols);
    for (int64_t c = 0; c < w->cols; c++) {
        const int64_t group = group_of(w, c);
        if (group != last) {
            scale = scale_at(w, r, group);
            if (w->kind == PACKED_NVFP4) scale = of_all * (scale * w->scale);
            else zero = zero_at(w, r, group);
            last = group;
        }
        if (w->kind == PACKED_NVFP4) values[c] *= scale;
        else values[c] = (float)(value_at(w, r, c) - zero) * scale;
    }
}

const number_format *packed_weight_format(const packed_weight *w)
{
    if (w->order.data) return NULL;
    if (w->kind == PACKED_NVFP4) return w->cols % NVFP4_BLOCK ? NULL : &number_nvfp4_whole;
    return w->group % INT4_BLOCK ? NULL : &number_int4_zero;
}

/* One block of either format: its scales, then its pairs */
static void lay_block(const packed_weight *w, int64_t r, int64_t c, uint8_t *at)
{
    int elements = NVFP4_BLOCK;
    if (w->kind == PACKED_NVFP4) {
        memcpy(at, &w->scale, sizeof w->scale);
        memcpy(at + 4, w->scales.data + (r * w->cols + c) / NVFP4_GROUP, 4);
        at += 8;
    } else {
        const float scale = scale_at(w, r, c / w->group);
        memcpy(at, &scale, sizeof scale);
        at[4] = (uint8_t)zero_at(w, r, c / w->group);
        at += 5;
        elements = INT4_BLOCK;
    }
    for (int i = 0; i < elements; i += 2)
        at[i / 2] = (uint8_t)(value_at(w, r, c + i) | value_at(w, r, c + i + 1) << 4);
}

void packed_weight_lay(const packed_weight *w, int64_t r, void *blocks)
{
    const number_format *f = packed_weight_format(w);
    for (int64_t c = 0; c < w->cols; c += f->block)
        lay_block(w, r, c, (uint8_t *)blocks + number_row_bytes(f, c));
}
