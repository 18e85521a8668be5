/* folder.c - writes a mixture to its folder, and reads it back with every value checked. */
#include "mixture/folder.h"

#include <math.h>
#include <string.h>

#include "base/destination.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/json.h"
#include "format/json_writer.h"
#include "format/safetensors.h"

static const char file_name[] = "mixture.safetensors";

enum { MOST_COLUMNS = 65536, MOST_EXPERTS = 1 << 24, MOST_RECORDS = 10000001 };

bool mixture_folder_is(const char *path) { return file_exists_in(path, file_name); }

cadre_status mixture_folder_check(const char *path)
{
    if (!mixture_folder_is(path)) return destination_folder(path);
    cadre_fail(CADRE_EEXISTS, path, "expected a folder without a mixture, found one in it");
    cadre_fail_advice("choose another --out, or remove it first");
    return CADRE_EEXISTS;
}

/* ---- tensors, in the order of the file ---- */

/* Copies the statistics of columns, as the file has them [4, columns]. `to`: out of the mixture. */
static void move_columns(const cadre_mixture *m, double *flat, bool to)
{
    int64_t count = mixture_columns(m);
    for (int64_t j = 0; j < count; j++) {
        mixture_column *c = &m->column[j];
        double *const field[] = { &c->mean, &c->deviation, &c->low, &c->high };
        for (int i = 0; i < 4; i++) {
            if (to) flat[i * count + j] = *field[i];
            else *field[i] = flat[i * count + j];
        }
    }
}

typedef struct stored {
    const char *name;
    int rank;
    int64_t shape[MIXTURE_RANK];
    double *values; /* in the mixture */
} stored;

enum { STORED_OTHERS = 5, STORED = MIXTURE_PARTS + STORED_OTHERS };

/* columns [4, columns] is what move_columns copies. Returns how many there are. */
static int list_stored(const cadre_mixture *m, double *columns, stored list[STORED])
{
    int n = 0;
    for (int i = 0; i < MIXTURE_PARTS; i++) {
        const mixture_part *part = &m->layout.part[i];
        if (!part->rank) continue;
        list[n] = (stored){ part->name, part->rank, { 0 }, m->parameters + part->offset };
        memcpy(list[n++].shape, part->shape, sizeof part->shape);
    }
    int64_t count = mixture_columns(m);
    list[n++] = (stored){ "columns", 2, { 4, count }, columns };
    list[n++] = (stored){ "share", 1, { m->shape.experts }, m->share };
    list[n++] = (stored){ "log_likelihood", 1, { m->records }, m->likelihood };
    if (m->loss) list[n++] = (stored){ "loss", 1, { m->records }, m->loss };
    list[n++] = (stored){ "sample", 2, { m->sample_rows, count }, m->sample };
    return n;
}

static int64_t elements(const stored *s)
{
    int64_t count = 1;
    for (int i = 0; i < s->rank; i++) count *= s->shape[i];
    return count;
}

/* ---- writing ---- */

static cadre_status description(const cadre_mixture *m, json_writer *w)
{
    const mixture_shape *s = &m->shape;
    *w = json_writer_new(0);
    json_put_object(w, NULL);
    json_put_string(w, "method", mixture_method_name(m->method));
    json_put_bool(w, "classify", s->classify);
    json_put_bool(w, "task_gates", s->task_gates);
    json_put_int(w, "outputs", s->outputs);
    json_put_int(w, "experts", s->experts);
    json_put_int(w, "groups", s->groups);
    json_put_int(w, "hidden", s->hidden);
    json_put_int(w, "rows", m->rows);
    for (int64_t j = 0; j < mixture_columns(m); j++) {
        if (j == 0) json_put_array(w, "inputs");
        if (j == s->inputs) json_put_close(w, ']'), json_put_array(w, "targets");
        json_put_string(w, NULL, m->column[j].name);
    }
    json_put_close(w, ']');
    json_put_close(w, '}');
    return json_writer_status(w);
}

static cadre_status write_tensors(safetensors_writer *w, const cadre_mixture *m, double *columns)
{
    stored list[STORED];
    int count = list_stored(m, columns, list);
    move_columns(m, columns, true);
    for (int i = 0; i < count; i++)
        CADRE_TRY(safetensors_writer_declare(w, list[i].name, "F64", list[i].rank, list[i].shape));
    for (int i = 0; i < count; i++)
        CADRE_TRY(
            safetensors_writer_put(w, list[i].values, (size_t)elements(&list[i]) * sizeof(double)));
    return CADRE_OK;
}

