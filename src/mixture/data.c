/* data.c - decides which columns are inputs and which targets, and whether a mixture can be fitted
 * to them. */
#include "mixture/data.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/buffer.h"
#include "format/quote.h"

enum { PLACE = 1024, NAMES_SHOWN = 8 };

/* ---- columns ---- */

static cadre_status refuse_column(const table *t, const char *name, size_t size)
{
    byte_buffer list = { 0 };
    for (int64_t i = 0; i < t->columns && i < NAMES_SHOWN; i++)
        byte_buffer_format(&list, "%s%s", i ? ", " : "", quote_text(t->name[i]).text);
    if (t->columns > NAMES_SHOWN) byte_buffer_text(&list, " ...");
    cadre_status status = cadre_fail(CADRE_EFORMAT, t->path, "expected a column '%s', found %s",
        quote_bytes(name, size).text, list.data ? list.data : "others");
    char *word = mem_printf("%.*s", (int)size, name);
    const char *meant =
        !word ? NULL : cadre_nearest(word, (const char *const *)t->name, (int)t->columns);
    if (meant) cadre_fail_advice("did you mean '%s'?", quote_text(meant).text);
    mem_free(word);
    byte_buffer_free(&list);
    return status;
}

/* Marks the column of a name as the next target: is_target[column] = 1, 2 ... */
static cadre_status add_target(mixture_data *d, const char *name, size_t size, int64_t *is_target)
{
    int64_t column = table_column(&d->table, name, size);
    if (column < 0) return refuse_column(&d->table, name, size);
    if (is_target[column])
        return cadre_fail(CADRE_EARGUMENT, "--target",
            "expected each column once, found '%s' twice", quote_bytes(name, size).text);
    is_target[column] = ++d->targets;
    return CADRE_OK;
}

/* Finds one column whose name is all of the text, or several between commas. */
static cadre_status find_targets(mixture_data *d, const char *text, int64_t *is_target)
{
    if (table_column(&d->table, text, strlen(text)) >= 0)
        return add_target(d, text, strlen(text), is_target);
    for (;; text++) {
        size_t size = strcspn(text, ",");
        CADRE_TRY(add_target(d, text, size, is_target));
        text += size;
        if (!*text) return CADRE_OK;
    }
}

static cadre_status choose_columns(mixture_data *d, const mixture_plan *plan)
{
    int64_t *is_target = MEM_ARRAY(int64_t, d->table.columns);
    d->chosen = MEM_ARRAY(int64_t, d->table.columns);
    cadre_status status = is_target && d->chosen ? CADRE_OK : CADRE_ENOMEM;
    if (status == CADRE_OK) status = find_targets(d, plan->target, is_target);
    d->inputs = d->table.columns - d->targets;
    for (int64_t i = 0, input = 0; status == CADRE_OK && i < d->table.columns; i++)
        d->chosen[is_target[i] ? d->inputs + is_target[i] - 1 : input++] = i;
    mem_free(is_target);
    if (status == CADRE_OK && !d->inputs)
        return cadre_fail(CADRE_EARGUMENT, "--target",
            "expected at least one column of %s to be left as an input, found none", d->table.path);
    if (status == CADRE_OK && plan->shape.classify && d->targets > 1)
        return cadre_fail(CADRE_EARGUMENT, "--classify",
            "expected one column of classes, found %lld", (long long)d->targets);
    return status;
}

/* ---- numbers ---- */

static double value_of(const mixture_data *d, int64_t row, int64_t column)
{
    return d->numbers.value[row * d->numbers.columns + column];
}

/* Deviations are those of the population. Sums of differences from the mean lose no digits. */
static void measure_column(mixture_data *d, int64_t j, bool standardise)
{
    mixture_column *c = &d->column[j];
    double rows = (double)d->numbers.rows, mean = 0, square = 0;
    *c = (mixture_column){
        .name = d->table.name[d->chosen[j]], .deviation = 1, .low = INFINITY, .high = -INFINITY
    };
    for (int64_t n = 0; n < d->numbers.rows; n++) {
        double x = value_of(d, n, j);
        mean += x / rows;
        c->low = fmin(c->low, x);
        c->high = fmax(c->high, x);
    }
    if (!standardise) return;
    for (int64_t n = 0; n < d->numbers.rows; n++)
        square += (value_of(d, n, j) - mean) * (value_of(d, n, j) - mean) / rows;
    c->mean = mean;
    c->deviation = sqrt(square);
}

static cadre_status check_column(const mixture_data *d, int64_t j, bool classes)
{
    const mixture_column *c = &d->column[j];
    if (c->low < c->high) {
        if (c->deviation > 0 && isfinite(c->deviation)) return CADRE_OK;
        return cadre_fail(CADRE_EFORMAT, d->table.path,
            "column %lld ('%s'): expected numbers whose squares can be summed, found %g to %g",
            (long long)d->chosen[j] + 1, quote_text(c->name).text, c->low, c->high);
    }
    return cadre_fail(CADRE_EFORMAT, d->table.path,
        "column %lld ('%s'): expected %s, found %.9g in every row", (long long)d->chosen[j] + 1,
        quote_text(c->name).text, classes ? "at least two classes" : "numbers that differ", c->low);
}

