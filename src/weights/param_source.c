/* param_source.c - finds tensors by the names of an architecture, and the second tensors of those
 * whose blocks have scales: FP8's NAME_scale_inv or NAME_scale, NAME_scales beside NAME_blocks,
 * which together are MXFP4, and NVFP4's NAME.scale in GGUF. */
#include "weights/param_source.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "arch/architecture.h"
#include "base/memory.h"

enum { MXFP4_BLOCK = 32, PIECE = 256 };

/* ---- finding ---- */

static cadre_status find_suffixed(
    const weight_file *f, const char *name, const char *suffix, stored_tensor *t)
{
    char full[TENSOR_NAME + 16];
    snprintf(full, sizeof full, "%s%s", name, suffix);
    if (weight_file_find(f, full, t)) return CADRE_OK;
    return cadre_fail(
        CADRE_EFORMAT, weight_file_path(f), "%s: expected a tensor of this name, found none", full);
}

static bool there(const weight_file *f, const tensor_name *n, const char *name)
{
    char full[TENSOR_NAME + 16];
    stored_tensor t;
    if (!(n->form & TENSOR_MXFP4))
        return weight_file_find(f, name, &t) || packed_weight_there(f, name);
    snprintf(full, sizeof full, "%s_blocks", name);
    return weight_file_find(f, full, &t);
}

static tensor_naming naming_of(const weight_file *f)
{
    return f->gguf ? NAMES_OF_GGUF : NAMES_OF_FOLDER;
}

/* Sets `n` to the first of the role's names that the file has (*found), or to its first name, for
 * the error. Returns false if such files have no name for it. */
static bool choose_name(const weight_file *f, const model_config *c, const param *p, tensor_name *n,
    char name[TENSOR_NAME], bool *found)
{
    for (int i = 0; tensor_name_of(c->arch, naming_of(f), p->role, i, n); i++) {
        if (!f->gguf && tensor_name_in_part(c->arch, n, p, name) && there(f, n, name))
            return *found = true;
        tensor_name_text(n, p, name);
        if ((*found = there(f, n, name))) return true;
    }
    if (!tensor_name_of(c->arch, naming_of(f), p->role, 0, n)) return false;
    tensor_name_text(n, p, name);
    return true;
}

bool param_source_exists(const weight_file *f, const model_config *c, const param *p)
{
    char name[TENSOR_NAME];
    tensor_name n;
    bool found = false;
    choose_name(f, c, p, &n, name, &found);
    return found;
}

/* The form of the scales of FP8: one for the matrix, for each row, or for each block of 128 x
 * 128 */
static const number_block_scale_form *form_of_fp8(const param_source *s)
{
    const number_format *format = s->scales.format;
    if (stored_has_shape(&s->scales, 1, &(int64_t){ 1 }))
        return number_block_scale_form_of(0, 0, format);
    if (stored_has_shape(&s->scales, 2, (int64_t[]){ s->param->rows, 1 }))
        return number_block_scale_form_of(1, 0, format);
    return format == &number_bf16 ? &number_block_scale_bf16 : &number_block_scale_f32;
}

/* Refuses the only scale of a matrix if it is not finite. */
static cadre_status expect_finite(const weight_file *f, const char *name, const stored_tensor *t)
{
    float scale;
    t->format->unpack(t->data, &scale, 1);
    if (isfinite(scale)) return CADRE_OK;
    return cadre_fail(CADRE_EFORMAT, weight_file_path(f), "%s: expected a finite number, found %g",
        name, (double)scale);
}

static cadre_status find_fp8(const weight_file *f, const char *name, param_source *s)
{
    const param *p = s->param;
    char scale[TENSOR_NAME + 16];
    snprintf(scale, sizeof scale, "%s_scale", name);
    if (!weight_file_find(f, scale, &s->scales)) {
        CADRE_TRY(find_suffixed(f, name, "_scale_inv", &s->scales));
        snprintf(scale, sizeof scale, "%s_scale_inv", name);
    }
    if (s->form || param_is_vector(p))
        return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(f),
            "%s: expected F8_E4M3 for a plain matrix alone", name);
    if (s->scales.format != &number_f32 && s->scales.format != &number_bf16)
        return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(f),
            "%s: expected F32 or BF16, found %s", scale, s->scales.type);
    const number_block_scale_form *form = form_of_fp8(s);
    const int64_t shape[] = { (p->rows + form->rows - 1) / form->rows,
        (p->cols + form->cols - 1) / form->cols };
    s->block_scales = (number_block_scales){
        .form = form, .at = s->scales.data, .stride = shape[1] * form->bytes
    };
    if (!stored_has_shape(&s->scales, 2, shape))
        return stored_refuse_shape(f, scale, 2, shape, &s->scales);
    return shape[0] * shape[1] == 1 ? expect_finite(f, scale, &s->scales) : CADRE_OK;
}