static cadre_status write_file(const char *path, const cadre_mixture *m)
{
    safetensors_writer *w = NULL;
    json_writer text;
    double *columns = MEM_ARRAY(double, 4 * mixture_columns(m));
    cadre_status status = description(m, &text);
    if (!columns) status = CADRE_ENOMEM;
    if (status == CADRE_OK) status = safetensors_writer_open(path, false, &w);
    if (status == CADRE_OK) status = safetensors_writer_metadata(w, "mixture", text.text.data);
    if (status == CADRE_OK) status = write_tensors(w, m, columns);
    if (status == CADRE_OK) status = safetensors_writer_commit(w);
    else safetensors_writer_discard(w);
    json_writer_free(&text);
    mem_free(columns);
    return status;
}

cadre_status mixture_folder_write(const char *path, const cadre_mixture *m)
{
    CADRE_TRY(file_make_folder(path));
    char *file = file_join(path, file_name);
    if (!file) return CADRE_ENOMEM;
    cadre_status status = write_file(file, m);
    mem_free(file);
    return status;
}

/* ---- reading ---- */

typedef struct folder_reader {
    const char *path;
    safetensors *file;
    json_document *text;
    json_node root, inputs, targets;
    enum mixture_method method;
    mixture_shape shape;
    int64_t rows, records, sample_rows;
} folder_reader;

/* Checks what must agree in any file. */
static cadre_status check_shape(const folder_reader *o)
{
    const mixture_shape *s = &o->shape;
    int64_t targets = (int64_t)json_count(&o->targets);
    if (targets != (s->classify ? 1 : s->outputs))
        return json_refuse(
            &o->targets, "as many names as there are targets, %lld", (long long)s->outputs);
    if (s->groups && s->experts % s->groups) {
        json_node groups = json_member(&o->root, "groups");
        return json_refuse(&groups, "a divisor of %lld experts", (long long)s->experts);
    }
    if (s->groups && s->task_gates) {
        json_node groups = json_member(&o->root, "groups");
        return json_refuse(&groups, "0 where each task has a gate");
    }
    return CADRE_OK;
}

static cadre_status read_description(folder_reader *o)
{
    const char *method;
    mixture_shape *s = &o->shape;
    o->root = json_root(o->text);
    const json_node *root = &o->root;
    CADRE_TRY(json_get_string(root, "method", &method));
    CADRE_TRY(mixture_method_of(o->path, method, &o->method));
    CADRE_TRY(json_get_bool(root, "classify", &s->classify));
    CADRE_TRY(json_get_bool(root, "task_gates", &s->task_gates));
    CADRE_TRY(json_get_int(root, "outputs", 1, MOST_COLUMNS, &s->outputs));
    CADRE_TRY(json_get_int(root, "experts", 1, MOST_EXPERTS, &s->experts));
    CADRE_TRY(json_get_int(root, "groups", 0, MOST_EXPERTS, &s->groups));
    CADRE_TRY(json_get_int(root, "hidden", 0, MOST_COLUMNS, &s->hidden));
    CADRE_TRY(json_get_int(root, "rows", 1, INT64_MAX / 2, &o->rows));
    CADRE_TRY(json_get_array(root, "inputs", &o->inputs));
    CADRE_TRY(json_get_array(root, "targets", &o->targets));
    s->inputs = (int64_t)json_count(&o->inputs);
    s->variance = o->method == METHOD_EM && !s->classify;
    if (s->inputs < 1 || s->inputs > MOST_COLUMNS)
        return json_refuse(&o->inputs, "1 to %d names", MOST_COLUMNS);
    return check_shape(o);
}

/* Reads the sizes that the description does not have from the tensors themselves. */
static cadre_status read_lengths(folder_reader *o)
{
    const safetensors_tensor *t;
    const int64_t any[] = { -1, -1 };
    CADRE_TRY(safetensors_get_as(o->file, "log_likelihood", "F64", 1, any, &t));
    o->records = t->shape[0];
    CADRE_TRY(safetensors_get_as(o->file, "sample", "F64", 2, any, &t));
    o->sample_rows = t->shape[0];
    if (o->records < 1 || o->records > MOST_RECORDS)
        return cadre_fail(
            CADRE_EFORMAT, o->path, "log_likelihood: expected 1 to %d numbers", MOST_RECORDS);
    return CADRE_OK;
}

