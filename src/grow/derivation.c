/* derivation.c - writes a model whose parameters are taken from others or made. */
#include "grow/derivation.h"

#include "base/memory.h"
#include "weights/model_write.h"

/* A parameter whose rows are being written */
typedef struct slot {
    const param *param; /* of the new model; NULL: none yet */
    origin origin;
    param_reader reader; /* reads one that is copied */
    real *made;          /* the values of one that is made */
} slot;

typedef struct writing {
    const derivation *d;
    slot slots[2]; /* a tensor is made of up to two parameters, in turn */
} writing;

param derivation_param(const model_input *in, param_role role, int64_t layer, int64_t expert)
{
    const param_row *row = param_row_of(role);
    int64_t own = row->scope == OF_EXPERT ? expert : -1;
    param_shape s = param_shape_of(&in->config, row, layer, own);
    return (param){ .role = role,
        .kind = row->kind,
        .layer = row->scope == OF_MODEL ? -1 : (int32_t)layer,
        .expert = (int32_t)own,
        .rows = s.rows,
        .cols = s.cols,
        .whole = param_kind_is_vector(row->kind) ? s.cols : s.rows };
}

cadre_status derivation_read(const model_input *in, const param *p, real *values)
{
    return param_read(&in->file, &in->config, p, values, NULL);
}

static origin origin_of(const derivation *d, const param *p)
{
    origin o = { .from = *p };
    d->origin(d->arg, p, &o);
    return o;
}

static const number_format *format_of(void *arg, const param *p)
{
    const derivation *d = ((const writing *)arg)->d;
    param source = *p;
    /* This kind of file repeats the embedding as the head. */
    if (p->role == ROLE_HEAD && d->config->tie) source.role = ROLE_EMBED;
    origin o = origin_of(d, &source);
    if (o.input < 0) return &number_f32;
    const model_input *in = &d->inputs[o.input];
    return model_input_format(in, &in->config, &o.from);
}

static void end_slot(slot *s)
{
    param_reader_end(&s->reader);
    mem_free(s->made);
    *s = (slot){ 0 };
}

static cadre_status begin_param(void *arg, const param *p, int64_t index)
{
    writing *w = arg;
    (void)index;
    end_slot(&w->slots[0]);
    w->slots[0] = w->slots[1];
    if (w->slots[0].reader.param) w->slots[0].reader.param = &w->slots[0].origin.from;
    slot *s = &w->slots[1];
    *s = (slot){ .param = p, .origin = origin_of(w->d, p) };
    if (s->origin.made) {
        if (!(s->made = MEM_ARRAY(real, p->rows * p->cols))) return CADRE_ENOMEM;
        return w->d->make(w->d->arg, p, s->made);
    }
    const model_input *in = &w->d->inputs[s->origin.input];
    return param_reader_begin(in, &in->config, &s->origin.from, &s->reader);
}

static const slot *slot_of(const writing *w, const param *p)
{
    return w->slots[1].param == p ? &w->slots[1] : &w->slots[0];
}

static void read_row(void *arg, const param *p, int64_t index, int64_t row, float *values)
{
    const slot *s = slot_of(arg, p);
    (void)index;
    if (!s->made) {
        param_reader_row(&s->reader, row, values);
        return;
    }
    for (int64_t i = 0; i < p->cols; i++) values[i] = (float)s->made[row * p->cols + i];
}

static const void *stored_row(void *arg, const param *p, int64_t row, const number_format *format)
{
    const slot *s = slot_of(arg, p);
    return s->made ? NULL : param_reader_stored_row(&s->reader, row, format);
}

cadre_status derivation_write(
    const compute *c, const derivation *d, const char *out, const cadre_output_listener *listener)
{
    writing w = { .d = d };
    model_output o = model_input_output(&d->inputs[0], out, listener);
    o.config = d->config;
    o.source = (tensor_source){
        .format = format_of, .begin = begin_param, .row = read_row, .stored = stored_row, .arg = &w
    };
    if (d->inputs[0].tokenizer_refusal) model_output_note(&o, d->inputs[0].tokenizer_refusal);
    cadre_status status = model_output_write(c, &o);
    end_slot(&w.slots[0]);
    end_slot(&w.slots[1]);
    return status;
}
