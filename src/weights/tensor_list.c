/* tensor_list.c - makes a list of tensors from a table of parameters, and writes their bytes in
 * order. */
#include "weights/tensor_list.h"

#include <math.h>
#include <string.h>

#include "arch/architecture.h"
#include "base/memory.h"
#include "op/parallel.h"
#include "weights/format_choice.h"

static int64_t listed_elements(const listed_tensor *t)
{
    int64_t elements = 1;
    for (int i = 0; i < t->rank; i++) elements *= t->shape[i];
    return elements;
}

static size_t listed_bytes(const listed_tensor *t)
{
    return number_row_bytes(t->format, listed_elements(t));
}

/* ---- which tensors there are ---- */

/* Finds the other half of a gate-and-up tensor, which is a neighbour in the table. */
static listed_tensor *find_other_half(tensor_list *list, const char *name)
{
    for (int64_t i = list->count; i-- > 0 && i + 8 > list->count;)
        if (!strcmp(list->tensors[i].name, name)) return &list->tensors[i];
    return NULL;
}

static void add_part(const tensor_list *list, listed_tensor *t, int64_t index, unsigned form)
{
    const param *rows = list->table->rows;
    int part = form & (TENSOR_SECOND | TENSOR_ODD) ? 1 : form & TENSOR_BY_KEY_HEAD ? t->parts : 0;
    t->parts++;
    t->part[part] = index;
    t->form[part] = form;
    for (int64_t i = index + 1; t->experts > 1 && i < list->table->count; i++)
        if (rows[i].role == rows[index].role && rows[i].layer == rows[index].layer) {
            t->step[part] = i - index;
            return;
        }
}

/* Vectors and routers are float32 in GGUF; the format that was asked for is for matrices. */
static const number_format *format_in_gguf(const listed_tensor *t, const param *p)
{
    if (t->rank < 2 || param_is_vector(p) || p->kind == PARAM_ROUTER) return &number_f32;
    return format_choice_fitting(t->wanted, t->shape[t->rank - 1]);
}

static const number_format *format_in_folder(const listed_tensor *t, const param *p)
{
    /* Published files have their correction biases in float32. */
    return p->kind == PARAM_STATE ? &number_f32 : t->wanted;
}

static cadre_status add(tensor_list *list, int64_t index, const tensor_source *source)
{
    const param *p = &list->table->rows[index];
    const model_config *c = param_stack(list->config, p);
    tensor_name n;
    if (!tensor_name_of(c->arch, list->naming, p->role, 0, &n))
        return cadre_fail(CADRE_EUNSUPPORTED, NULL,
            "this kind of file has no name for a part of a %s model", c->arch->model_type);
    if (n.form & TENSOR_EXPERTS && p->expert > 0) return CADRE_OK;
    char text[TENSOR_NAME], *name;
    tensor_name_text(&n, p, text);
    if (!(name = mem_strdup(text))) return CADRE_ENOMEM;
    listed_tensor *t =
        n.form & (TENSOR_HALF | TENSOR_BY_KEY_HEAD) ? find_other_half(list, name) : NULL;
    if (t) {
        mem_free(name);
    } else {
        t = &list->tensors[list->count++];
        t->name = name;
        t->wanted = source->format(source->arg, p);
        t->experts = n.form & TENSOR_EXPERTS ? moe_config_weighted(&c->layer[p->layer].moe) : 0;
        t->rank = tensor_name_shape(&n, c, p, t->shape);
        t->format = list->naming == NAMES_OF_GGUF ? format_in_gguf(t, p) : format_in_folder(t, p);
        list->bytes += (int64_t)listed_bytes(t);
    }
    add_part(list, t, index, n.form);
    return CADRE_OK;
}

cadre_status tensor_list_make(const model_config *config, const param_table *table,
    tensor_naming naming, const tensor_source *source, tensor_list *out)
{
    tensor_list list = { .config = config,
        .table = table,
        .naming = naming,
        .tensors = MEM_ARRAY(listed_tensor, table->count) };
    cadre_status status = list.tensors ? CADRE_OK : CADRE_ENOMEM;
    for (int64_t i = 0; i < table->count && status == CADRE_OK; i++) status = add(&list, i, source);
    if (status != CADRE_OK) {
        tensor_list_free(&list);
        return status;
    }
    *out = list;
    return CADRE_OK;
}

void tensor_list_free(tensor_list *list)
{
    for (int64_t i = 0; i < list->count; i++) mem_free(list->tensors[i].name);
    mem_free(list->tensors);
    *list = (tensor_list){ 0 };
}

