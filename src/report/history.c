/* history.c - reads metrics.jsonl and gathers it into spans of time. */
#include "report/history.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/json_lines.h"

#define STEP_MAX ((int64_t)1 << 52)
#define VALUE_MAX 1e300
#define LOAD_MAX 1e15

static const char *const scalar_key[METRIC_COUNT] = {
    [METRIC_LOSS] = "loss",
    [METRIC_VALID] = "valid_loss",
    [METRIC_AUX] = "aux_loss",
    [METRIC_Z] = "z_loss",
    [METRIC_GRADIENT] = "grad_norm",
    [METRIC_RATE] = "lr",
    [METRIC_SPEED] = "tokens_per_second",
};
static const char *const layer_key[LAYER_METRIC_COUNT] = {
    [LAYER_MAX_VIO] = "max_vio",
    [LAYER_DEAD] = "dead",
    [LAYER_DROPPED] = "dropped",
    [LAYER_ENTROPY] = "entropy",
};

const metric_point *history_scalar(const run_history *m, enum metric which)
{
    return m->scalar + (int)which * m->points;
}

const metric_point *history_layer(const run_history *m, enum layer_metric which, int layer)
{
    return m->layer + ((int)which * m->layers + layer) * m->points;
}

/* ---- spans ---- */

/* The span of `step` when the run is divided into `count`. Where a later line took steps back, the
 * log may name steps outside first..last. */
static int span_of(const run_history *m, int count, int64_t step)
{
    if (step <= m->first) return 0;
    if (step >= m->last) return count - 1;
    return (int)((double)(step - m->first) / (double)(m->last - m->first + 1) * count);
}

double history_step(const run_history *m, int point)
{
    double span = (double)(m->last - m->first + 1) / m->points;
    return (double)m->first + (point + 0.5) * span - 0.5;
}

double history_column_step(const run_history *m, int column)
{
    double span = (double)(m->last - m->first + 1) / m->columns;
    return (double)m->first + (column + 0.5) * span - 0.5;
}

static void add(metric_point *p, double value)
{
    if (!p->count || value < p->low) p->low = value;
    if (!p->count || value > p->high) p->high = value;
    p->sum += value;
    p->count++;
}

static void forget_from(run_history *m, int64_t step)
{
    int point = span_of(m, m->points, step), column = span_of(m, m->columns, step);
    int rows = METRIC_COUNT + LAYER_METRIC_COUNT * m->layers;
    for (int r = 0; r < rows; r++) {
        metric_point *row = r < METRIC_COUNT ? m->scalar + r * m->points
                                             : m->layer + (r - METRIC_COUNT) * m->points;
        memset(row + point, 0, (size_t)(m->points - point) * sizeof *row);
    }
    memset(m->loads + (size_t)column * (size_t)m->experts, 0,
        (size_t)(m->columns - column) * (size_t)m->experts * sizeof *m->loads);
}

/* ---- one line of the log ---- */

typedef struct history_reader {
    const model_shape *shape;
    run_history *m;
    double *picks; /* [layers] of the line being read */
    int64_t previous;
} history_reader;

static cadre_status read_scalars(const json_node *line, run_history *m, int point)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        double value = NAN;
        CADRE_TRY(json_opt_real(line, scalar_key[i], -VALUE_MAX, VALUE_MAX, &value));
        if (!isnan(value)) add(m->scalar + i * m->points + point, value);
        else if (i == METRIC_LOSS) m->not_finite++;
    }
    return CADRE_OK;
}

/* An optional array of one item for each sparse layer */
static cadre_status layer_array(
    const json_node *line, const char *key, int layers, json_node *array)
{
    CADRE_TRY(json_opt_array(line, key, array));
    if (array->value && json_count(array) != (size_t)layers)
        return json_refuse(array, "%d items, one a sparse layer", layers);
    return CADRE_OK;
}

static cadre_status read_loads(
    const json_node *line, history_reader *r, double *loads /* [experts] */)
{
    json_node array;
    CADRE_TRY(layer_array(line, "loads", r->shape->layers, &array));
    memset(r->picks, 0, (size_t)r->shape->layers * sizeof *r->picks);
    for (int s = 0; array.value && s < r->shape->layers; s++) {
        const shape_layer *layer = &r->shape->layer[s];
        json_node row = json_item(&array, (size_t)s);
        if (json_count(&row) != (size_t)layer->experts)
            return json_refuse(&row, "%d numbers, one an expert", layer->experts);
        for (int e = 0; e < layer->experts; e++) {
            json_node item = json_item(&row, (size_t)e);
            double value;
            CADRE_TRY(json_as_real(&item, 0, LOAD_MAX, &value));
            loads[layer->first_expert + e] += value;
            r->picks[s] += value;
        }
    }
    return CADRE_OK;
}

/* Called after read_loads. Dropped picks become a share of the layer's picks. */
static cadre_status read_layer_metric(
    const json_node *line, history_reader *r, int which, int point)
{
    run_history *m = r->m;
    json_node array;
    CADRE_TRY(layer_array(line, layer_key[which], m->layers, &array));
    for (int s = 0; array.value && s < m->layers; s++) {
        json_node item = json_item(&array, (size_t)s);
        if (json_kind_of(&item) == JSON_KIND_NULL) continue;
        double value;
        CADRE_TRY(json_as_real(&item, 0, VALUE_MAX, &value));
        if (which == LAYER_DROPPED) value = r->picks[s] > 0 ? value / r->picks[s] : 0;
        add(m->layer + (which * m->layers + s) * m->points + point, value);
    }
    return CADRE_OK;
}