/* Finds the scale of NVFP4 in GGUF: NAME.scale has one for the matrix, or one for each expert. */
static cadre_status find_whole_scales(const weight_file *f, const char *name, param_source *s)
{
    char scale[TENSOR_NAME + 16];
    size_t stem = strlen(name);
    if (stem > 7 && !strcmp(name + stem - 7, ".weight")) stem -= 7;
    snprintf(scale, sizeof scale, "%.*s.scale", (int)stem, name);
    if (!weight_file_find(f, scale, &s->scales)) return CADRE_OK;
    const int64_t count = s->tensor.rank == 3 ? s->tensor.shape[0] : 1;
    if (s->scales.format != &number_f32 || !stored_has_shape(&s->scales, 1, &count))
        return cadre_fail(CADRE_EMISMATCH, weight_file_path(f),
            "%s: expected %lld elements in F32, found another shape or type", scale,
            (long long)count);
    const int64_t expert = count > 1 && s->param->expert > 0 ? s->param->expert : 0;
    s->block_scales = (number_block_scales){ .form = number_block_scale_form_of(0, 0, &number_f32),
        .at = s->scales.data + 4 * expert };
    return CADRE_OK;
}

static cadre_status find_packed(
    const weight_file *f, const char *name, int rank, const int64_t *shape, param_source *s)
{
    packed_weight w;
    if (rank != 2 || s->place.col != 1 || s->place.row % shape[1] || s->place.offset % shape[1] ||
        s->param->cols != shape[1])
        return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(f),
            "%s: expected whole rows of a plain matrix where it is quantised, found another part",
            name);
    CADRE_TRY(packed_weight_find(f, name, shape[0], shape[1], &w));
    const number_block_scale_form *form =
        number_block_scale_form_of(1, w.group == w.cols ? 0 : w.group, w.scales.format);
    s->tensor = w.values;
    s->tensor.type = w.type;
    s->tensor.format = &number_int4;
    s->scales = w.scales;
    if (packed_weight_is_plain(&w) && form)
        s->block_scales = (number_block_scales){ .form = form,
            .at = w.scales.data + s->place.offset / w.group * form->bytes,
            .stride = s->place.row / w.group * form->bytes };
    else s->packed = w;
    return CADRE_OK;
}

static cadre_status find_mxfp4(
    const weight_file *f, const char *name, int rank, const int64_t *shape, param_source *s)
{
    int64_t blocks[5];
    memcpy(blocks, shape, (size_t)rank * sizeof *shape);
    CADRE_TRY(find_suffixed(f, name, "_blocks", &s->tensor));
    CADRE_TRY(find_suffixed(f, name, "_scales", &s->scales));
    if (strcmp(s->tensor.type, "U8") != 0 || strcmp(s->scales.type, "U8") != 0 ||
        s->param->cols % MXFP4_BLOCK)
        return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(f),
            "%s: expected blocks of %d elements in U8, found %s", name, MXFP4_BLOCK,
            s->tensor.type);
    s->tensor.type = "MXFP4";
    s->tensor.format = &number_e2m1;
    blocks[rank - 1] = shape[rank - 1] / MXFP4_BLOCK;
    blocks[rank] = MXFP4_BLOCK / 2;
    if (!stored_has_shape(&s->tensor, rank + 1, blocks))
        return stored_refuse_shape(f, name, rank + 1, blocks, &s->tensor);
    if (!stored_has_shape(&s->scales, rank, blocks))
        return stored_refuse_shape(f, name, rank, blocks, &s->scales);
    s->block_scales = (number_block_scales){ .form = &number_block_scale_e8m0,
        .at = s->scales.data + s->place.offset / MXFP4_BLOCK,
        .stride = s->place.row / MXFP4_BLOCK };
    return CADRE_OK;
}