const number_format *tensor_list_most(const tensor_list *list)
{
    const number_format *most = &number_f32;
    int64_t elements = 0;
    for (int64_t i = 0; i < list->count; i++) {
        int64_t same = 0;
        if (i && list->tensors[i].format == list->tensors[i - 1].format) continue;
        for (int64_t j = 0; j < list->count; j++)
            if (list->tensors[j].format == list->tensors[i].format)
                same += listed_elements(&list->tensors[j]);
        if (same > elements) elements = same, most = list->tensors[i].format;
    }
    return most;
}

static cadre_status declare_one(const listed_tensor *t, const tensor_sink *sink)
{
    int64_t extent[4];
    if (sink->folder)
        return safetensors_writer_declare(
            sink->folder, t->name, t->format->safetensors, t->rank, t->shape);
    for (int i = 0; i < t->rank; i++) extent[i] = t->shape[t->rank - 1 - i];
    return gguf_writer_declare(sink->gguf, t->name, t->format->gguf, t->rank, extent);
}

cadre_status tensor_list_declare(const tensor_list *list, const tensor_sink *sink)
{
    for (int64_t i = 0; i < list->count; i++) CADRE_TRY(declare_one(&list->tensors[i], sink));
    return CADRE_OK;
}

/* ---- their bytes ---- */

enum { BATCH = 1 << 20 }; /* elements packed together, at least a row */

typedef struct writing {
    const compute *compute;
    const tensor_list *list;
    const tensor_sink *sink;
    const tensor_source *source;
    const listed_tensor *tensor;
    int64_t expert;
    param_range held[2]; /* the elements of each part that this process writes */
    /* [rows of a batch], or one expert's part (or all) of a tensor that is not written by
     * rows */
    float *values;
    float *part; /* [widest row of a parameter] */
    uint8_t *packed;
    bool *refused; /* [rows of a batch] */
    bool *mine;    /* [elements of packed] whether this process writes it; NULL: it writes all */
    list_progress progress;
    void *progress_arg;
    int64_t done; /* bytes */
} writing;

static const param *param_of(const writing *w, int part)
{
    return &w->list->table->rows[w->tensor->part[part]];
}

/* The expert's own parameter, and its index in the table */
static const param *param_at(const writing *w, int part, int64_t *index)
{
    *index = w->tensor->part[part] + w->expert * w->tensor->step[part];
    return &w->list->table->rows[*index];
}

/* Puts those elements of packed that this process writes, and skips the others. */
static cadre_status put_mine(const writing *w, int64_t count)
{
    safetensors_writer *to = w->sink->folder;
    for (int64_t at = 0, end; at < count; at = end) {
        const bool *other = memchr(w->mine + at, !w->mine[at], (size_t)(count - at));
        end = other ? other - w->mine : count;
        size_t first = number_row_bytes(w->tensor->format, at),
               bytes = number_row_bytes(w->tensor->format, end) - first;
        CADRE_TRY(w->mine[at] ? safetensors_writer_put(to, w->packed + first, bytes)
                              : safetensors_writer_skip(to, bytes));
    }
    return CADRE_OK;
}

static cadre_status put(writing *w, int64_t count)
{
    size_t bytes = number_row_bytes(w->tensor->format, count);
    if (w->mine) CADRE_TRY(put_mine(w, count));
    else if (w->sink->folder) CADRE_TRY(safetensors_writer_put(w->sink->folder, w->packed, bytes));
    else CADRE_TRY(gguf_writer_put(w->sink->gguf, w->packed, bytes));
    w->done += (int64_t)bytes;
    return w->progress ? w->progress(w->progress_arg, w->done) : CADRE_OK;
}

/* Numbers below this are not rounded to an infinity. */
static float limit_of(const number_format *format)
{
    if (format == &number_f16) return 65520;
    return format == &number_bf16 ? 0x1.ffp127F : INFINITY;
}

/* A NaN fails every comparison, and so is not below the limit. */
static bool fits(const number_format *format, const float *values, int64_t count)
{
    const float limit = limit_of(format);
    bool all = true;
    for (int64_t i = 0; i < count; i++) all &= fabsf(values[i]) < limit;
    return all;
}

/* Returns false if the format cannot hold one of the values. */
static bool pack(const number_format *format, const float *values, uint8_t *packed, int64_t count)
{
    bool all = fits(format, values, count);
    if (all) format->pack(values, packed, count);
    return all;
}

static cadre_status refuse(const writing *w)
{
    return cadre_fail(CADRE_EFORMAT, NULL,
        "%s: expected finite numbers, which %s can hold, found others", w->tensor->name,
        w->tensor->format->name);
}

