/* placement.c - two passes over the parameters: the first finds where each is and how much memory
 * copies need, the second makes the copies. */
#include "weights/placement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/memory.h"
#include "op/parallel.h"
#include "weights/param_source.h"
#include "weights/rank_share.h"
#include "weights/repacking.h"
#include "weights/residence.h"

enum { ALIGN = 64 };

typedef struct copied_param {
    param_source source; /* .param is a row of the table */
    int64_t offset;      /* in the memory of all copies */
} copied_param;

typedef struct placing {
    const compute *compute;
    const weight_file *file;
    const model_config *config;
    const param_table *table;
    const placement_options *options;
    copied_param *copied; /* [copies] what is not used in place */
    size_t copies, room;
    placement *out;
    tensor_use *use;
    int64_t bytes;  /* of copies so far */
    int64_t widest; /* the widest row */
    bool failed;
} placing;

/* ---- the first pass ---- */

static void add_format(placement *out, const char *name, int64_t bytes)
{
    int i = 0;
    while (i < out->format_count && strcmp(out->formats[i].name, name) != 0) i++;
    if (i == PLACEMENT_FORMATS) return;
    if (i == out->format_count)
        snprintf(out->formats[out->format_count++].name, sizeof out->formats[i].name, "%s", name);
    out->formats[i].bytes += bytes;
}

static int by_bytes(const void *a, const void *b)
{
    const cadre_format_share *x = a, *y = b;
    return x->bytes == y->bytes ? strcmp(x->name, y->name) : x->bytes < y->bytes ? 1 : -1;
}

/* The format of a parameter's copy; NULL: `real` */
static const number_format *copy_format(const param_source *s)
{
    if (s->param->rows == 1 || REAL_IS_DOUBLE) return NULL;
    if (s->packed.kind) return packed_weight_format(&s->packed);
    return s->tensor.format->block == 1 && s->tensor.format->pack ? s->tensor.format : NULL;
}

static int64_t padded(int64_t bytes) { return (bytes + ALIGN - 1) / ALIGN * ALIGN; }

static cadre_status keep_source(placing *k, const param_source *s, int64_t bytes)
{
    enum { FIRST = 256 };
    if (k->copies == k->room) {
        size_t room = k->room ? 2 * k->room : FIRST;
        copied_param *more = mem_resize(k->copied, k->room, room, sizeof *more);
        if (!more) return CADRE_ENOMEM;
        k->copied = more;
        k->room = room;
    }
    k->copied[k->copies++] = (copied_param){ *s, k->bytes };
    k->bytes += padded(bytes);
    return CADRE_OK;
}

/* Adds a parameter to the copies; the pointer to its data is set when there is memory. */
static cadre_status place_copy(placing *k, int64_t i, const param_source *s)
{
    const number_format *format = copy_format(s);
    int64_t count = s->param->rows * s->param->cols,
            bytes =
                format ? (int64_t)number_row_bytes(format, count) : count * (int64_t)sizeof(real);
    k->out->place[i] =
        (param_place){ .kind = PLACE_COPIED, .format = format, .stride = s->param->cols };
    if (k->options->stream && param_is_expert(s->param->role) && s->param->rows > 1) {
        k->out->relaid_bytes += bytes;
        k->out->relaid = s->packed.kind ? s->packed.type : "transposed";
    }
    return keep_source(k, s, bytes);
}

static cadre_status place_repacked(placing *k, int64_t i, const param_source *s, int64_t bytes)
{
    k->out->place[i] = (param_place){ .kind = PLACE_COPIED,
        .format = s->tensor.format,
        .stride = s->param->cols,
        .interleaved = true };
    return keep_source(k, s, bytes);
}

static void place_mapped(placing *k, int64_t i, const param_source *s, const void *data)
{
    k->out->place[i] = (param_place){ .kind = PLACE_MAPPED,
        .data = data,
        .format = s->tensor.format,
        .stride = s->place.row,
        .block_scales = s->block_scales };
    k->out->mapped_bytes += param_source_bytes(s);
}

/* Places a copy of a slice, though kernels could read it in the mapped file. */
static cadre_status place_slice(placing *k, int64_t i, const param_source *s, const void *data)
{
    param_place *place = &k->out->place[i];
    place_mapped(k, i, s, data);
    k->out->mapped_bytes -= param_source_bytes(s);
    place->kind = PLACE_COPIED;
    place->stride = s->param->cols;
    return keep_source(
        k, s, (int64_t)number_row_bytes(place->format, s->param->rows * s->param->cols));
}

