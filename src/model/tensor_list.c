/* tensor_list.c - from a table of parameters to tensors, and their bytes in order. */
#include "model/tensor_list.h"

#include <string.h>

#include "base/memory.h"
#include "model/architecture.h"

/* ---- which tensors there are ---- */

/* The other half of a gate-and-up tensor is among the neighbours. */
static listed_tensor *find_other_half(tensor_list *list, const char *name)
{
    for (int64_t i = list->count; i-- > 0 && i + 8 > list->count;)
        if (!strcmp(list->tensors[i].name, name)) return &list->tensors[i];
    return NULL;
}

static void add_part(const tensor_list *list, listed_tensor *t, int64_t index, unsigned form)
{
    const param *rows = list->table->rows;
    int part = form & (TENSOR_SECOND | TENSOR_ODD) ? 1 : 0;
    t->parts++;
    t->part[part] = index;
    t->form[part] = form;
    for (int64_t i = index + 1; t->experts > 1 && i < list->table->count; i++)
        if (rows[i].role == rows[index].role && rows[i].layer == rows[index].layer) {
            t->step[part] = i - index;
            return;
        }
}

static cadre_status add(tensor_list *list, int64_t index, list_format format, void *arg)
{
    const param *p = &list->table->rows[index];
    const tensor_name *n = tensor_name_of(list->config->arch, list->naming, p->role, 0);
    if (!n)
        return cadre_fail(CADRE_EUNSUPPORTED, NULL, "this kind of file has no name for a part of a %s model",
                          list->config->arch->model_type);
    if (n->form & TENSOR_EXPERTS && p->expert > 0) return CADRE_OK;
    char *name = tensor_name_text(n, p);
    if (!name) return CADRE_ENOMEM;
    listed_tensor *t = n->form & TENSOR_HALF ? find_other_half(list, name) : NULL;
    if (t) {
        mem_free(name);
    } else {
        t = &list->tensors[list->count++];
        t->name = name;
        t->format = format(arg, p);
        t->experts = n->form & TENSOR_EXPERTS ? list->config->layer[p->layer].experts : 0;
        t->rank = tensor_name_shape(n, list->config, p, t->shape);
        int64_t elements = 1;
        for (int i = 0; i < t->rank; i++) elements *= t->shape[i];
        list->bytes += (int64_t)number_row_bytes(t->format, elements);
    }
    add_part(list, t, index, n->form);
    return CADRE_OK;
}

