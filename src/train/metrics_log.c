/* metrics_log.c - writes metrics.jsonl, one JSON object for each step, and events for
 * TensorBoard. */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/json_writer.h"
#include "moe/metrics.h"
#include "train/run.h"

static char *own_path(const train_run *r) { return file_join(r->out, "metrics.jsonl"); }

/* Rewrites the file with its first `lines` lines. */
static cadre_status keep_lines(const char *path, int64_t lines)
{
    char *text;
    size_t size, end = 0;
    if (!file_exists(path)) return CADRE_OK;
    CADRE_TRY(file_read(path, SIZE_MAX / 2, &text, &size));
    for (; lines > 0 && end < size; end++)
        if (text[end] == '\n') lines--;
    cadre_status status = file_write(path, text, end);
    mem_free(text);
    return status;
}

static cadre_status open_one(const char *path, int64_t done, FILE **file)
{
    if (done) CADRE_TRY(keep_lines(path, done));
    *file = fopen(path, done ? "ae" : "we");
    return *file ? CADRE_OK : cadre_fail_errno(CADRE_EIO, path, "could not be opened for writing");
}

cadre_status metrics_open(train_run *r)
{
    const char *extra = cadre_options_text(r->options, "metrics", 0);
    if (r->out) {
        char *path = own_path(r);
        cadre_status status = path ? open_one(path, r->state.step, &r->metrics[0]) : CADRE_ENOMEM;
        mem_free(path);
        CADRE_TRY(status);
    }
    const char *board = cadre_options_text(r->options, "tensorboard", 0);
    if (board) CADRE_TRY(event_log_open(board, &r->events));
    return extra ? open_one(extra, r->state.step, &r->metrics[1]) : CADRE_OK;
}

/* The metrics of sparse layers that are floats: their keys, and where they are in the struct */
static const struct {
    const char *key;
    size_t at; /* offset of a double in cadre_moe_metrics */
} layer_metrics[] = {
    { "max_vio", offsetof(cadre_moe_metrics, max_vio) },
    { "cv", offsetof(cadre_moe_metrics, cv) },
    { "min_share", offsetof(cadre_moe_metrics, min_share) },
    { "effective_experts", offsetof(cadre_moe_metrics, effective_experts) },
    { "entropy", offsetof(cadre_moe_metrics, token_entropy) },
    { "mean_entropy", offsetof(cadre_moe_metrics, mean_entropy) },
    { "picks_per_token", offsetof(cadre_moe_metrics, picks_per_token) },
    { "logit_max", offsetof(cadre_moe_metrics, logit_max) },
    { "lse_mean", offsetof(cadre_moe_metrics, lse_mean) },
};

static void put_metrics(json_writer *w, int layers, const cadre_moe_metrics *m)
{
    for (size_t k = 0; k < sizeof layer_metrics / sizeof *layer_metrics; k++) {
        json_put_array(w, layer_metrics[k].key);
        for (int i = 0; i < layers; i++)
            json_put_real(w, NULL, *(const double *)((const char *)&m[i] + layer_metrics[k].at));
        json_put_close(w, ']');
    }
    json_put_array(w, "dead");
    for (int i = 0; i < layers; i++) json_put_int(w, NULL, m[i].dead);
    json_put_close(w, ']');
}

/* Writes the norm of each router's gradient and, if any layer has a correction bias, the range of
 * each layer's bias (null: this layer has none). */
static void put_routers(const train_run *r, json_writer *w)
{
    int layers = trainer_sparse_layers(r->trainer);
    json_put_array(w, "router_grad_norm");
    for (int i = 0; i < layers; i++) json_put_real(w, NULL, trainer_router_norm(r->trainer, i));
    json_put_close(w, ']');
    if (!trainer_any_correction(r->trainer)) return;
    json_put_array(w, "bias_range");
    for (int i = 0; i < layers; i++) {
        const real *bias = trainer_correction(r->trainer, i);
        if (!bias) json_put_null(w, NULL);
        else
            json_put_real(w, NULL, metrics_bias_range(bias, trainer_totals(r->trainer, i).experts));
    }
    json_put_close(w, ']');
}