static cadre_status find_named(const weight_file *f, const model_config *c, const tensor_name *n,
    const char *name, param_source *s)
{
    int64_t shape[4];
    int rank = tensor_name_shape(n, c, s->param, shape);
    if (n->form & TENSOR_MXFP4) return find_mxfp4(f, name, rank, shape, s);
    if (packed_weight_there(f, name)) return find_packed(f, name, rank, shape, s);
    CADRE_TRY(find_suffixed(f, name, "", &s->tensor));
    if (!stored_has_shape(&s->tensor, rank, shape))
        return stored_refuse_shape(f, name, rank, shape, &s->tensor);
    if (!strcmp(s->tensor.type, "F8_E4M3")) return find_fp8(f, name, s);
    if (!s->tensor.format)
        return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(f),
            "%s: expected a number format that is implemented, found %s", name, s->tensor.type);
    int block = s->tensor.format->block;
    if (block > 1 && (s->place.col != 1 || s->place.offset % block || s->place.row % block ||
                         s->param->cols % block))
        return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(f), "%s: expected whole rows of %s",
            name, s->tensor.type);
    if (s->place.order.kind == ORDER_TILED_COLUMNS && s->tensor.format == &number_nvfp4)
        return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(f),
            "%s: expected another format than %s to change the order of columns", name,
            s->tensor.type);
    return s->tensor.format == &number_nvfp4 ? find_whole_scales(f, name, s) : CADRE_OK;
}

cadre_status param_source_add_use(const param_source *s, tensor_use *use)
{
    const uint8_t *begin[PACKED_TENSORS];
    int count = packed_weight_tensors(&s->packed, begin);
    for (int i = 0; i < count; i++) CADRE_TRY(tensor_use_add(use, begin[i]));
    CADRE_TRY(tensor_use_add(use, s->tensor.data));
    return s->scales.data ? tensor_use_add(use, s->scales.data) : CADRE_OK;
}

int64_t param_source_bytes(const param_source *s)
{
    const int64_t rows = s->param->rows, cols = s->param->cols;
    if (s->packed.kind) return packed_weight_bytes(&s->packed) / s->packed.rows * rows;
    return (int64_t)number_row_bytes(s->tensor.format, rows * cols) +
           number_block_scale_bytes(s->block_scales.form, rows, cols);
}

/* Checks that every element of the tensor can be the result of exp, that is, above 0. */
static cadre_status check_elements(const weight_file *f, const char *name, const param_source *s)
{
    float values[PIECE];
    const number_format *format = s->tensor.format;
    for (int64_t i = 0, n; s->form & TENSOR_EXP && i < s->param->cols; i += n) {
        n = s->param->cols - i < PIECE ? s->param->cols - i : PIECE;
        format->unpack(s->tensor.data + number_row_bytes(format, s->place.offset + i), values, n);
        for (int64_t k = 0; k < n; k++)
            if (!isfinite(tensor_form_element(s->form, values[k])))
                return cadre_fail(CADRE_EFORMAT, weight_file_path(f),
                    "%s: expected numbers %s 0, found %g", name,
                    s->form & TENSOR_NEGATED ? "below" : "above", (double)values[k]);
    }
    return CADRE_OK;
}

/* Takes a tensor that may lie in either order as what its shape says. */
static void choose_order(
    const weight_file *f, const model_config *c, const param *p, const char *name, tensor_name *n)
{
    tensor_name rows = *n;
    stored_tensor t;
    int64_t shape[4];
    if (!(n->form & TENSOR_MAY_BE_ROWS)) return;
    n->form &= ~(unsigned)TENSOR_MAY_BE_ROWS;
    rows.form &= ~(unsigned)(TENSOR_MAY_BE_ROWS | TENSOR_TRANSPOSED);
    if (!weight_file_find(f, name, &t)) return;
    int rank = tensor_name_shape(n, c, p, shape);
    if (stored_has_shape(&t, rank, shape)) return;
    rank = tensor_name_shape(&rows, c, p, shape);
    if (stored_has_shape(&t, rank, shape)) *n = rows;
}

cadre_status param_source_find(
    const weight_file *f, const model_config *c, const param *p, param_source *out)
{
    char name[TENSOR_NAME];
    tensor_name n;
    bool found;
    if (!choose_name(f, c, p, &n, name, &found))
        return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(f),
            "a %s model: expected a part that such a file has a name for", c->arch->model_type);
    choose_order(f, c, p, name, &n);
    param_source s = { .param = p, .form = n.form, .place = tensor_name_place(&n, c, p) };
    cadre_status status = find_named(f, c, &n, name, &s);
    if (status == CADRE_OK) status = check_elements(f, name, &s);
    if (status == CADRE_OK) *out = s;
    return status;
}

void param_source_cut(param_source *s, const param *part)
{
    s->param = part;
    s->place.offset += part->first * (param_is_vector(part) ? s->place.col : s->place.row);
    if (!param_is_vector(part))
        s->block_scales = number_block_scales_from(s->block_scales, part->first, 0);
}