static cadre_status read_line(const json_document *document, history_reader *r)
{
    run_history *m = r->m;
    json_node line = json_root(document);
    CADRE_TRY(json_as_object(&line));
    int64_t step;
    CADRE_TRY(json_get_int(&line, "step", 0, STEP_MAX, &step));
    if (step <= r->previous) forget_from(m, step);
    r->previous = step;
    int point = span_of(m, m->points, step), column = span_of(m, m->columns, step);
    CADRE_TRY(read_scalars(&line, m, point));
    CADRE_TRY(read_loads(&line, r, m->loads + (size_t)column * (size_t)m->experts));
    for (int i = 0; i < LAYER_METRIC_COUNT; i++) CADRE_TRY(read_layer_metric(&line, r, i, point));
    return CADRE_OK;
}

/* ---- the file ---- */

static cadre_status step_of(json_document *document, int64_t *step)
{
    json_node line = json_root(document);
    cadre_status status = json_as_object(&line);
    if (status == CADRE_OK) status = json_get_int(&line, "step", 0, STEP_MAX, step);
    json_close(document);
    return status;
}

/* Finds the first and the last step; *found is false in a file without lines. */
static cadre_status find_range(json_lines *lines, run_history *m, bool *found)
{
    json_document *document;
    CADRE_TRY(lines_last(lines, &document));
    *found = document != NULL;
    if (!document) return CADRE_OK;
    CADRE_TRY(step_of(document, &m->last));
    CADRE_TRY(lines_next(lines, &document));
    CADRE_TRY(step_of(document, &m->first));
    if (m->first > m->last) m->first = m->last; /* the log went back to before its own beginning */
    lines->at = 0;
    lines->line = 0;
    return CADRE_OK;
}

static bool make_room(run_history *m, const model_shape *shape)
{
    int64_t steps = m->last - m->first + 1;
    m->points = steps < HISTORY_POINTS ? (int)steps : HISTORY_POINTS;
    m->columns = steps < HISTORY_COLUMNS ? (int)steps : HISTORY_COLUMNS;
    m->layers = shape->layers;
    m->experts = shape->experts;
    m->scalar = MEM_ARRAY(metric_point, METRIC_COUNT * m->points);
    m->layer = MEM_ARRAY(metric_point, LAYER_METRIC_COUNT * m->layers * m->points);
    m->loads = mem_alloc((size_t)m->columns * (size_t)m->experts, sizeof *m->loads);
    return m->scalar && m->layer && m->loads;
}

static cadre_status read_lines(json_lines *lines, history_reader *r)
{
    for (;;) {
        json_document *document;
        CADRE_TRY(lines_next(lines, &document));
        if (!document) return CADRE_OK;
        cadre_status status = read_line(document, r);
        json_close(document);
        if (status != CADRE_OK) return status;
    }
}

static cadre_status read_file(json_lines *lines, const model_shape *shape, run_history *m)
{
    bool found;
    CADRE_TRY(find_range(lines, m, &found));
    if (!found) return CADRE_OK;
    history_reader r = { shape, m, MEM_ARRAY(double, shape->layers), -1 };
    cadre_status status = make_room(m, shape) && r.picks ? read_lines(lines, &r) : CADRE_ENOMEM;
    mem_free(r.picks);
    return status;
}

cadre_status history_read(const char *path, const model_shape *shape, run_history *history)
{
    run_history read = { 0 };
    if (!file_exists(path)) {
        *history = read;
        return CADRE_OK;
    }
    json_lines lines;
    CADRE_TRY(lines_open(path, &lines));
    cadre_status status = read_file(&lines, shape, &read);
    lines_close(&lines);
    if (status == CADRE_OK) *history = read;
    else history_free(&read);
    return status;
}

void history_free(run_history *history)
{
    mem_free(history->scalar);
    mem_free(history->layer);
    mem_free(history->loads);
    *history = (run_history){ 0 };
}

/* ---- reading the history ---- */

double history_late(const run_history *m, const metric_point *series, double share)
{
    double sum = 0;
    int64_t count = 0;
    for (int i = m->points - 1; i >= 0; i--) {
        if (count && i < m->points * (1 - share)) break;
        sum += series[i].sum;
        count += series[i].count;
    }
    return count ? sum / (double)count : NAN;
}

double history_greatest(const run_history *m, const metric_point *series)
{
    double greatest = -INFINITY;
    for (int i = 0; i < m->points; i++)
        if (series[i].count && series[i].high > greatest) greatest = series[i].high;
    return greatest;
}

bool history_any(const run_history *m, const metric_point *series)
{
    return history_greatest(m, series) > -INFINITY;
}

int64_t history_final_loads(const run_history *m, double *loads)
{
    int from = m->columns - (m->columns + 19) / 20;
    memset(loads, 0, (size_t)m->experts * sizeof *loads);
    for (int c = from; c < m->columns; c++)
        for (int e = 0; e < m->experts; e++)
            loads[e] += m->loads[(size_t)c * (size_t)m->experts + (size_t)e];
    return m->first + (int64_t)((double)(m->last - m->first + 1) * from / m->columns);
}
