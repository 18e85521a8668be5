/* store_open.c - makes the store of a model: it numbers the experts, finds the size of a slot, and
 * opens the files. Also closes it, and answers questions about it. */
#include <string.h>

#include "base/memory.h"
#include "store/store_state.h"

static bool is_streamed(const store_stack *stack, int64_t l)
{
    slot_layout layout;
    if (!stack->config->layer[l].sparse) return false;
    slot_layout_of(expert_record_of(stack->records, l, 0), &layout);
    return layout.pieces > 0;
}

store_size expert_store_size(const store_stack *stacks, int count)
{
    store_size size = { 0 };
    for (int i = 0; i < count; i++)
        for (int64_t l = 0; l < stacks[i].config->layers; l++) {
            const moe_config *moe = &stacks[i].config->layer[l].moe;
            if (!is_streamed(&stacks[i], l)) continue;
            size.layers++;
            int32_t picks = moe_config_usual_picks(moe), experts = moe_config_weighted(moe);
            if (picks > experts) picks = experts;
            if (picks > size.least) size.least = picks;
            for (int32_t e = 0; e < experts; e++, size.experts++) {
                slot_layout layout;
                slot_layout_of(expert_record_of(stacks[i].records, l, e), &layout);
                if (layout.bytes > size.slot_bytes) size.slot_bytes = layout.bytes;
            }
        }
    return size;
}

/* Whether gate and up of an expert lie one after the other in its slot, so that they are one
 * matrix */
static bool are_joined(const expert_weights *w, const slot_layout *layout, const file_range *gate)
{
    return w->up.rows && w->gate.stride == w->gate.cols && w->up.stride == w->up.cols &&
           w->gate.format == w->up.format && !w->gate.block_scales.form && layout->at[0] >= 0 &&
           layout->at[1] == layout->at[0] + gate->bytes;
}

static void make_view(expert_store *s, const expert_weights *opened, int64_t layer)
{
    expert_weights *view = &s->view[layer];
    weight *const mine[] = { &view->gate, &view->up, &view->down };
    int64_t all = s->first[s->layers];
    *view = *opened;
    view->joined = true;
    for (int32_t e = s->first[layer]; e < s->first[layer + 1]; e++) {
        slot_layout layout;
        slot_layout_of(s->record[e], &layout);
        view->joined &= are_joined(opened, &layout, &s->record[e]->range[0]);
    }
    for (int i = 0; i < EXPERT_MATRICES; i++) {
        const void **table = s->table + i * all + s->first[layer];
        mine[i]->expert = table;
        if (mine[i]->expert_block_scales)
            mine[i]->expert_block_scales = table + EXPERT_MATRICES * all;
    }
}

static void number_layers(expert_store *s)
{
    int64_t v = 0;
    for (int i = 0; i < s->stacks; i++) {
        const store_stack *stack = &s->stack[i].stack;
        for (int64_t l = 0; l < stack->config->layers; l++) {
            s->stack[i].visit[l] = NONE;
            if (!is_streamed(stack, l)) continue;
            int32_t experts = moe_config_weighted(&stack->config->layer[l].moe);
            s->stack[i].visit[l] = v;
            s->first[v + 1] = s->first[v] + experts;
            for (int32_t e = 0; e < experts; e++)
                s->record[s->first[v] + e] = expert_record_of(stack->records, l, e);
            v++;
        }
    }
    for (int i = 0; i < s->stacks; i++)
        for (int64_t l = 0; l < s->stack[i].stack.config->layers; l++)
            if (is_streamed(&s->stack[i].stack, l))
                make_view(
                    s, &s->stack[i].stack.weights->layer[l].moe.experts, s->stack[i].visit[l]);
}

static cadre_status open_stacks(expert_store *s, const store_stack *stacks, int count)
{
    if (!(s->stack = MEM_ARRAY(stack_source, count))) return CADRE_ENOMEM;
    for (int i = 0; i < count; i++) {
        s->stack[i] = (stack_source){ .source = store_source,
            .store = s,
            .stack = stacks[i],
            .visit = MEM_ARRAY(int64_t, stacks[i].config->layers) };
        s->stacks = i + 1;
        if (!s->stack[i].visit) return CADRE_ENOMEM;
    }
    return CADRE_OK;
}

/* The most reads that any expert needs */
static int32_t most_jobs(const expert_store *s)
{
    int32_t most = 0;
    for (int32_t e = 0; e < s->first[s->layers]; e++) {
        slot_layout layout;
        int64_t count = 0;
        slot_layout_of(s->record[e], &layout);
        for (int i = 0; i < layout.pieces; i++) count += store_reads_of(&layout.piece[i]);
        if (count > most) most = (int32_t)count;
    }
    return most;
}

