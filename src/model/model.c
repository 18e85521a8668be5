/* model.c - opens a model: reads its configuration, binds its parameters (binding.c), and closes
 * it. */
#include "model/model.h"

#include <stdio.h>
#include <string.h>

#include "arch/architecture.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/sized.h"
#include "kernel/context.h"
#include "model/binding.h"
#include "model/expert_placement.h"
#include "model/state.h"
#include "text/tokenizer_gguf.h"
#include "weights/config_file.h"
#include "weights/unused_tensors.h"

cadre_status model_status(const cadre_model *m)
{
    return m->ranks ? comm_status(m->ranks->world) : CADRE_OK;
}

cadre_status model_transformer_new(const cadre_model *m, const batch_limits *most, transformer **t)
{
    const model_ranks *r = m->ranks;
    CADRE_TRY(model_adapter_reserve(&m->adapter, &m->config, most, m->context->compute));
    if (!r) return transformer_new(m->context->compute, &m->config, most, t);
    transformer_stage stage = r->stage;
    if (m->config.bidirectional) stage.first = 0, stage.end = m->config.layers;
    const transformer_ranks groups = { r->tensor, r->owners, r->placed };
    return transformer_new_share(m->context->compute, m->own, most, &stage, &groups, t);
}

static cadre_status bind_encoder(cadre_model *m, const placement_options *options, tensor_use *use)
{
    if (!m->config.encoder) return CADRE_OK;
    if (!(m->encoder = MEM_ARRAY(cadre_model, 1))) return CADRE_ENOMEM;
    lock_open(&m->encoder->open_lock);
    m->encoder->context = m->context;
    CADRE_TRY(model_config_copy(m->config.encoder, &m->encoder->config));
    m->encoder->ranks = m->ranks;
    m->encoder->own = m->ranks ? &m->ranks->encoder : &m->encoder->config;
    return binding_make(m->encoder, &m->file, options, use);
}

/* Checks elements that routers take as ids. */
static cadre_status check_routers(const cadre_model *m)
{
    for (int64_t l = 0; l < m->config.layers; l++) {
        const moe_config *moe = &m->config.layer[l].moe;
        bool elsewhere = m->own->layer[l].mixer.elsewhere;
        if (!m->config.layer[l].sparse || !moe->router->check_id || elsewhere) continue;
        for (int64_t id = 0; id < moe->route.vocabulary; id++)
            CADRE_TRY(moe->router->check_id(
                &moe->route, moe->experts, m->weights.layer[l].moe.router.own, id, m->path));
    }
    return CADRE_OK;
}

static cadre_status open_config(cadre_model *m, const cadre_open_options *how)
{
    m->own = &m->config;
    CADRE_TRY(model_config_open(m->path, &m->config, &m->file));
    return model_state_choose(&m->config, how->cache, m->path);
}

/* The stacks whose experts one store holds: the model, and its encoder. */
static cadre_status open_store(cadre_model *m, int64_t memory)
{
    store_room room = { .memory = memory,
        .resident = m->placement.copied_bytes + m->placement.mapped_bytes,
        .relaid = m->placement.relaid_bytes,
        .as = m->placement.relaid };
    store_stack stacks[2] = { { &m->config, &m->store.records, &m->weights } };
    cadre_model *e = m->encoder;
    if (e) stacks[1] = (store_stack){ &e->config, &e->store.records, &e->weights };
    if (e) room.resident += e->placement.copied_bytes + e->placement.mapped_bytes;
    CADRE_TRY(model_store_open(&m->file, stacks, e ? 2 : 1, &room, &m->store));
    if (!m->store.experts) return CADRE_OK; /* all of it stays */
    m->weights.source = expert_store_source(m->store.experts, 0);
    if (e) e->weights.source = expert_store_source(m->store.experts, 1);
    return CADRE_OK;
}

static cadre_status open_adapter(cadre_model *m, const char *folder)
{
    if (m->ranks)
        return cadre_fail(CADRE_EARGUMENT, folder,
            "an adapter: expected one process to run it, found %d ranks", m->ranks->world->size);
    return model_adapter_open(folder, &m->config, &m->weights, &m->adapter);
}

static cadre_status open_weights(cadre_model *m, const cadre_open_options *how)
{
    tensor_use use = { 0 };
    const placement_options options = { .repack = how->repack,
        .hold = m->ranks != NULL,
        .stream = how->memory && weight_file_bytes(&m->file) > how->memory };
    m->repacked = how->repack;
    cadre_status status = binding_make(m, &m->file, &options, &use);
    if (status == CADRE_OK) status = bind_encoder(m, &options, &use);
    if (status == CADRE_OK) status = unused_tensors_check(&use, &m->file, &m->config);
    if (status == CADRE_OK) status = check_routers(m);
    if (status == CADRE_OK && options.stream) status = open_store(m, how->memory);
    if (status == CADRE_OK && how->adapter) status = open_adapter(m, how->adapter);
    tensor_use_free(&use);
    return status;
}

