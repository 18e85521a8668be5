/* trace.c - keeps the parameters of every iteration, and writes them part by part. */
#include "mixture/trace.h"

#include <string.h>

#include "base/destination.h"
#include "base/memory.h"
#include "format/safetensors.h"

cadre_status trace_open(const char *path, int64_t records, const mixture_layout *l, trace *t)
{
    *t = (trace){ .records = records };
    CADRE_TRY(destination_file(path));
    t->parameters = mem_alloc((size_t)records, (size_t)l->count * sizeof *t->parameters);
    return t->parameters ? CADRE_OK : CADRE_ENOMEM;
}

void trace_close(trace *t)
{
    mem_free(t->parameters);
    *t = (trace){ 0 };
}

void trace_take(trace *t, const mixture_layout *l, const double *parameters)
{
    if (!t->parameters) return;
    memcpy(t->parameters + t->taken++ * l->count, parameters, (size_t)l->count * sizeof(double));
}

static cadre_status declare(safetensors_writer *w, const trace *t, const cadre_mixture *m)
{
    int64_t shape[MIXTURE_RANK + 1] = { t->records };
    CADRE_TRY(safetensors_writer_declare(w, "log_likelihood", "F64", 1, shape));
    if (m->loss) CADRE_TRY(safetensors_writer_declare(w, "loss", "F64", 1, shape));
    for (int i = 0; i < MIXTURE_PARTS; i++) {
        const mixture_part *part = &m->layout.part[i];
        if (!part->rank) continue;
        memcpy(shape + 1, part->shape, (size_t)part->rank * sizeof *shape);
        CADRE_TRY(safetensors_writer_declare(w, part->name, "F64", part->rank + 1, shape));
    }
    return CADRE_OK;
}

static cadre_status put(safetensors_writer *w, const trace *t, const cadre_mixture *m)
{
    size_t curve = (size_t)t->records * sizeof(double);
    CADRE_TRY(safetensors_writer_put(w, m->likelihood, curve));
    if (m->loss) CADRE_TRY(safetensors_writer_put(w, m->loss, curve));
    for (int i = 0; i < MIXTURE_PARTS; i++) {
        const mixture_part *part = &m->layout.part[i];
        for (int64_t r = 0; part->rank && r < t->records; r++)
            CADRE_TRY(safetensors_writer_put(w, t->parameters + r * m->layout.count + part->offset,
                (size_t)part->count * sizeof(double)));
    }
    return CADRE_OK;
}

cadre_status trace_write(const trace *t, const char *path, const cadre_mixture *m,
    const double *prediction, int64_t rows)
{
    safetensors_writer *w;
    const int64_t shape[] = { rows, m->shape.outputs };
    CADRE_TRY(safetensors_writer_open(path, false, &w));
    cadre_status status = declare(w, t, m);
    if (status == CADRE_OK) status = safetensors_writer_declare(w, "prediction", "F64", 2, shape);
    if (status == CADRE_OK) status = put(w, t, m);
    if (status == CADRE_OK)
        status = safetensors_writer_put(
            w, prediction, (size_t)(rows * m->shape.outputs) * sizeof *prediction);
    if (status == CADRE_OK) return safetensors_writer_commit(w);
    safetensors_writer_discard(w);
    return status;
}
