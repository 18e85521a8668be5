/* model.c - the memory of a mixture, and its answers in the table's units. */
#include "mixture/model.h"

#include <math.h>

#include "base/memory.h"
#include "base/sized.h"

static cadre_status take_memory(cadre_mixture *m, int64_t records, int64_t sample_rows)
{
    m->records = records;
    m->sample_rows = sample_rows;
    CADRE_TRY(mixture_layout_of(&m->shape, &m->layout));
    int64_t columns = mixture_columns(m);
    m->column = MEM_ARRAY(mixture_column, columns);
    m->parameters = MEM_ARRAY(double, m->layout.count);
    m->likelihood = MEM_ARRAY(double, records);
    m->share = MEM_ARRAY(double, m->shape.experts);
    m->sample = mem_alloc((size_t)sample_rows, (size_t)columns * sizeof *m->sample);
    if (m->method != METHOD_EM) m->loss = MEM_ARRAY(double, records);
    bool whole = m->column && m->parameters && m->likelihood && m->share && m->sample;
    return whole && (m->loss || m->method == METHOD_EM) ? CADRE_OK : CADRE_ENOMEM;
}

cadre_status mixture_new(enum mixture_method method, const mixture_shape *shape, int64_t records,
    int64_t sample_rows, cadre_mixture **mixture)
{
    cadre_mixture *m = MEM_ARRAY(cadre_mixture, 1);
    if (!m) return CADRE_ENOMEM;
    m->method = method;
    m->shape = *shape;
    cadre_status status = take_memory(m, records, sample_rows);
    if (status == CADRE_OK) *mixture = m;
    else cadre_mixture_free(m);
    return status;
}

void cadre_mixture_free(cadre_mixture *m)
{
    if (!m) return;
    for (int64_t i = 0; m->column && i < mixture_columns(m); i++) mem_free(m->column[i].name);
    mem_free(m->column);
    mem_free(m->parameters);
    mem_free(m->likelihood);
    mem_free(m->loss);
    mem_free(m->share);
    mem_free(m->sample);
    mem_free(m);
}

static void unstandardise(const cadre_mixture *m, double *values)
{
    const mixture_column *target = m->column + m->shape.inputs;
    for (int64_t j = 0; j < m->shape.outputs; j++)
        values[j] = target[j].mean + target[j].deviation * values[j];
}

void mixture_answer_row(const cadre_mixture *m, const double *inputs, mixture_row *r)
{
    const mixture_shape *s = &m->shape;
    for (int64_t j = 0; j < s->inputs; j++)
        r->input[j] = (inputs[j] - m->column[j].mean) / m->column[j].deviation;
    mixture_row_forward(s, &m->layout, m->parameters, r);
    if (s->classify) return;
    unstandardise(m, r->prediction);
    for (int64_t i = 0; i < s->experts; i++) unstandardise(m, r->output + i * s->outputs);
}

/* ---- public ---- */

cadre_status cadre_mixture_info_get(const cadre_mixture *m, cadre_mixture_info *info)
{
    const mixture_shape *s = &m->shape;
    CADRE_TRY(
        sized_check("cadre_mixture_info", info, SIZE_UP_TO(cadre_mixture_info, log_likelihood)));
    cadre_mixture_info made = {
        .method = mixture_method_name(m->method),
        .classify = s->classify,
        .inputs = s->inputs,
        .targets = mixture_targets(s),
        .outputs = s->outputs,
        .experts = s->experts,
        .groups = s->groups,
        .hidden = s->hidden,
        .parameters = m->layout.count,
        .rows = m->rows,
        .iterations = m->records ? m->records - 1 : 0,
        .log_likelihood = m->records ? m->likelihood[m->records - 1] : NAN,
    };
    sized_write(&made, sizeof made, info);
    return CADRE_OK;
}

const char *cadre_mixture_column(const cadre_mixture *m, int64_t i)
{
    return i >= 0 && i < mixture_columns(m) ? m->column[i].name : NULL;
}

double cadre_mixture_share(const cadre_mixture *m, int64_t expert)
{
    return expert >= 0 && expert < m->shape.experts ? m->share[expert] : 0;
}