static cadre_status begin_expert(writing *w, int64_t expert)
{
    w->expert = expert;
    for (int k = 0; w->source->begin && k < w->tensor->parts; k++) {
        int64_t index;
        const param *p = param_at(w, k, &index);
        CADRE_TRY(w->source->begin(w->source->arg, p, index));
    }
    for (int k = 0; w->source->held && k < w->tensor->parts; k++) {
        int64_t index;
        const param *p = param_at(w, k, &index);
        w->held[k] = w->source->held(w->source->arg, p, index);
    }
    return CADRE_OK;
}

/* The columns of a row that this process writes, as elements of the parameter; empty: end is not
 * above first */
static param_range held_in_row(const writing *w, int part, int64_t row)
{
    const param_range *held = &w->held[part];
    int64_t cols = param_of(w, part)->cols, first = row * cols, end = first + cols;
    return (param_range){ held->first > first ? held->first : first,
        held->end < end ? held->end : end };
}

/* ---- by expert: a share whose rows are not the tensor's rows is put together first ---- */

/* The place of a parameter in the tensor, or in an expert's share of it */
static tensor_place place_of(const writing *w, int part)
{
    param first = *param_of(w, part);
    unsigned form = w->tensor->form[part] & ~(unsigned)TENSOR_EXPERTS;
    if (first.expert > 0) first.expert = 0;
    tensor_name name = { first.role, NULL, form };
    return tensor_name_place(&name, param_stack(w->list->config, &first), &first);
}

static bool by_share(const writing *w)
{
    return w->tensor->form[0] & TENSOR_TRANSPOSED || param_is_vector(param_of(w, 0)) ||
           (w->tensor->form[0] & TENSOR_TILED && place_of(w, 0).order.kind == ORDER_TILED_COLUMNS);
}

static int64_t share_size(const writing *w)
{
    const param *p = param_of(w, 0);
    return w->tensor->parts * p->rows * p->cols;
}

/* Writes row r of a part to its places in the share. */
static void place_row(writing *w, int part, const tensor_place *place, int64_t r)
{
    const param *first = param_of(w, part);
    const param_range held = held_in_row(w, part, r);
    for (int64_t c = 0; c < first->cols; c++) {
        int64_t column = param_is_vector(first) ? tensor_place_row(place, c)
                                                : tensor_place_column(place, c),
                at = place->offset + tensor_place_row(place, r) * place->row + column * place->col,
                element = r * first->cols + c;
        w->values[at] = tensor_form_stored(w->tensor->form[part], w->part[c]);
        if (w->mine) w->mine[at] = element >= held.first && element < held.end;
    }
}

static cadre_status write_share(writing *w)
{
    const listed_tensor *t = w->tensor;
    for (int k = 0; k < t->parts; k++) {
        int64_t index;
        const param *own = param_at(w, k, &index);
        const param *first = param_of(w, k);
        tensor_place place = place_of(w, k);
        for (int64_t r = 0; r < first->rows; r++) {
            w->source->row(w->source->arg, own, index, r, w->part);
            place_row(w, k, &place, r);
        }
    }
    return pack(t->format, w->values, w->packed, share_size(w)) ? put(w, share_size(w)) : refuse(w);
}

/* ---- by rows ---- */

typedef struct batch {
    const writing *writing;
    tensor_place place[2]; /* of each part */
    int64_t first;         /* stored row */
} batch;

/* Which parameter a stored row belongs to, and which row of it */
static int part_at(const batch *b, int64_t stored, int64_t *row)
{
    const listed_tensor *t = b->writing->tensor;
    int64_t rows = param_of(b->writing, 0)->rows;
    int part = 0;
    if (t->form[0] & TENSOR_BY_KEY_HEAD) {
        part = tensor_place_row_at(&b->place[0], stored) < 0 ? 1 : 0;
    } else if (t->form[0] & TENSOR_EVEN) {
        part = (int)(stored % 2);
        stored /= 2;
    } else {
        part = (int)(stored / rows);
        stored %= rows;
    }
    *row = tensor_place_row_at(&b->place[part], stored);
    return part;
}

/* Marks the elements of a batch's row that this process writes; returns whether there are any. */
static bool mark_row(const writing *w, int part, int64_t row, bool *mine)
{
    int64_t cols = param_of(w, part)->cols;
    const param_range held = held_in_row(w, part, row);
    memset(mine, 0, (size_t)cols);
    if (held.first >= held.end) return false;
    memset(mine + held.first - row * cols, 1, (size_t)(held.end - held.first));
    return true;
}

