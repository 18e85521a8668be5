/* routes.c - recording routing decisions. */
#include "infer/routes.h"

#include "arch/architecture.h"
#include "base/command_line.h"
#include "base/file.h"
#include "base/memory.h"
#include "format/json_writer.h"

/* ---- the log ---- */

int64_t route_log_picks(const model_config *c)
{
    int64_t most = 0;
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse && moe_config_most_picks(&c->layer[l].moe) > most)
            most = moe_config_most_picks(&c->layer[l].moe);
    return most;
}

int64_t route_log_experts(const model_config *c)
{
    int64_t most = 0;
    for (int64_t l = 0; l < c->layers; l++)
        if (c->layer[l].sparse && c->layer[l].moe.experts > most) most = c->layer[l].moe.experts;
    return most;
}

cadre_status route_log_open(route_log *out, const model_config *config, int64_t room)
{
    route_log r = { .config = config,
        .layers = model_config_sparse_layers(config),
        .room = room,
        .picks = route_log_picks(config) };
    r.experts = MEM_ARRAY(int32_t, r.layers * room * r.picks);
    r.weights = MEM_ARRAY(float, r.layers *room *r.picks);
    if (!r.experts || !r.weights) {
        route_log_close(&r);
        return CADRE_ENOMEM;
    }
    *out = r;
    return CADRE_OK;
}

void route_log_close(route_log *r)
{
    mem_free(r->experts);
    mem_free(r->weights);
    *r = (route_log){ 0 };
}

/* The token's edges that have a row, by expert. */
static void sort_edges(const plan *p, int64_t t, int64_t room, int32_t *ids, float *weights)
{
    int64_t n = 0;
    for (int64_t i = p->token_start[t]; i < p->token_start[t + 1]; i++) {
        gexp expert = p->edge_expert[i];
        if (p->edge_row[i] < 0) continue;
        int64_t at = n++;
        for (; at > 0 && ids[at - 1] > expert.id; at--) {
            ids[at] = ids[at - 1];
            weights[at] = weights[at - 1];
        }
        ids[at] = expert.id;
        weights[at] = (float)p->edge_weight[i];
    }
    for (; n < room; n++) {
        ids[n] = -1;
        weights[n] = 0;
    }
}

void route_log_watch(void *log, int64_t layer, const plan *p)
{
    route_log *r = log;
    int64_t s = model_config_sparse_before(r->config, layer);
    for (int64_t t = 0; t < p->tokens; t++) {
        int64_t at = (s * r->room + r->offset + t) * r->picks;
        sort_edges(p, t, r->picks, r->experts + at, r->weights + at);
    }
}

/* ---- the file ---- */

struct route_file {
    file_writer *writer;
};

/* Appends the writer's text as one line. */
static cadre_status put_line(route_file *f, json_writer *w)
{
    cadre_status status = json_writer_status(w);
    if (status == CADRE_OK) status = file_writer_put(f->writer, w->text.data, w->text.size);
    if (status == CADRE_OK) status = file_writer_put(f->writer, "\n", 1);
    json_writer_free(w);
    return status;
}

static cadre_status put_command(json_writer *w, const char *const *word)
{
    byte_buffer line = { 0 };
    if (!word || !*word) return CADRE_OK;
    command_line_put(&line, file_base(*word));
    while (*++word) command_line_put(&line, *word);
    cadre_status status = line.status;
    if (status == CADRE_OK) json_put_bytes(w, "command", line.data, line.size);
    byte_buffer_free(&line);
    return status;
}

static cadre_status put_header(route_file *f, const cadre_model *m, const char *const *command)
{
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    json_put_int(&w, "cadre_routes", 1);
    json_put_string(&w, "model", m->path);
    json_put_string(&w, "architecture", m->config.arch->model_type);
    cadre_status status = put_command(&w, command);
    json_put_array(&w, "sparse_layers");
    for (int64_t l = 0; l < m->config.layers; l++) {
        if (!m->config.layer[l].sparse) continue;
        json_put_object(&w, NULL);
        json_put_int(&w, "layer", l);
        json_put_int(&w, "experts", m->config.layer[l].moe.experts);
        json_put_int(&w, "topk", moe_config_most_picks(&m->config.layer[l].moe));
        json_put_string(&w, "router", m->config.layer[l].moe.router->name);
        json_put_close(&w, '}');
    }
    json_put_close(&w, ']');
    json_put_close(&w, '}');
    if (status == CADRE_OK) return put_line(f, &w);
    json_writer_free(&w);
    return status;
}

cadre_status route_file_open(
    const char *path, const cadre_model *model, const char *const *command, route_file **out)
{
    route_file *f = MEM_ARRAY(route_file, 1);
    if (!f) return CADRE_ENOMEM;
    cadre_status status = file_writer_open(path, &f->writer);
    if (status == CADRE_OK) status = put_header(f, model, command);
    if (status != CADRE_OK) {
        route_file_discard(f);
        return status;
    }
    *out = f;
    return CADRE_OK;
}

cadre_status route_file_put(route_file *f, const route_log *r, int64_t t, int32_t token,
    const char *text, size_t size, bool prompt)
{
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    json_put_int(&w, "token", token);
    json_put_bytes(&w, "text", text, size);
    route_log_write(r, t, &w);
    json_put_bool(&w, "prompt", prompt);
    json_put_close(&w, '}');
    return put_line(f, &w);
}

void route_log_write(const route_log *r, int64_t t, json_writer *w)
{
    json_put_array(w, "experts");
    for (int64_t s = 0; s < r->layers; s++) {
        const int32_t *ids = r->experts + (s * r->room + t) * r->picks;
        json_put_array(w, NULL);
        for (int64_t k = 0; k < r->picks && ids[k] >= 0; k++) json_put_int(w, NULL, ids[k]);
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
    json_put_array(w, "weights");
    for (int64_t s = 0; s < r->layers; s++) {
        int64_t at = (s * r->room + t) * r->picks;
        json_put_array(w, NULL);
        for (int64_t k = 0; k < r->picks && r->experts[at + k] >= 0; k++)
            json_put_real(w, NULL, (double)r->weights[at + k]);
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
}

cadre_status route_file_commit(route_file *f)
{
    cadre_status status = file_writer_commit(f->writer);
    mem_free(f);
    return status;
}

void route_file_discard(route_file *f)
{
    if (!f) return;
    file_writer_discard(f->writer);
    mem_free(f);
}