/* Whether the parameter is a slice that is copied. An embedding is not, as only the rows of tokens
 * that occur are read. */
static bool is_slice(const param *p) { return p->rows < p->whole && p->role != ROLE_EMBED; }

/* Bytes from a matrix's first block scale to its last */
static int64_t scales_span(const number_block_scales *x, const param *p)
{
    const number_block_scale_form *form = x->form;
    int64_t rows = (p->rows + x->skip + form->rows - 1) / form->rows;
    return (rows - 1) * x->stride + (p->cols + form->cols - 1) / form->cols * form->bytes;
}

static void place_streamed(placing *k, int64_t i, const param_source *s, const uint8_t *data)
{
    const param *p = s->param;
    param_place *place = &k->out->place[i];
    place_mapped(k, i, s, NULL);
    k->out->mapped_bytes -= param_source_bytes(s);
    place->kind = PLACE_STREAMED;
    place->range = weight_file_range(k->file, data,
        (int64_t)number_row_bytes(place->format, (p->rows - 1) * place->stride + p->cols));
    place->block_scales.at = NULL;
    if (s->block_scales.form)
        place->scales_range =
            weight_file_range(k->file, s->block_scales.at, scales_span(&s->block_scales, p));
}

static cadre_status place_one(placing *k, int64_t i)
{
    const param *p = &k->table->rows[i], whole = rank_share_whole(p);
    param_source s;
    CADRE_TRY(param_source_find(k->file, k->config, &whole, &s));
    CADRE_TRY(param_source_add_use(&s, k->use));
    add_format(k->out, s.tensor.type, param_source_bytes(&s));
    k->out->weight_bytes += param_source_bytes(&s);
    param_source_cut(&s, p);
    if (!p->rows) return CADRE_OK;
    const void *data = p->rows > 1 ? param_source_in_place(&s) : NULL;
    int64_t repacked = padded((int64_t)repacking_bytes(k->compute, &s));
    k->out->repack_bytes += repacked;
    if (data && k->options->stream && param_is_expert(p->role)) place_streamed(k, i, &s, data);
    else if (k->options->repack && repacked) return place_repacked(k, i, &s, repacked);
    else if (data && k->options->hold && is_slice(p)) return place_slice(k, i, &s, data);
    else if (data) place_mapped(k, i, &s, data);
    else return place_copy(k, i, &s);
    return CADRE_OK;
}

/* The experts of one role are one view, or one a bank, so they must share format and stride. */
static cadre_status check_experts(const placing *k, int64_t i)
{
    const param *p = &k->table->rows[i];
    if (!param_is_expert(p->role) || !p->rows) return CADRE_OK;
    const moe_config *moe = &param_stack(k->config, p)->layer[p->layer].moe;
    int32_t first = moe_config_bank_of(moe, p->expert).first;
    if (p->expert == first) return CADRE_OK;
    const param_place *mine = &k->out->place[i];
    for (int64_t j = i; j-- > 0;) {
        const param *q = &k->table->rows[j];
        if (q->role != p->role || !q->rows) continue;
        if (q->layer != p->layer || q->expert < first) return CADRE_OK;
        const param_place *other = &k->out->place[j];
        if (mine->format == other->format && mine->stride == other->stride &&
            mine->interleaved == other->interleaved &&
            mine->block_scales.form == other->block_scales.form &&
            mine->block_scales.stride == other->block_scales.stride)
            return CADRE_OK;
        return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(k->file),
            "experts of layer %d: expected one number format for all, found several",
            (int)p->layer);
    }
    return CADRE_OK;
}

/* ---- the second pass ---- */

/* Lets the pages of a matrix leave memory after a slice of it was copied; the system maps more than
 * was read. */
static void let_matrix_go(const param_source *s)
{
    const param *p = s->param;
    const number_format *format = s->tensor.format;
    const uint8_t *own = param_source_in_place(s);
    file_map_let_go(own - number_row_bytes(format, p->first * s->place.row),
        number_row_bytes(format, p->whole * s->place.row));
}

/* Copies a slice row by row, because a row of the file may be longer. */
static void copy_slice(const param_source *s, const number_format *format, uint8_t *to)
{
    const uint8_t *from = param_source_in_place(s);
    int64_t rows = s->param->rows, cols = s->param->cols;
    size_t row = number_row_bytes(format, cols), step = number_row_bytes(format, s->place.row);
    for (int64_t r = 0; r < rows; r++) memcpy(to + (size_t)r * row, from + (size_t)r * step, row);
    let_matrix_go(s);
}