static cadre_status check_class(const mixture_data *d, int64_t row)
{
    double x = value_of(d, row, d->inputs);
    if (x >= 0 && x == floor(x) && x < (double)d->numbers.rows) return CADRE_OK;
    char place[PLACE];
    snprintf(place, sizeof place, "%s:%lld", d->table.path, (long long)d->numbers.line[row]);
    return cadre_fail(CADRE_EFORMAT, place,
        "column %lld ('%s'): expected a class, 0, 1 and so on, less than there are rows, found "
        "%.9g",
        (long long)d->chosen[d->inputs] + 1, quote_text(d->column[d->inputs].name).text, x);
}

/* Checks that classes are 0..C-1, and that each occurs. */
static cadre_status count_classes(mixture_data *d)
{
    bool *seen = MEM_ARRAY(bool, d->numbers.rows);
    cadre_status status = seen ? CADRE_OK : CADRE_ENOMEM;
    for (int64_t n = 0; status == CADRE_OK && n < d->numbers.rows; n++) {
        status = check_class(d, n);
        if (status == CADRE_OK) seen[(int64_t)value_of(d, n, d->inputs)] = true;
    }
    const mixture_column *c = &d->column[d->inputs];
    d->classes = status == CADRE_OK ? (int64_t)c->high + 1 : 1;
    for (int64_t k = 0; status == CADRE_OK && k < d->classes && c->low < c->high; k++)
        if (!seen[k])
            status = cadre_fail(CADRE_EFORMAT, d->table.path,
                "column %lld ('%s'): expected classes 0 to %lld without a gap, found no row of "
                "%lld",
                (long long)d->chosen[d->inputs] + 1, quote_text(c->name).text,
                (long long)d->classes - 1, (long long)k);
    mem_free(seen);
    return status;
}

static cadre_status measure(mixture_data *d, const mixture_plan *plan)
{
    int64_t columns = d->inputs + d->targets;
    if (!(d->column = MEM_ARRAY(mixture_column, columns))) return CADRE_ENOMEM;
    for (int64_t j = 0; j < columns; j++)
        measure_column(d, j, plan->standardise && !(plan->shape.classify && j >= d->inputs));
    if (d->numbers.rows < plan->shape.experts)
        return cadre_fail(CADRE_EFORMAT, d->table.path,
            "expected at least as many rows as there are experts, %lld, found %lld",
            (long long)plan->shape.experts, (long long)d->numbers.rows);
    if (plan->shape.classify) CADRE_TRY(count_classes(d));
    for (int64_t j = 0; j < columns; j++)
        CADRE_TRY(check_column(d, j, plan->shape.classify && j >= d->inputs));
    return CADRE_OK;
}

static cadre_status standardise(mixture_data *d)
{
    int64_t rows = d->numbers.rows, width = d->inputs + 1;
    d->input = mem_alloc((size_t)rows, (size_t)width * sizeof *d->input);
    d->target = mem_alloc((size_t)rows, (size_t)d->targets * sizeof *d->target);
    if (!d->input || !d->target) return CADRE_ENOMEM;
    for (int64_t n = 0; n < rows; n++) {
        for (int64_t j = 0; j < d->inputs + d->targets; j++) {
            double z = (value_of(d, n, j) - d->column[j].mean) / d->column[j].deviation;
            if (j < d->inputs) d->input[n * width + j] = z;
            else d->target[n * d->targets + j - d->inputs] = z;
        }
        d->input[n * width + d->inputs] = 1;
    }
    return CADRE_OK;
}

static cadre_status prepare(mixture_data *d, mixture_plan *plan)
{
    CADRE_TRY(choose_columns(d, plan));
    CADRE_TRY(table_read(&d->table, d->chosen, d->inputs + d->targets, &d->numbers));
    CADRE_TRY(measure(d, plan));
    plan->shape.inputs = d->inputs;
    plan->shape.outputs = plan->shape.classify ? d->classes : d->targets;
    return standardise(d);
}

cadre_status mixture_data_open(const char *path, mixture_plan *plan, mixture_data *d)
{
    *d = (mixture_data){ 0 };
    CADRE_TRY(table_open(path, &d->table));
    cadre_status status = prepare(d, plan);
    if (status != CADRE_OK) mixture_data_close(d);
    return status;
}

void mixture_data_close(mixture_data *d)
{
    table_close(&d->table);
    table_numbers_free(&d->numbers);
    mem_free(d->chosen);
    mem_free(d->column);
    mem_free(d->input);
    mem_free(d->target);
    *d = (mixture_data){ 0 };
}
