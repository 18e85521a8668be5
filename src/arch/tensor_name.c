/* tensor_name.c - looks names up, and computes with forms. */
#include "arch/tensor_name.h"

#include <math.h>
#include <string.h>

#include "arch/architecture.h"
#include "base/memory.h"

const tensor_name tensor_names_paired[] = {
    { ROLE_Q, "blk.{l}.attn_q.weight", TENSOR_PAIRED },
    { ROLE_K, "blk.{l}.attn_k.weight", TENSOR_PAIRED },
    { ROLE_Q_BIAS, "blk.{l}.attn_q.bias", TENSOR_PAIRED },
    { ROLE_K_BIAS, "blk.{l}.attn_k.bias", TENSOR_PAIRED },
    { ROLE_Q, "blk.{l}.attn_qkv.weight", TENSOR_PAIRED | TENSOR_QKV },
    { ROLE_K, "blk.{l}.attn_qkv.weight", TENSOR_PAIRED | TENSOR_QKV },
    { ROLE_Q_BIAS, "blk.{l}.attn_qkv.bias", TENSOR_PAIRED | TENSOR_QKV },
    { ROLE_K_BIAS, "blk.{l}.attn_qkv.bias", TENSOR_PAIRED | TENSOR_QKV },
    { 0 },
};

/* The i-th row for a role in an architecture's own list. *i becomes what is left of i after this
 * list. */
static const tensor_name *row_in(const tensor_name *names, param_role role, int *i)
{
    for (; names && names->pattern; names++)
        if (names->role == role && (*i)-- == 0) return names;
    return NULL;
}

bool tensor_name_of(
    const architecture *arch, tensor_naming naming, param_role role, int i, tensor_name *name)
{
    bool of_gguf = naming == NAMES_OF_GGUF;
    const param_row *row = param_row_of(role);
    const tensor_pattern *shared = of_gguf ? row->gguf : row->folder;
    const tensor_name *own = row_in(of_gguf ? arch->gguf.tensors : arch->hf.tensors, role, &i);
    if (own) *name = *own;
    else if (i < PARAM_PATTERNS && shared[i].pattern)
        *name = (tensor_name){ role, shared[i].pattern, shared[i].form };
    else return false;
    return true;
}

static char *put_number(char *at, int64_t number)
{
    char digits[24];
    int count = 0;
    do digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (count > 0) *at++ = digits[--count];
    return at;
}

static void put_pattern(const char *from, const param *p, char *at)
{
    for (; *from; from++) {
        bool layer = !strncmp(from, "{l}", 3), expert = !strncmp(from, "{e}", 3);
        if (layer || expert) {
            at = put_number(at, layer ? p->layer : p->expert);
            from += 2;
        } else {
            *at++ = *from;
        }
    }
    *at = '\0';
}

void tensor_name_text(const tensor_name *name, const param *p, char text[TENSOR_NAME])
{
    put_pattern(name->pattern, p, text);
}

bool tensor_name_in_part(
    const architecture *arch, const tensor_name *name, const param *p, char text[TENSOR_NAME])
{
    static const char whole[] = "model.";
    const char *prefix = arch->hf.prefix;
    if (!prefix || strncmp(name->pattern, whole, sizeof whole - 1) != 0) return false;
    memcpy(text, prefix, strlen(prefix));
    put_pattern(name->pattern + sizeof whole - 1, p, text + strlen(prefix));
    return true;
}

char *tensor_name_alone(const architecture *arch, const param *p)
{
    tensor_name name = { 0 };
    const unsigned other = ~(unsigned)TENSOR_VALUES; /* forms that are not the parameter's */
    for (int i = 0; tensor_name_of(arch, NAMES_OF_FOLDER, p->role, i, &name) && name.form & other;
         i++)
        continue;
    char text[TENSOR_NAME];
    tensor_name_text(&name, p, text);
    return mem_strdup(text);
}

/* ---- forms ---- */

float tensor_form_stored(unsigned form, float element)
{
    double value = (double)element;
    if (form & TENSOR_LESS_ONE) return element - 1;
    if (form & TENSOR_EXP) value = exp(value);
    return (float)(form & TENSOR_NEGATED ? -value : value);
}

/* An element whose exp is rounded to this, if there is one, so that nothing is lost by a file */
static float log_of(float value)
{
    if (!(value > 0)) return NAN;
    float near = (float)log((double)value),
          beside[] = { near, nextafterf(near, -INFINITY), nextafterf(near, INFINITY) };
    for (int i = 0; i < 3; i++)
        if ((float)exp((double)beside[i]) == value) return beside[i];
    return near;
}

