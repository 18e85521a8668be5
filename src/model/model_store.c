/* model_store.c - how many slots there is memory for. */
#include "model/model_store.h"

#include <math.h>
#include <stdio.h>

#include "base/sized.h"
#include "cadre/store.h"
#include "model/model.h"
#include "store/expected_hits.h"

enum { SIZE_TEXT = 32 };

/* As --memory takes it, rounded up: "1.291G", "13.4M", "170.0K" */
static const char *size_text(int64_t bytes, char text[SIZE_TEXT])
{
    static const char units[] = "KMG";
    int unit = bytes >= 1 << 30 ? 2 : bytes >= 1 << 20 ? 1 : 0, digits = unit == 2 ? 3 : 1;
    double number = (double)bytes / (double)(INT64_C(1) << (10 * (unit + 1))), by = pow(10, digits);
    snprintf(text, SIZE_TEXT, "%.*f%c", digits, ceil(number * by) / by, units[unit]);
    return text;
}

static cadre_status check_room(const weight_file *file, const store_room *room, store_size size)
{
    int64_t least = room->resident + size.least * size.slot_bytes;
    if (room->memory >= least) return CADRE_OK;
    char text[3][SIZE_TEXT];
    if (room->as)
        return cadre_fail(CADRE_EARGUMENT, weight_file_path(file),
            "expected a memory of at least %s, found %s: %s of experts are %s in the file, laid "
            "out anew when it is opened, and so stay in memory; 'cadre convert MODEL OUT.gguf' "
            "makes a file whose experts are read when they are needed",
            size_text(least, text[0]), size_text(room->memory, text[1]),
            size_text(room->relaid, text[2]), room->as);
    if (!size.experts)
        return cadre_fail(CADRE_EARGUMENT, weight_file_path(file),
            "expected a memory of at least %s for weights that are always there, as the model has "
            "no experts, found %s",
            size_text(least, text[0]), size_text(room->memory, text[1]));
    return cadre_fail(CADRE_EARGUMENT, weight_file_path(file),
        "expected a memory of at least %s: %s for weights that are always there, and the rest for "
        "%d experts, found %s",
        size_text(least, text[0]), size_text(room->resident, text[1]), (int)size.least,
        size_text(room->memory, text[2]));
}

cadre_status model_store_open(const weight_file *file, const store_stack *stacks, int count,
    const store_room *room, model_store *s)
{
    store_size size = expert_store_size(stacks, count);
    CADRE_TRY(check_room(file, room, size));
    if (!size.experts) return CADRE_OK;
    int64_t slots = (room->memory - room->resident) / size.slot_bytes;
    const store_options options = { .slots =
                                        (int32_t)(slots < size.experts ? slots : size.experts) };
    CADRE_TRY(expert_store_open(file, stacks, count, &options, &s->experts));
    s->memory = room->memory, s->resident = room->resident, s->size = size;
    return CADRE_OK;
}

void model_store_close(model_store *s)
{
    expert_store_close(s->experts);
    expert_records_free(&s->records);
    *s = (model_store){ 0 };
}

cadre_status cadre_model_store(const cadre_model *model, cadre_store *store)
{
    const model_store *m = &model->store;
    CADRE_TRY(sized_check("cadre_store", store, SIZE_UP_TO(cadre_store, waiting)));
    cadre_store made = { 0 };
    if (m->experts) {
        store_stats now = expert_store_stats(m->experts);
        made = (cadre_store){ .memory = m->memory,
            .resident = m->resident,
            .least = m->resident + m->size.least * m->size.slot_bytes,
            .expert_bytes = m->size.slot_bytes,
            .slots = now.slots,
            .experts = m->size.experts,
            .layers = m->size.layers,
            .policy = now.policy,
            .reads = now.engine,
            .expected_hit_rate = expected_hit_rate((double)now.slots / m->size.experts),
            .held = now.held,
            .picks = now.picks,
            .hits = now.hits,
            .read_bytes = now.read_bytes,
            .reading = now.busy,
            .waiting = now.waited };
    }
    sized_write(&made, sizeof made, store);
    return CADRE_OK;
}

cadre_status cadre_model_disk(const cadre_model *model, double seconds, double *bytes)
{
    if (!model->store.experts)
        return cadre_fail(CADRE_EARGUMENT, model->path,
            "expected a model that is larger than its memory, found one that is not");
    disk_measurement measurement = { 0 };
    CADRE_TRY(expert_store_disk(model->store.experts, seconds, &measurement));
    *bytes = disk_bandwidth(&measurement);
    return CADRE_OK;
}