const void *param_source_in_place(const param_source *s)
{
    const number_format *format = s->tensor.format;
    if (s->place.col != 1 || s->packed.kind || s->form & TENSOR_VALUES || s->place.order.kind ||
        REAL_IS_DOUBLE)
        return NULL;
    const uint8_t *data = s->tensor.data + number_row_bytes(format, s->place.offset);
    return format->block > 1 || (uintptr_t)data % (uintptr_t)format->block_bytes == 0 ? data : NULL;
}

/* ---- reading ---- */

/* Reads elements that are not neighbours: gathers their bytes, a piece at a time. */
static void strided_row(const param_source *s, int64_t at, float *values)
{
    const number_format *format = s->tensor.format;
    size_t size = (size_t)format->block_bytes;
    uint8_t piece[PIECE * 8];
    for (int64_t c = 0; c < s->param->cols; c += PIECE) {
        int64_t n = s->param->cols - c < PIECE ? s->param->cols - c : PIECE;
        for (int64_t i = 0; i < n; i++)
            memcpy(piece + (size_t)i * size,
                s->tensor.data + (size_t)(at + (c + i) * s->place.col) * size, size);
        format->unpack(piece, values + c, n);
    }
}

/* Reads n elements from element `from` on, which need not begin a block. */
static void read_some(const param_source *s, int64_t from, int64_t n, float *values)
{
    const number_format *format = s->tensor.format;
    float block[PIECE];
    for (int64_t i = 0, some; i < n; i += some) {
        int64_t in = (from + i) % format->block, left = n - i;
        const uint8_t *at = s->tensor.data + number_row_bytes(format, from + i - in);
        some = left - left % format->block;
        if (!in && some) {
            format->unpack(at, values + i, some);
            continue;
        }
        some = format->block - in < left ? format->block - in : left;
        format->unpack(at, block, format->block);
        memcpy(values + i, block + in, (size_t)some * sizeof *values);
    }
}

/* Reads a vector, or a row, of which pieces are in another order. */
static void read_tiled(const param_source *s, int64_t at, float *values)
{
    const head_order *o = &s->place.order;
    for (int64_t c = 0, n; c < s->param->cols; c += n) {
        n = c < o->first ? o->first - c : o->unit;
        read_some(s, at + head_order_stored(o, c), n, values + c);
    }
}

/* Whether pieces of what param_source_row reads are in another order */
static bool is_tiled(const param_source *s)
{
    return s->place.order.kind == ORDER_TILED_COLUMNS ||
           (s->place.order.kind == ORDER_TILED && param_is_vector(s->param));
}

static int64_t row_in_file(const param_source *s, int64_t row, bool stored)
{
    tensor_place place = s->place;
    if (stored) place.paired = 0;
    return tensor_place_row(&place, row);
}

/* Reads a vector whose elements are rows of heads. */
static void put_vector_in_order(const param_source *s, float *values)
{
    float head[4096];
    int64_t d = s->place.paired;
    for (int64_t h = 0; h < s->param->cols; h += d) {
        memcpy(head, values + h, (size_t)d * sizeof *head);
        for (int64_t i = 0; i < d; i++) values[h + i] = head[tensor_place_row(&s->place, i)];
    }
}

void param_source_row(const param_source *s, int64_t row, bool stored, float *values)
{
    const number_format *format = s->tensor.format;
    row = row_in_file(s, row, stored);
    int64_t at = s->place.offset + row * s->place.row;
    if (s->packed.kind) packed_weight_row(&s->packed, at / s->packed.cols, values);
    else if (is_tiled(s)) read_tiled(s, at, values);
    else if (s->place.col != 1) strided_row(s, at, values);
    else format->unpack(s->tensor.data + number_row_bytes(format, at), values, s->param->cols);
    number_apply_block_scales(&s->block_scales, row, 0, s->param->cols, values);
    if (!stored && s->place.paired && param_is_vector(s->param)) put_vector_in_order(s, values);
    for (int64_t i = 0; s->form & TENSOR_VALUES && i < s->param->cols; i++)
        values[i] = tensor_form_element(s->form, values[i]);
}

int64_t param_source_packed_row(const param_source *s, int64_t row)
{
    return (s->place.offset + row_in_file(s, row, true) * s->place.row) / s->packed.cols;
}

const void *param_source_stored_row(const param_source *s, int64_t row, const number_format *format)
{
    if (s->packed.kind || s->block_scales.form || s->place.col != 1 || s->form & TENSOR_VALUES ||
        is_tiled(s) || s->tensor.format != format)
        return NULL;
    return s->tensor.data + number_row_bytes(format,
                                s->place.offset + tensor_place_row(&s->place, row) * s->place.row);
}