static void copy_one(
    const compute *c, const param_source *s, const param_place *place, uint8_t *to, float *row)
{
    int64_t cols = s->param->cols;
    if (place->interleaved) {
        repacking_lay(c, s, to);
        return;
    }
    if (place->format && param_source_in_place(s)) {
        copy_slice(s, place->format, to);
        return;
    }
    for (int64_t r = 0; r < s->param->rows; r++) {
        if (s->packed.kind && place->format) {
            packed_weight_lay(&s->packed, param_source_packed_row(s, r),
                to + number_row_bytes(place->format, r * cols));
            continue;
        }
        param_source_row(s, r, true, row);
        if (place->format) {
            place->format->pack(row, to + number_row_bytes(place->format, r * cols), cols);
            continue;
        }
        real *values = (real *)to + r * cols;
        for (int64_t i = 0; i < cols; i++) values[i] = (real)row[i];
    }
}

/* Reads what stays in the map into memory at once. */
static void hold_mapped(const placing *k)
{
    for (size_t i = 0; i < k->copies; i++)
        if (is_slice(k->copied[i].source.param) && param_source_in_place(&k->copied[i].source))
            let_matrix_go(&k->copied[i].source);
    for (int64_t i = 0; i < k->table->count; i++) {
        const param *p = &k->table->rows[i];
        const param_place *place = &k->out->place[i];
        if (p->rows && place->kind == PLACE_MAPPED && p->role != ROLE_EMBED)
            file_map_read(place->data,
                number_row_bytes(place->format, (p->rows - 1) * place->stride + p->cols));
    }
}

static void copy_range(void *arg, int64_t begin, int64_t end)
{
    placing *k = arg;
    float *row = MEM_ARRAY(float, k->widest);
    for (int64_t i = begin; row && i < end && !cadre_interrupted(); i++) {
        const copied_param *one = &k->copied[i];
        param_place *place = &k->out->place[one->source.param - k->table->rows];
        uint8_t *to = k->out->copies + one->offset;
        copy_one(k->compute, &one->source, place, to, row);
        place->data = to;
    }
    if (!row) k->failed = true;
    mem_free(row);
}

static cadre_status copy_all(placing *k)
{
    if (!(k->out->copies = MEM_ARRAY(uint8_t, k->bytes))) return CADRE_ENOMEM;
    parallel_over(k->compute, (int64_t)k->copies, 1, k->bytes, copy_range, k);
    return k->failed ? CADRE_ENOMEM : interrupt_check(weight_file_path(k->file));
}

static cadre_status place_all(placing *k)
{
    for (int64_t i = 0; i < k->table->count; i++) {
        CADRE_TRY(place_one(k, i));
        if (k->table->rows[i].cols > k->widest) k->widest = k->table->rows[i].cols;
    }
    for (int64_t i = 0; i < k->table->count; i++) CADRE_TRY(check_experts(k, i));
    k->out->copied_bytes = k->bytes;
    qsort(k->out->formats, (size_t)k->out->format_count, sizeof *k->out->formats, by_bytes);
    return copy_all(k);
}

/* Refuses to stream experts of different widths, as a slot must hold any expert of a layer. */
static cadre_status check_streaming(const placing *k)
{
    for (int64_t l = 0; k->options->stream && l < k->config->layers; l++)
        if (k->config->layer[l].sparse && moe_config_has_bank_widths(&k->config->layer[l].moe))
            return cadre_fail(CADRE_EUNSUPPORTED, weight_file_path(k->file),
                "experts of layer %lld: expected one width to read them as they are needed, found "
                "banks of several",
                (long long)l);
    return CADRE_OK;
}

cadre_status placement_make(const compute *c, const weight_file *file, const model_config *config,
    const param_table *table, const placement_options *options, tensor_use *use, placement *out)
{
    placement made = { .place = MEM_ARRAY(param_place, table->count) };
    placing k = { .compute = c,
        .file = file,
        .config = config,
        .table = table,
        .options = options,
        .out = &made,
        .use = use };
    cadre_status status = made.place ? check_streaming(&k) : CADRE_ENOMEM;
    if (status == CADRE_OK && options->stream) residence_begin(file);
    if (status == CADRE_OK) status = place_all(&k);
    if (status == CADRE_OK && options->hold) hold_mapped(&k);
    if (status == CADRE_OK && options->stream) residence_fill(config, table, made.place);
    mem_free(k.copied);
    if (status != CADRE_OK) {
        placement_free(&made);
        return status;
    }
    *out = made;
    return CADRE_OK;
}

void placement_free(placement *p)
{
    mem_free(p->place);
    mem_free(p->copies);
    *p = (placement){ 0 };
}