static void put_counts(json_writer *w, int layers, const balance_totals *t)
{
    json_put_array(w, "dropped");
    for (int i = 0; i < layers; i++) json_put_int(w, NULL, t[i].dropped);
    json_put_close(w, ']');
    json_put_array(w, "loads");
    for (int i = 0; i < layers; i++) {
        json_put_array(w, NULL);
        for (int32_t e = 0; e < t[i].experts; e++) json_put_int(w, NULL, t[i].count[e]);
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
}

/* Writes how many tokens of the step's pairs each expert got in the reference model. */
static void put_reference_loads(const train_run *r, json_writer *w)
{
    const int64_t *at = train_preference_loads(r);
    json_put_array(w, "reference_loads");
    for (int i = 0; i < trainer_sparse_layers(r->trainer); i++) {
        json_put_array(w, NULL);
        for (int32_t e = 0; e < trainer_totals(r->trainer, i).experts; e++)
            json_put_int(w, NULL, *at++);
        json_put_close(w, ']');
    }
    json_put_close(w, ']');
}

static void put_layers(const train_run *r, json_writer *w)
{
    int layers = trainer_sparse_layers(r->trainer);
    balance_totals totals[CONFIG_MAX_LAYERS];
    cadre_moe_metrics metrics[CONFIG_MAX_LAYERS];
    for (int i = 0; i < layers; i++) {
        totals[i] = trainer_totals(r->trainer, i);
        metrics[i] = metrics_of(&totals[i]);
    }
    put_metrics(w, layers, metrics);
    put_routers(r, w);
    put_counts(w, layers, totals);
    if (r->preferences.pairs) put_reference_loads(r, w);
}

/* Writes the losses, and the balance as a mean over sparse layers, for TensorBoard. */
static cadre_status put_events(
    const train_run *r, const trainer_report *report, double tokens_per_second, double valid_loss)
{
    int layers = trainer_sparse_layers(r->trainer);
    double vio = 0, dead = 0;
    if (!r->events) return CADRE_OK;
    for (int i = 0; i < layers; i++) {
        balance_totals t = trainer_totals(r->trainer, i);
        vio += metrics_max_vio(t.count, t.experts) / layers;
        dead += metrics_dead(t.count, t.experts);
    }
    const event_scalar scalars[] = { { "train/loss", report->loss },
        { "train/aux_loss", report->aux }, { "train/z_loss", report->z },
        { "train/grad_norm", report->gradient_norm }, { "train/lr", report->lr },
        { "train/tokens_per_second", tokens_per_second }, { "experts/max_vio", vio },
        { "experts/dead", dead }, { "validation/loss", valid_loss } };
    int count = (int)(sizeof scalars / sizeof *scalars) - !isfinite(valid_loss);
    return event_log_put(r->events, (double)time(NULL), r->state.step, scalars, count);
}

/* Writes the loss; that of a skipped batch may not be finite, which is written as null. */
static void put_loss(json_writer *w, double loss)
{
    if (isfinite(loss)) json_put_real(w, "loss", loss);
    else json_put_null(w, "loss");
}

cadre_status metrics_put(
    const train_run *r, const trainer_report *report, double tokens_per_second, double valid_loss)
{
    if (!r->metrics[0] && !r->metrics[1]) return CADRE_OK;
    json_writer w = json_writer_new(0);
    json_put_object(&w, NULL);
    json_put_int(&w, "step", r->state.step);
    put_loss(&w, report->loss);
    if (isfinite(valid_loss)) json_put_real(&w, "valid_loss", valid_loss);
    if (report->skipped) json_put_bool(&w, "skipped", true);
    json_put_real(&w, "aux_loss", report->aux);
    json_put_real(&w, "z_loss", report->z);
    if (isfinite(report->gradient_norm)) json_put_real(&w, "grad_norm", report->gradient_norm);
    if (r->settings.preference > 0) json_put_real(&w, "margin", report->margin);
    json_put_real(&w, "lr", report->lr);
    json_put_int(&w, "tokens", report->tokens);
    json_put_real(&w, "tokens_per_second", tokens_per_second);
    put_layers(r, &w);
    json_put_close(&w, '}');
    cadre_status status = put_events(r, report, tokens_per_second, valid_loss);
    if (status == CADRE_OK) status = json_writer_status(&w);
    for (int i = 0; i < 2 && status == CADRE_OK; i++) {
        if (!r->metrics[i]) continue;
        if (fwrite(w.text.data, 1, w.text.size, r->metrics[i]) != w.text.size ||
            putc('\n', r->metrics[i]) == EOF || fflush(r->metrics[i]))
            status = cadre_fail_errno(CADRE_EIO,
                i ? cadre_options_text(r->options, "metrics", 0) : "metrics.jsonl",
                "could not be written");
    }
    json_writer_free(&w);
    return status;
}

cadre_status metrics_close(train_run *r)
{
    cadre_status status = CADRE_OK;
    for (int i = 0; i < 2; i++) {
        if (r->metrics[i] && fclose(r->metrics[i]))
            status = cadre_fail_errno(CADRE_EIO, "metrics.jsonl", "could not be written");
        r->metrics[i] = NULL;
    }
    cadre_status closed = event_log_close(r->events);
    r->events = NULL;
    return status == CADRE_OK ? closed : status;
}