float tensor_form_element(unsigned form, float stored)
{
    float value = form & TENSOR_NEGATED ? -stored : stored;
    if (form & TENSOR_LESS_ONE) return stored + 1;
    return form & TENSOR_EXP ? log_of(value) : value;
}

/* ---- orders of heads ---- */

static int64_t tile(const head_order *o, int64_t at, int64_t from_groups, int64_t from_each)
{
    if (at < o->first) return at;
    int64_t piece = (at - o->first) / o->unit, rest = (at - o->first) % o->unit;
    return o->first + (piece % from_each * from_groups + piece / from_each) * o->unit + rest;
}

int64_t head_order_stored(const head_order *o, int64_t row)
{
    if (o->kind == ORDER_TILED || o->kind == ORDER_TILED_COLUMNS)
        return tile(o, row, o->groups, o->each);
    if (o->kind != ORDER_BY_GROUP) return row;
    int part = 0;
    for (; part < 2 && row >= o->groups * o->part[part].size; part++)
        row -= o->groups * o->part[part].size;
    int64_t size = o->part[part].size;
    return row / size * o->together + o->part[part].place + row % size;
}

int64_t head_order_at(const head_order *o, int64_t stored)
{
    if (o->kind == ORDER_TILED || o->kind == ORDER_TILED_COLUMNS)
        return tile(o, stored, o->each, o->groups);
    if (o->kind != ORDER_BY_GROUP) return stored;
    int64_t group = stored / o->together, in = stored % o->together, first = 0;
    for (int i = 0; i < 3; i++) {
        int64_t place = o->part[i].place, size = o->part[i].size;
        if (in >= place && in < place + size) return first + group * size + in - place;
        first += o->groups * size;
    }
    return -1;
}

/* Returns the order of a matrix whose heads of values are stored tiled, in a model that has them
 * in order. */
static head_order tiled_order(const mixer_config *m, param_role role)
{
    int64_t keys = 2 * m->key_heads * m->head_dim, width = m->value_dim;
    head_order o = {
        .kind = ORDER_TILED, .groups = m->key_heads, .each = m->heads / m->key_heads, .unit = 1
    };
    if (role == ROLE_DELTA_IN) o.first = keys, o.unit = width;
    else if (role == ROLE_CONV) o.first = keys * m->conv, o.unit = width * m->conv;
    else if (role == ROLE_DELTA_GATE) o.unit = width;
    else if (role == ROLE_STATE_OUT) o.kind = ORDER_TILED_COLUMNS, o.unit = width;
    return o;
}

/* Returns the order of a matrix that has the rows [q | k | v | gate], or [beta | decay], of each
 * head of keys. */
static head_order order_by_key_head(const mixer_config *m, param_role role)
{
    int64_t each = m->heads / m->key_heads, keys = m->head_dim, values = each * m->value_dim;
    bool wide = role == ROLE_DELTA_IN || role == ROLE_DELTA_GATE;
    head_order o = { .kind = ORDER_BY_GROUP,
        .groups = m->key_heads,
        .each = each,
        .together = wide ? 2 * (keys + values) : 2 * each };
    if (role == ROLE_DELTA_IN) {
        for (int i = 0; i < 3; i++) o.part[i].place = i * keys, o.part[i].size = keys;
        o.part[2].size = values;
    } else {
        o.part[0].size = wide ? values : each;
        o.part[0].place = wide ? 2 * keys + values : role == ROLE_DELTA_BETA ? 0 : each;
    }
    return o;
}

static head_order order_of(unsigned form, const model_config *c, const param *p)
{
    const mixer_config *m = p->layer < 0 ? NULL : &c->layer[p->layer].mixer;
    if (form & TENSOR_BY_KEY_HEAD) return order_by_key_head(m, p->role);
    if (form & TENSOR_TILED && !c->tiled_heads && m->heads > m->key_heads)
        return tiled_order(m, p->role);
    return (head_order){ .kind = ORDER_SAME };
}

/* The rows (of a vector: elements) of the tensor that the parameter is a part of */
static int64_t rows_together(unsigned form, const mixer_config *m, param_role role, int64_t rows)
{
    if (form & TENSOR_BY_KEY_HEAD) {
        head_order o = order_by_key_head(m, role);
        return o.groups * o.together;
    }
    if (form & TENSOR_QKV) return (m->heads + 2 * m->kv_heads) * m->head_dim;
    if (form & TENSOR_HEADS) return rows / m->heads;
    return form & TENSOR_HALF ? 2 * rows : rows;
}

