/* binding.c - finds the parameters in the mapped file and makes views of them. */
#include "model/binding.h"

#include "base/file.h"
#include "base/share.h"

/* The layers of an encoder are not divided. */
static rank_share share_of(const cadre_model *m)
{
    rank_share share = m->ranks ? m->ranks->share : (rank_share){ .slices = 1, .groups = 1 };
    if (!m->ranks || m->config.bidirectional) share.first = 0, share.end = m->config.layers;
    return share;
}

/* Where the embedding is the output matrix too, this rank multiplies its own rows of it. */
static void cut_tied_head(const cadre_model *m, const rank_share *share, weight *head)
{
    int64_t first = share_begin(head->rows, share->slice, share->slices),
            end = share_begin(head->rows, share->slice + 1, share->slices);
    if (!m->config.tie || !head->data) return;
    matrix from = matrix_from_row(weight_matrix(head, 0), first);
    head->data = from.data;
    head->block_scales = from.block_scales;
    head->rows = end - first;
}

/* records: NULL where nothing is streamed */
static cadre_status make(const cadre_model *m, const weight_file *file,
    const placement_options *options, tensor_use *use, expert_records *records, binding *b)
{
    param_table own = { 0 };
    const rank_share share = share_of(m);
    CADRE_TRY(rank_share_table(&m->config, &share, &m->table, &own));
    cadre_status status =
        placement_make(m->context->compute, file, &m->config, &own, options, use, &b->placement);
    if (status == CADRE_OK)
        status = model_weights_make(&m->config, &own, b->placement.place, &b->weights);
    if (status == CADRE_OK && records)
        status = expert_records_make(&m->config, &own, b->placement.place, records);
    if (status == CADRE_OK) cut_tied_head(m, &share, &b->weights.head);
    param_table_free(&own);
    return status;
}

cadre_status binding_make(
    cadre_model *m, const weight_file *file, const placement_options *options, tensor_use *use)
{
    binding made = { 0 };
    CADRE_TRY(param_table_make(&m->config, &m->table));
    cadre_status status =
        make(m, file, options, use, options->stream ? &m->store.records : NULL, &made);
    m->placement = made.placement;
    m->weights = made.weights;
    return status;
}

/* ---- once more ---- */

cadre_status binding_make_again(const cadre_model *m, binding *made)
{
    tensor_use use = { 0 };
    const placement_options options = { .repack = m->repacked, .hold = true };
    *made = (binding){ 0 };
    cadre_status status = make(m, &m->file, &options, &use, NULL, made);
    tensor_use_free(&use);
    return status;
}

void binding_swap(cadre_model *m, binding *other)
{
    const binding before = { m->placement, m->weights };
    m->placement = other->placement;
    m->weights = other->weights;
    *other = before;
}

void binding_free(const cadre_model *m, binding *b)
{
    const param_place *old = b->placement.place, *now = m->placement.place;
    for (int64_t i = 0; old && i < m->table.count; i++) {
        const param *p = &m->table.rows[i];
        if (old[i].kind == PLACE_MAPPED && old[i].data && !now[i].data)
            file_map_let_go(old[i].data,
                number_row_bytes(old[i].format, (p->rows - 1) * old[i].stride + p->cols));
    }
    model_weights_free(&b->weights);
    placement_free(&b->placement);
}