/* Refuses values that cannot be: not finite, or not positive where something is divided by them. */
static cadre_status check_numbers(const folder_reader *o, const stored *s)
{
    int64_t count = elements(s), columns = s->rank == 2 ? s->shape[1] : 0;
    bool variance = !strcmp(s->name, "variance"), statistics = !strcmp(s->name, "columns");
    for (int64_t i = 0; i < count; i++) {
        bool divisor = variance || (statistics && i / columns == 1);
        if (!isfinite(s->values[i]) || (divisor && !(s->values[i] > 0)))
            return cadre_fail(CADRE_EFORMAT, o->path, "%s: expected %s numbers, found %g", s->name,
                divisor ? "positive" : "finite", s->values[i]);
    }
    return CADRE_OK;
}

static cadre_status read_tensors(const folder_reader *o, cadre_mixture *m, double *columns)
{
    stored list[STORED];
    int count = list_stored(m, columns, list);
    for (int i = 0; i < count; i++) {
        const safetensors_tensor *t;
        CADRE_TRY(
            safetensors_get_as(o->file, list[i].name, "F64", list[i].rank, list[i].shape, &t));
        memcpy(list[i].values, t->data, t->size);
        CADRE_TRY(check_numbers(o, &list[i]));
    }
    move_columns(m, columns, false);
    return CADRE_OK;
}

static cadre_status read_names(const folder_reader *o, cadre_mixture *m)
{
    for (int64_t j = 0; j < mixture_columns(m); j++) {
        bool input = j < m->shape.inputs;
        json_node name =
            json_item(input ? &o->inputs : &o->targets, (size_t)(input ? j : j - m->shape.inputs));
        const char *text;
        CADRE_TRY(json_as_string(&name, &text, NULL));
        if (!(m->column[j].name = mem_strdup(text))) return CADRE_ENOMEM;
    }
    return CADRE_OK;
}

/* Refuses sizes for which the file has too few bytes, before memory is allocated for them. */
static cadre_status check_parts(const folder_reader *o)
{
    mixture_layout l;
    CADRE_TRY(mixture_layout_of(&o->shape, &l));
    for (int i = 0; i < MIXTURE_PARTS; i++) {
        const safetensors_tensor *t;
        const mixture_part *part = &l.part[i];
        if (part->rank)
            CADRE_TRY(safetensors_get_as(o->file, part->name, "F64", part->rank, part->shape, &t));
    }
    return CADRE_OK;
}

static cadre_status read_mixture(folder_reader *o, cadre_mixture **mixture)
{
    cadre_mixture *m;
    const char *text = safetensors_metadata(o->file, "mixture");
    if (!text)
        return cadre_fail(
            CADRE_EFORMAT, o->path, "expected the metadata of a mixture on a table, found none");
    CADRE_TRY(json_parse_dense(o->path, text, strlen(text), &o->text));
    CADRE_TRY(read_description(o));
    CADRE_TRY(read_lengths(o));
    CADRE_TRY(check_parts(o));
    CADRE_TRY(mixture_new(o->method, &o->shape, o->records, o->sample_rows, &m));
    m->rows = o->rows;
    double *columns = MEM_ARRAY(double, 4 * mixture_columns(m));
    cadre_status status = columns ? read_tensors(o, m, columns) : CADRE_ENOMEM;
    if (status == CADRE_OK) status = read_names(o, m);
    mem_free(columns);
    if (status == CADRE_OK) *mixture = m;
    else cadre_mixture_free(m);
    return status;
}

cadre_status cadre_mixture_open(const char *folder, cadre_mixture **mixture)
{
    char *path = file_join(folder, file_name);
    if (!path) return CADRE_ENOMEM;
    folder_reader o = { .path = path };
    cadre_status status;
    if (!mixture_folder_is(folder))
        status = cadre_fail(CADRE_EIO, folder,
            "expected the folder of a mixture, with %s in it, found none", file_name);
    else status = safetensors_open(path, &o.file);
    if (status == CADRE_OK) status = read_mixture(&o, mixture);
    json_close(o.text);
    safetensors_close(o.file);
    mem_free(path);
    return status;
}