int tensor_name_shape(
    const tensor_name *name, const model_config *c, const param *p, int64_t shape[4])
{
    int rank = 0;
    const mixer_config *m = p->layer < 0 ? NULL : &c->layer[p->layer].mixer;
    if (name->form & TENSOR_EXPERTS) shape[rank++] = moe_config_weighted(&c->layer[p->layer].moe);
    if (name->form & (TENSOR_CHANNELS | TENSOR_FILTERS)) {
        shape[rank++] = p->cols / m->conv;
        if (name->form & TENSOR_FILTERS) shape[rank++] = 1;
        shape[rank++] = m->conv;
        return rank;
    }
    if (param_is_vector(p)) {
        int64_t groups = name->form & TENSOR_GROUPS && m->state_groups ? m->state_groups : 1;
        if (name->form & TENSOR_ONE_ROW) shape[rank++] = 1;
        for (int i = 0; i < 2 && name->form & TENSOR_IN_ONES; i++) shape[rank++] = 1;
        if (name->form & TENSOR_GROUPS) shape[rank++] = groups;
        shape[rank++] = rows_together(name->form, m, p->role, p->cols) / groups;
        if (name->form & TENSOR_ONE_COLUMN) shape[rank++] = 1;
        return rank;
    }
    if (name->form & TENSOR_HEADS) shape[rank++] = m->heads;
    int64_t rows = rows_together(name->form, m, p->role, p->rows);
    bool transposed = name->form & TENSOR_TRANSPOSED;
    shape[rank++] = transposed ? p->cols : rows;
    shape[rank++] = transposed ? rows : p->cols;
    return rank;
}

static tensor_place place_of_half(unsigned form, int64_t out, int64_t step)
{
    if (form & TENSOR_SECOND) return (tensor_place){ .offset = out * step, .row = step };
    if (form & TENSOR_EVEN) return (tensor_place){ .row = 2 * step };
    if (form & TENSOR_ODD) return (tensor_place){ .offset = step, .row = 2 * step };
    return (tensor_place){ .row = step };
}

/* Where queries, keys or values begin in a tensor of all three */
static int64_t first_row(const mixer_config *m, param_role role)
{
    if (role == ROLE_Q || role == ROLE_Q_BIAS) return 0;
    return (role == ROLE_K || role == ROLE_K_BIAS ? m->heads : m->heads + m->kv_heads) *
           m->head_dim;
}

tensor_place tensor_name_place(const tensor_name *name, const model_config *c, const param *p)
{
    int64_t twice = name->form & TENSOR_HALF ? 2 : 1;
    tensor_place place;
    if (param_is_vector(p)) {
        place = place_of_half(name->form, p->cols, 1);
        place.col = place.row;
    } else if (name->form & TENSOR_TRANSPOSED) {
        place = place_of_half(name->form, p->rows, 1);
        place.col = twice * p->rows;
    } else {
        place = place_of_half(name->form, p->rows, p->cols);
        place.col = 1;
    }
    if (name->form & TENSOR_EXPERTS) place.offset += p->expert * twice * p->rows * p->cols;
    if (name->form & TENSOR_QKV)
        place.offset = first_row(&c->layer[p->layer].mixer, p->role) * place.row;
    if (name->form & TENSOR_PAIRED) place.paired = c->layer[p->layer].mixer.head_dim;
    place.order = order_of(name->form, c, p);
    return place;
}

int64_t tensor_place_row(const tensor_place *place, int64_t row)
{
    int64_t d = place->paired, in_head = d ? row % d : 0;
    if (place->order.kind != ORDER_TILED_COLUMNS) row = head_order_stored(&place->order, row);
    return d ? row - in_head + 2 * (in_head % (d / 2)) + in_head / (d / 2) : row;
}

int64_t tensor_place_row_at(const tensor_place *place, int64_t stored)
{
    int64_t d = place->paired, in_head = d ? stored % d : 0;
    if (d) return stored - in_head + in_head % 2 * (d / 2) + in_head / 2;
    return place->order.kind != ORDER_TILED_COLUMNS ? head_order_at(&place->order, stored) : stored;
}

int64_t tensor_place_column(const tensor_place *place, int64_t column)
{
    return place->order.kind == ORDER_TILED_COLUMNS ? head_order_stored(&place->order, column)
                                                    : column;
}
