/* predict.c - cadre_mixture_predict: finds a table's inputs by name, and answers row by row. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "format/quote.h"
#include "mixture/model.h"
#include "mixture/table.h"

static cadre_status find_inputs(const cadre_mixture *m, const table *t, int64_t *chosen)
{
    for (int64_t j = 0; j < m->shape.inputs; j++) {
        const char *name = m->column[j].name;
        chosen[j] = table_column(t, name, strlen(name));
        if (chosen[j] >= 0) continue;
        cadre_fail(CADRE_EMISMATCH, t->path,
            "expected a column '%s', which the mixture was fitted on, found none",
            quote_text(name).text);
        const char *meant = cadre_nearest(name, (const char *const *)t->name, (int)t->columns);
        if (meant) cadre_fail_advice("there is a column '%s'", quote_text(meant).text);
        return CADRE_EMISMATCH;
    }
    return CADRE_OK;
}

static int64_t best_of(const mixture_shape *s, const double *prediction)
{
    int64_t best = 0;
    for (int64_t k = 1; k < s->outputs; k++)
        if (prediction[k] > prediction[best]) best = k;
    return s->classify ? best : -1;
}

static void answer_all(const cadre_mixture *m, const table_numbers *n, cadre_mixture_answer answer,
    void *arg, mixture_row *row)
{
    for (int64_t i = 0; i < n->rows; i++) {
        const double *input = n->value + i * n->columns;
        mixture_answer_row(m, input, row);
        for (int64_t e = 0; e < m->shape.experts; e++) row->gate[e] = exp(row->gate[e]);
        const cadre_mixture_prediction p = { .size = sizeof p,
            .row = i,
            .input = input,
            .output = row->prediction,
            .best = best_of(&m->shape, row->prediction),
            .gate = row->gate };
        answer(arg, &p);
    }
}

static cadre_status predict_table(
    const cadre_mixture *m, const table *t, cadre_mixture_answer answer, void *arg)
{
    mixture_row row = { 0 };
    table_numbers numbers = { 0 };
    int64_t *chosen = MEM_ARRAY(int64_t, m->shape.inputs);
    cadre_status status = chosen ? find_inputs(m, t, chosen) : CADRE_ENOMEM;
    if (status == CADRE_OK) status = table_read(t, chosen, m->shape.inputs, &numbers);
    if (status == CADRE_OK) status = mixture_row_open(&m->shape, &row);
    if (status == CADRE_OK) answer_all(m, &numbers, answer, arg, &row);
    mixture_row_close(&row);
    table_numbers_free(&numbers);
    mem_free(chosen);
    return status;
}

cadre_status cadre_mixture_predict(
    const cadre_mixture *mixture, const char *data, cadre_mixture_answer answer, void *arg)
{
    table t;
    CADRE_TRY(table_open(data, &t));
    cadre_status status = predict_table(mixture, &t, answer, arg);
    table_close(&t);
    return status;
}