static cadre_status open_all(cadre_model *m, const cadre_open_options *how)
{
    comm *world = m->context->world;
    cadre_status status = open_config(m, how);
    if (world->size == 1 && status == CADRE_OK) status = expert_placement_make(m);
    if (world->size == 1) return status == CADRE_OK ? open_weights(m, how) : status;
    if (how->memory && status == CADRE_OK)
        status = cadre_fail(CADRE_EARGUMENT, m->path,
            "expected one process, as ranks read their experts together, found a limit of memory "
            "and %d ranks",
            world->size);
    CADRE_TRY(model_ranks_agree(world, status));
    CADRE_TRY(model_ranks_open(m->context, &m->config, weight_file_bytes(&m->file), &m->ranks));
    m->own = &m->ranks->config;
    CADRE_TRY(expert_placement_make(m));
    CADRE_TRY(model_ranks_agree(world, open_weights(m, how)));
    m->ranks->follow = true;
    return CADRE_OK;
}

const char *cadre_model_layout(const cadre_model *m) { return m->ranks ? m->ranks->layout : ""; }

cadre_status cadre_model_open(cadre_context *context, const char *path, cadre_model **model)
{
    return cadre_model_open_with(context, path, NULL, model);
}

static cadre_status open_model(
    cadre_context *context, const char *path, const cadre_open_options *how, cadre_model **model)
{
    cadre_open_options own;
    CADRE_TRY(sized_read_or_zero(
        "cadre_open_options", how, SIZE_UP_TO(cadre_open_options, repack), &own, sizeof own));
    int64_t before = mem_balance();
    cadre_model *m = MEM_ARRAY(cadre_model, 1);
    if (!m) return CADRE_ENOMEM;
    lock_open(&m->open_lock);
    m->context = context;
    m->path = mem_strdup(path);
    cadre_status status = m->path ? open_all(m, &own) : CADRE_ENOMEM;
    if (status != CADRE_OK) {
        cadre_model_close(m);
        return status;
    }
    m->opened_bytes = mem_balance() - before;
    *model = m;
    return CADRE_OK;
}

cadre_status cadre_model_open_with(
    cadre_context *context, const char *path, const cadre_open_options *how, cadre_model **model)
{
    CADRE_TRY(context_enter(context));
    return context_leave(context, open_model(context, path, how, model));
}

void cadre_model_close(cadre_model *m)
{
    if (!m) return;
    if (m->encoder) m->encoder->ranks = NULL;
    cadre_model_close(m->encoder);
    model_ranks_close(m->ranks);
    model_store_close(&m->store);
    model_weights_free(&m->weights);
    model_adapter_close(&m->adapter);
    placement_free(&m->placement);
    weight_file_close(&m->file);
    param_table_free(&m->table);
    model_config_free(&m->config);
    token_trie_free(m->tokens);
    tokenizer_close(m->tokenizer);
    mem_free(m->path);
    lock_close(&m->open_lock);
    mem_free(m);
}

bool model_has_tokenizer(const cadre_model *m)
{
    return m->file.gguf ? tokenizer_in_gguf(m->file.gguf) : tokenizer_exists(m->path);
}

static cadre_status open_tokenizer(cadre_model *m)
{
    int64_t before = mem_balance();
    CADRE_TRY(m->file.gguf ? tokenizer_from_gguf(m->file.gguf, &m->tokenizer)
                           : tokenizer_open(m->path, &m->tokenizer));
    m->tokenizer_bytes = mem_balance() - before;
    return CADRE_OK;
}

cadre_status cadre_model_tokenizer(cadre_model *m, const tokenizer **out)
{
    lock_take(&m->open_lock);
    cadre_status status = m->tokenizer ? CADRE_OK : open_tokenizer(m);
    if (status == CADRE_OK) *out = m->tokenizer;
    lock_give(&m->open_lock);
    return status;
}

cadre_status model_token_trie(cadre_model *m, const token_trie **tokens)
{
    const tokenizer *t;
    CADRE_TRY(cadre_model_tokenizer(m, &t));
    lock_take(&m->open_lock);
    cadre_status status = m->tokens ? CADRE_OK : token_trie_new(t, &m->tokens);
    if (status == CADRE_OK) *tokens = m->tokens;
    lock_give(&m->open_lock);
    return status;
}