cadre_status tensor_list_make(const model_config *config, const param_table *table, tensor_naming naming, list_format format,
                              void *arg, tensor_list *out)
{
    tensor_list list = { .config = config, .table = table, .naming = naming, .tensors = MEM_ARRAY(listed_tensor, table->count) };
    cadre_status status = list.tensors ? CADRE_OK : CADRE_ENOMEM;
    for (int64_t i = 0; i < table->count && status == CADRE_OK; i++) status = add(&list, i, format, arg);
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

static cadre_status declare_one(const listed_tensor *t, const tensor_sink *sink)
{
    int64_t extent[3];
    if (sink->folder) return safetensors_writer_declare(sink->folder, t->name, t->format->safetensors, t->rank, t->shape);
    for (int i = 0; i < t->rank; i++) extent[i] = t->shape[t->rank - 1 - i];
    return gguf_writer_declare(sink->gguf, t->name, t->format->gguf, t->rank, extent);
}

cadre_status tensor_list_declare(const tensor_list *list, const tensor_sink *sink)
{
    for (int64_t i = 0; i < list->count; i++) CADRE_TRY(declare_one(&list->tensors[i], sink));
    return CADRE_OK;
}

/* ---- their bytes ---- */

typedef struct writing {
    const tensor_list *list;
    const tensor_sink *sink;
    list_row row;
    void *arg;
    const listed_tensor *tensor;
    float *values;  /* [widest row, or a tensor of which rows are not written one by one] */
    float *part;    /* [widest row of a parameter] */
    uint8_t *packed;
} writing;

static cadre_status put(const writing *w, int64_t count)
{
    const number_format *format = w->tensor->format;
    size_t bytes = number_row_bytes(format, count);
    format->pack(w->values, w->packed, count);
    if (w->sink->folder) return safetensors_writer_put(w->sink->folder, w->packed, bytes);
    return gguf_writer_put(w->sink->gguf, w->packed, bytes);
}

static const param *param_of(const writing *w, int part) { return &w->list->table->rows[w->tensor->part[part]]; }

static cadre_status read_row(const writing *w, int part, int64_t expert, int64_t row, float *values)
{
    int64_t index = w->tensor->part[part] + expert * w->tensor->step[part];
    return w->row(w->arg, &w->list->table->rows[index], index, row, values);
}

/* Rows of these are not rows of the tensor: a share (one expert's, or all) is put together before it is written. */
static bool by_share(const writing *w) { return w->tensor->form[0] & TENSOR_TRANSPOSED || param_is_vector(param_of(w, 0)); }

static int64_t share_size(const writing *w)
{
    const param *p = param_of(w, 0);
    return w->tensor->parts * p->rows * p->cols;
}

static cadre_status write_share(const writing *w, int64_t expert)
{
    const listed_tensor *t = w->tensor;
    for (int k = 0; k < t->parts; k++) {
        param first = *param_of(w, k);
        if (first.expert > 0) first.expert = 0;
        tensor_name name = { first.role, NULL, t->form[k] & ~(unsigned)TENSOR_EXPERTS };
        tensor_place place = tensor_name_place(&name, w->list->config, &first);
        for (int64_t r = 0; r < first.rows; r++) {
            CADRE_TRY(read_row(w, k, expert, r, w->part));
            for (int64_t c = 0; c < first.cols; c++) {
                int64_t column = param_is_vector(&first) ? tensor_place_row(&place, c) : c;
                w->values[place.offset + tensor_place_row(&place, r) * place.row + column * place.col] = w->part[c];
            }
        }
    }
    return put(w, share_size(w));
}

/* The row of the parameter that is stored row `stored` of its tensor. */
static int64_t row_stored_at(const tensor_place *place, int64_t stored)
{
    int64_t d = place->paired, in_head = d ? stored % d : 0;
    return d ? stored - in_head + in_head % 2 * (d / 2) + in_head / 2 : stored;
}

static cadre_status write_rows(const writing *w, int64_t expert)
{
    const listed_tensor *t = w->tensor;
    const param *p = param_of(w, 0);
    tensor_name name = { p->role, NULL, t->form[0] };
    tensor_place place = tensor_name_place(&name, w->list->config, p);
    bool alternate = t->form[0] & TENSOR_EVEN;
    for (int64_t s = 0; s < t->parts * p->rows; s++) {
        int part = (int)(alternate ? s % 2 : s / p->rows);
        int64_t row = alternate ? s / 2 : s % p->rows;
        CADRE_TRY(read_row(w, part, expert, row_stored_at(&place, row), w->values));
        CADRE_TRY(put(w, p->cols));
    }
    return CADRE_OK;
}

static cadre_status write_tensor(const writing *w)
{
    int64_t shares = w->tensor->experts ? w->tensor->experts : 1;
    for (int64_t e = 0; e < shares; e++) CADRE_TRY(by_share(w) ? write_share(w, e) : write_rows(w, e));
    return CADRE_OK;
}

static cadre_status write_all(writing *w, list_progress progress)
{
    int64_t bytes = 0;
    for (int64_t i = 0; i < w->list->count; i++) {
        const listed_tensor *t = w->tensor = &w->list->tensors[i];
        int64_t elements = 1;
        for (int k = 0; k < t->rank; k++) elements *= t->shape[k];
        CADRE_TRY(write_tensor(w));
        bytes += (int64_t)number_row_bytes(t->format, elements);
        if (progress) CADRE_TRY(progress(w->arg, bytes));
    }
    return CADRE_OK;
}

cadre_status tensor_list_write(const tensor_list *list, const tensor_sink *sink, list_row row, list_progress progress, void *arg)
{
    writing w = { .list = list, .sink = sink, .row = row, .arg = arg };
    int64_t widest = 1, most = 1;
    for (int64_t i = 0; i < list->count; i++) {
        w.tensor = &list->tensors[i];
        int64_t cols = param_of(&w, 0)->cols, size = by_share(&w) ? share_size(&w) : cols;
        if (cols > widest) widest = cols;
        if (size > most) most = size;
    }
    w.values = MEM_ARRAY(float, most);
    w.part = MEM_ARRAY(float, widest);
    w.packed = MEM_ARRAY(uint8_t, most * (int64_t)sizeof(float));
    cadre_status status = w.values && w.part && w.packed ? write_all(&w, progress) : CADRE_ENOMEM;
    mem_free(w.values);
    mem_free(w.part);
    mem_free(w.packed);
    return status;
}