static cadre_status read_found(const param_source *s, real *values)
{
    int64_t cols = s->param->cols;
    float *row = MEM_ARRAY(float, cols);
    if (!row) return CADRE_ENOMEM;
    for (int64_t r = 0; r < s->param->rows; r++) {
        param_source_row(s, r, false, row);
        for (int64_t i = 0; i < cols; i++) values[r * cols + i] = (real)row[i];
    }
    mem_free(row);
    return CADRE_OK;
}

/* ---- a kv_b in one tensor or in two: heads of [nope | value] rows over the latent; K_B has each
 * head's nope part transposed ---- */

typedef struct kv_b_parts {
    param kv, k, v;
} kv_b_parts;

static kv_b_parts parts_of(const mixer_config *m, const param *p)
{
    kv_b_parts parts = { *p, *p, *p };
    parts.kv.role = ROLE_KV_B, parts.kv.rows = m->heads * (m->nope_dim + m->value_dim),
    parts.kv.cols = m->kv_lora;
    parts.k.role = ROLE_K_B, parts.k.rows = m->heads * m->kv_lora, parts.k.cols = m->nope_dim;
    parts.v.role = ROLE_V_B, parts.v.rows = m->heads * m->value_dim, parts.v.cols = m->kv_lora;
    parts.kv.whole = parts.kv.rows, parts.k.whole = parts.k.rows, parts.v.whole = parts.v.rows;
    return parts;
}

static int64_t size_of(const param *p) { return p->rows * p->cols; }

static void copy_values(const mixer_config *m, bool to_kv, real *kv, real *v)
{
    size_t bytes = (size_t)(m->value_dim * m->kv_lora) * sizeof *kv;
    for (int64_t h = 0; h < m->heads; h++) {
        real *in_kv = kv + (h * (m->nope_dim + m->value_dim) + m->nope_dim) * m->kv_lora,
             *alone = v + h * m->value_dim * m->kv_lora;
        memcpy(to_kv ? in_kv : alone, to_kv ? alone : in_kv, bytes);
    }
}

static void copy_keys(const mixer_config *m, bool to_kv, real *kv, real *k)
{
    for (int64_t h = 0; h < m->heads; h++)
        for (int64_t j = 0; j < m->kv_lora; j++)
            for (int64_t i = 0; i < m->nope_dim; i++) {
                real *in_kv = kv + (h * (m->nope_dim + m->value_dim) + i) * m->kv_lora + j;
                real *alone = k + (h * m->kv_lora + j) * m->nope_dim + i;
                *(to_kv ? in_kv : alone) = *(to_kv ? alone : in_kv);
            }
}

static cadre_status read_kv_b(
    const weight_file *f, const model_config *c, const param *p, real *values, tensor_use *use)
{
    const mixer_config *m = &c->layer[p->layer].mixer;
    kv_b_parts parts = parts_of(m, p);
    bool join = p->role == ROLE_KV_B, keys = join || p->role == ROLE_K_B;
    const param *other = join ? &parts.k : &parts.kv;
    int64_t most = size_of(&parts.kv) + size_of(&parts.k) + size_of(&parts.v);
    real *room = MEM_ARRAY(real, most);
    if (!room) return CADRE_ENOMEM;
    cadre_status status = param_read(f, c, other, room, use);
    if (status == CADRE_OK && keys) copy_keys(m, join, join ? values : room, join ? room : values);
    if (status == CADRE_OK && join) status = param_read(f, c, &parts.v, room, use);
    if (status == CADRE_OK && p->role != ROLE_K_B)
        copy_values(m, join, join ? values : room, join ? room : values);
    mem_free(room);
    return status;
}

/* The whole parameter of which p is a rank's share */
static param whole_of(const param *p)
{
    param whole = *p;
    whole.first = 0;
    if (param_is_vector(p)) whole.cols = p->whole;
    else whole.rows = p->whole;
    return whole;
}

cadre_status param_read(
    const weight_file *f, const model_config *c, const param *p, real *values, tensor_use *use)
{
    bool kv_b = p->role == ROLE_KV_B || p->role == ROLE_K_B || p->role == ROLE_V_B;
    if (kv_b && !param_source_exists(f, c, p)) {
        kv_b_parts parts = parts_of(&c->layer[p->layer].mixer, p);
        if (param_source_exists(f, c, p->role == ROLE_KV_B ? &parts.k : &parts.kv))
            return read_kv_b(f, c, p, values, use);
    }
    param_source s;
    const param whole = whole_of(p);
    CADRE_TRY(param_source_find(f, c, &whole, &s));
    param_source_cut(&s, p);
    if (use) CADRE_TRY(param_source_add_use(&s, use));
    return read_found(&s, values);
}