/* Adds an encoder's part to what was counted for the decoder. The embedding is shared. */
static void add_encoder(const cadre_model *encoder, cadre_model_info *info)
{
    const weight *embed = &encoder->weights.embed;
    int64_t shared = embed->rows * embed->cols;
    info->layers += encoder->config.layers;
    info->sparse_layers += model_config_sparse_layers(&encoder->config);
    info->parameters += encoder->table.total - shared;
    info->active_parameters += encoder->table.active - shared;
    info->weight_bytes += encoder->placement.weight_bytes -
                          (int64_t)(embed->format ? number_row_bytes(embed->format, shared) : 0);
    info->copied_bytes += encoder->placement.copied_bytes;
    info->repack_bytes += encoder->placement.repack_bytes;
}

/* Picks of a token, as in most sparse layers; more if the router picks in several groups, or if
 * every expert serves every token. */
static int64_t picks_of(const model_config *c)
{
    moe_config usual = { .experts = (int32_t)c->experts, .router = c->router, .route = c->route };
    usual.route.topk = (int32_t)c->topk;
    usual.route.groups_used = (int32_t)c->groups_used;
    return c->router ? moe_config_usual_picks(&usual) : c->topk;
}

static const char *router_words(const model_config *c)
{
    if (!model_config_sparse_layers(c)) return "none: every layer is dense";
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse && c->layer[l].router) return "several, layer by layer";
    return c->router->help;
}

/* A type without ids of its own has all that are left. */
static void add_types(const model_config *c, cadre_model_info *info)
{
    int64_t rest = c->vocab;
    info->types = c->types.count;
    for (int32_t i = 0; i < c->types.count; i++) rest -= c->type_ids[i].count;
    for (int32_t i = 0; i < c->types.count; i++) {
        info->type[i].name = c->types.name[i];
        info->type[i].tokens = c->type_ids[i].count ? c->type_ids[i].count : rest;
        info->type[i].experts = c->route.banks ? c->route.bank_experts[i] : 0;
    }
}

static const char *kind_of(const layer_config *layer)
{
    const mixer *row = layer->mixer.row;
    if (row == &mixer_latent) return "latent attention";
    return row == &mixer_none ? "no token mixer" : layer_mixer_name(layer);
}

static void add_kinds(const model_config *c, cadre_model_info *info)
{
    for (int64_t l = 0; l < c->layers; l++) {
        const char *name = kind_of(&c->layer[l]);
        int64_t window = c->layer[l].mixer.window, i = 0;
        while (i < info->layer_kinds && (strcmp(info->layer_kind[i].name, name) != 0 ||
                                            info->layer_kind[i].window != window))
            i++;
        if (i == CADRE_LAYER_KINDS) info->layer_kind[--i].name = "others";
        else if (i == info->layer_kinds) info->layer_kind[info->layer_kinds++].name = name;
        info->layer_kind[i].window = window;
        info->layer_kind[i].layers++;
    }
}

cadre_status cadre_model_info_get(const cadre_model *m, cadre_model_info *info)
{
    const model_config *c = &m->config;
    CADRE_TRY(sized_check("cadre_model_info", info, SIZE_UP_TO(cadre_model_info, repack_bytes)));
    int64_t recurrent = model_config_recurrent_layers(c);
    cadre_model_info made = {
        .architecture = c->arch->model_type,
        .router = router_words(c),
        .formats = m->placement.formats,
        .format_count = m->placement.format_count,
        .vocabulary = c->vocab,
        .width = c->width,
        .layers = c->layers,
        .sparse_layers = model_config_sparse_layers(c),
        .heads = recurrent < c->layers ? c->heads : 0,
        .kv_heads = recurrent < c->layers ? c->kv_heads : 0,
        .context = c->context,
        .experts = c->experts,
        .experts_per_token = picks_of(c),
        .expert_width = c->expert_width,
        .shared_width = c->shared_width,
        .parameters = m->table.total,
        .active_parameters = m->table.active,
        .weight_bytes = m->placement.weight_bytes,
        .copied_bytes = m->placement.copied_bytes,
        .repack_bytes = m->placement.repack_bytes,
        .recurrent_layers = recurrent,
    };
    if (m->encoder) add_encoder(m->encoder, &made);
    if (m->encoder) add_kinds(&m->encoder->config, &made);
    add_kinds(c, &made);
    add_types(c, &made);
    sized_write(&made, sizeof made, info);
    return CADRE_OK;
}

int64_t cadre_model_cache_bytes(const cadre_model *m, int64_t tokens)
{
    return (int64_t)model_state_bytes(m->own, tokens);
}