static void pack_row(const batch *b, int64_t at)
{
    const writing *w = b->writing;
    const listed_tensor *t = w->tensor;
    const tensor_source *source = w->source;
    int64_t cols = param_of(w, 0)->cols, index, row;
    int part = part_at(b, b->first + at, &row);
    if (w->mine && !mark_row(w, part, row, w->mine + at * cols)) return;
    const param *p = param_at(w, part, &index);
    uint8_t *packed = w->packed + number_row_bytes(t->format, at * cols);
    const void *bytes = source->stored ? source->stored(source->arg, p, row, t->format) : NULL;
    float *values = w->values + at * cols;
    if (bytes) {
        memcpy(packed, bytes, number_row_bytes(t->format, cols));
        t->format->unpack(packed, values, cols);
        w->refused[at] = !fits(&number_f32, values, cols);
        return;
    }
    source->row(source->arg, p, index, row, values);
    w->refused[at] = !pack(t->format, values, packed, cols);
}

static void pack_range(void *arg, int64_t begin, int64_t end)
{
    const batch *b = arg;
    bool may_stop =
        b->writing->progress != NULL; /* progress asks whether to stop, and then ends the writing */
    for (int64_t i = begin; i < end && !(may_stop && cadre_interrupted()); i++) pack_row(b, i);
}

static int64_t batch_rows(int64_t rows, int64_t cols)
{
    int64_t most = cols < BATCH ? BATCH / cols : 1;
    return rows < most ? rows : most;
}

/* The rows of a tensor, or of an expert's share of it */
static int64_t rows_of(const writing *w)
{
    int64_t rows = 0;
    for (int k = 0; k < w->tensor->parts; k++) rows += param_of(w, k)->rows;
    return rows;
}

static cadre_status write_rows(writing *w)
{
    const param *p = param_of(w, 0);
    batch b = { .writing = w };
    for (int k = 0; k < w->tensor->parts; k++) b.place[k] = place_of(w, k);
    int64_t rows = rows_of(w), most = batch_rows(rows, p->cols);
    for (; b.first < rows; b.first += most) {
        int64_t count = rows - b.first < most ? rows - b.first : most;
        memset(w->refused, 0, (size_t)count * sizeof *w->refused);
        if (w->compute) parallel_over(w->compute, count, 1, count * p->cols, pack_range, &b);
        else pack_range(&b, 0, count);
        for (int64_t i = 0; i < count; i++)
            if (w->refused[i]) return refuse(w);
        CADRE_TRY(put(w, count * p->cols));
    }
    return CADRE_OK;
}

/* ---- all ---- */

/* Whether other ranks write all of the expert's share */
static bool is_of_others(const writing *w)
{
    bool any = !w->mine;
    for (int k = 0; k < w->tensor->parts; k++) any |= w->held[k].first < w->held[k].end;
    return !any;
}

static cadre_status write_tensor(writing *w)
{
    int64_t shares = w->tensor->experts ? w->tensor->experts : 1;
    for (int64_t e = 0; e < shares; e++) {
        CADRE_TRY(begin_expert(w, e));
        if (is_of_others(w))
            CADRE_TRY(
                safetensors_writer_skip(w->sink->folder, listed_bytes(w->tensor) / (size_t)shares));
        else CADRE_TRY(by_share(w) ? write_share(w) : write_rows(w));
    }
    return CADRE_OK;
}

static cadre_status write_all(writing *w)
{
    int64_t bytes = w->list->before;
    for (int64_t i = 0; i < w->list->count; i++) {
        w->tensor = &w->list->tensors[i];
        w->done = bytes;
        CADRE_TRY(write_tensor(w));
        bytes += (int64_t)listed_bytes(w->tensor);
    }
    return CADRE_OK;
}

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

cadre_status tensor_list_write(const compute *c, const tensor_list *list, const tensor_sink *sink,
    const tensor_source *source, list_progress progress, void *arg)
{
    writing w = { .compute = c,
        .list = list,
        .sink = sink,
        .source = source,
        .progress = progress,
        .progress_arg = arg };
    int64_t widest = 1, most = 1, rows = 1;
    for (int64_t i = 0; i < list->count; i++) {
        w.tensor = &list->tensors[i];
        int64_t cols = param_of(&w, 0)->cols, together = batch_rows(rows_of(&w), cols);
        widest = max64(widest, cols);
        rows = max64(rows, together);
        most = max64(most, by_share(&w) ? share_size(&w) : together * cols);
    }
    w.values = MEM_ARRAY(float, most);
    w.part = MEM_ARRAY(float, widest);
    w.packed = MEM_ARRAY(uint8_t, most * (int64_t)sizeof(float));
    w.refused = MEM_ARRAY(bool, rows);
    w.mine = source->held ? MEM_ARRAY(bool, most) : NULL;
    bool whole = w.values && w.part && w.packed && w.refused && (w.mine || !source->held);
    cadre_status status = whole ? write_all(&w) : CADRE_ENOMEM;
    mem_free(w.values);
    mem_free(w.part);
    mem_free(w.packed);
    mem_free(w.refused);
    mem_free(w.mine);
    return status;
}