static cadre_status allocate(expert_store *s, const store_size *size, const store_options *o)
{
    s->slots = o->slots;
    s->layers = size->layers;
    s->slot_bytes = size->slot_bytes;
    s->first = MEM_ARRAY(int32_t, size->layers + 1);
    s->record = MEM_ARRAY(const expert_record *, size->experts);
    s->table = MEM_ARRAY(const void *, EXPERT_RANGES *(int64_t)size->experts);
    s->view = MEM_ARRAY(expert_weights, size->layers);
    s->slot = MEM_ARRAY(store_slot, s->slots);
    s->slot_of = MEM_ARRAY(int32_t, size->experts);
    s->wanted = MEM_ARRAY(int64_t, size->experts);
    s->rows = MEM_ARRAY(int32_t, size->experts);
    s->memory = mem_reserve((size_t)s->slots, (size_t)s->slot_bytes);
    if (!s->first || !s->record || !s->table || !s->view || !s->slot || !s->slot_of || !s->wanted ||
        !s->rows || !s->memory)
        return CADRE_ENOMEM;
    for (int32_t e = 0; e < size->experts; e++) s->slot_of[e] = NONE;
    for (int32_t i = 0; i < s->slots; i++) s->slot[i].expert = NONE;
    return CADRE_OK;
}

static cadre_status open_files(expert_store *s, const weight_file *file)
{
    for (int32_t e = 0; e < s->first[s->layers]; e++)
        for (int i = 0; i < EXPERT_RANGES; i++)
            if (s->record[e]->range[i].bytes && s->record[e]->range[i].file >= s->files)
                s->files = s->record[e]->range[i].file + 1;
    if (!(s->file = MEM_ARRAY(direct_file, s->files))) return CADRE_ENOMEM;
    for (size_t i = 0; i < s->files; i++)
        CADRE_TRY(direct_file_open(weight_file_path_of(file, i), &s->file[i]));
    return CADRE_OK;
}

static cadre_status open_all(expert_store *s, const weight_file *file, const store_stack *stacks,
    int count, const store_options *o)
{
    const policy_row *row = o->policy ? policy_by_name(o->policy) : policy_list[0];
    store_size size = expert_store_size(stacks, count);
    CADRE_TRY(open_stacks(s, stacks, count));
    CADRE_TRY(allocate(s, &size, o));
    number_layers(s);
    s->jobs = most_jobs(s);
    if (!(s->job = MEM_ARRAY(read_job, (int64_t)s->slots * s->jobs))) return CADRE_ENOMEM;
    CADRE_TRY(open_files(s, file));
    CADRE_TRY(policy_open(row, expert_store_shape(s), &s->policy));
    CADRE_TRY(expert_frequency_open(expert_store_shape(s), &s->used));
    return read_queue_new(o->engine, STORE_DEPTH, &s->queue);
}

cadre_status expert_store_open(const weight_file *file, const store_stack *stacks, int count,
    const store_options *options, expert_store **store)
{
    expert_store *s = MEM_ARRAY(expert_store, 1);
    if (!s) return CADRE_ENOMEM;
    s->timeout = options->timeout > 0 ? options->timeout : STORE_TIMEOUT;
    s->accuracy = options->accuracy;
    s->guessed_layer = s->missed_layer = NONE;
    cadre_status status = open_all(s, file, stacks, count, options);
    if (status == CADRE_OK) *store = s;
    else expert_store_close(s);
    return status;
}

void expert_store_close(expert_store *s)
{
    if (!s) return;
    read_queue_free(s->queue);
    policy_close(&s->policy);
    expert_frequency_close(&s->used);
    expert_frequency_close(&s->past);
    for (size_t i = 0; s->file && i < s->files; i++) direct_file_close(&s->file[i]);
    for (int i = 0; i < s->stacks; i++) mem_free(s->stack[i].visit);
    mem_return(s->memory, (size_t)s->slots, (size_t)s->slot_bytes);
    mem_free(s->stack);
    mem_free(s->file);
    mem_free(s->first);
    mem_free(s->record);
    mem_free(s->table);
    mem_free(s->view);
    mem_free(s->slot);
    mem_free(s->slot_of);
    mem_free(s->wanted);
    mem_free(s->rows);
    mem_free(s->job);
    mem_free(s);
}

expert_source *expert_store_source(expert_store *s, int stack) { return &s->stack[stack].source; }

/* ---- what can be asked ---- */

policy_shape expert_store_shape(const expert_store *s)
{
    return (policy_shape){ s->layers, s->first };
}

const expert_frequency *expert_store_frequency(expert_store *s)
{
    if (s->past.use) expert_frequency_add_past(&s->used, &s->past);
    expert_frequency_close(&s->past);
    return &s->used;
}

store_stats expert_store_stats(expert_store *s)
{
    read_stats reads = read_queue_stats(s->queue);
    return (store_stats){ .picks = atomic_load(&s->picks),
        .hits = atomic_load(&s->hits),
        .read_bytes = reads.bytes,
        .busy = reads.busy,
        .waited = 1e-6 * (double)atomic_load(&s->waited),
        .slots = s->slots,
        .held = (int32_t)atomic_load(&s->held),
        .ahead = atomic_load(&s->ahead),
        .right = atomic_load(&s->right),
        .engine = read_queue_engine(s->queue),
        .policy = s->policy.row->name };
}

bool expert_store_stalled(const expert_store *s) { return s->stalled; }

cadre_status expert_store_disk(const expert_store *s, double seconds, disk_measurement *measurement)
{
    return disk_measurement_add(&s->file[0], seconds, measurement);
}
