/* summary.c - the head of the page: what was run, its key figures, and in words what the rest of
 * the page shows. */
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/figure.h"
#include "report/html.h"
#include "report/load.h"
#include "report/origin.h"
#include "report/sections.h"

enum { ORIGIN_BYTES = 2000, PROMPT_BYTES = 120 };

/* ---- pieces ---- */

static void title(byte_buffer *page, const char *kind, const char *name, const char *heading)
{
    byte_buffer_format(page, "<header><p class=\"kicker\">%s · ", kind);
    html_cut(page, name, 80);
    byte_buffer_text(page, "</p>\n<h1>");
    html_cut(page, *heading ? heading : name, 80);
    byte_buffer_text(page, "</h1>\n");
}

static void key_figure(byte_buffer *page, const char *name, figure value, const char *unit)
{
    byte_buffer_format(
        page, "<div><dt>%s</dt><dd>%s<small>%s</small></dd></div>\n", name, value.text, unit);
}

static bool same_everywhere(const model_shape *shape)
{
    for (int s = 1; s < shape->layers; s++)
        if (shape->layer[s].experts != shape->layer[0].experts ||
            shape->layer[s].picks != shape->layer[0].picks)
            return false;
    return true;
}

/* Where the layers' routers differ: each with the numbers of its neighbouring layers. */
static void several_routers(byte_buffer *page, const model_shape *shape)
{
    for (int first = 0, end; first < shape->layers; first = end) {
        const char *name = shape->layer[first].router;
        for (end = first + 1; end < shape->layers; end++)
            if (strcmp(shape->layer[end].router, name) != 0) break;
        byte_buffer_text(page, first ? ", " : "; routers ");
        html_cut(page, *name ? name : "unknown", SHAPE_ROUTER);
        byte_buffer_format(page, " (layer%s %lld", end > first + 1 ? "s" : "",
            (long long)shape->layer[first].number);
        if (end > first + 1)
            byte_buffer_format(page, " to %lld", (long long)shape->layer[end - 1].number);
        byte_buffer_text(page, ")");
    }
}

static void routers(byte_buffer *page, const model_shape *shape)
{
    bool any = false, differ = false;
    for (int s = 0; s < shape->layers; s++) {
        any |= *shape->layer[s].router != 0;
        differ |= strcmp(shape->layer[s].router, shape->layer[0].router) != 0;
    }
    if (differ) several_routers(page, shape);
    else if (any) {
        byte_buffer_text(page, "; router ");
        html_cut(page, shape->layer[0].router, SHAPE_ROUTER);
    }
}

static void shape_sentence(byte_buffer *page, const model_shape *shape)
{
    const shape_layer *first = &shape->layer[0];
    if (!shape->layers) {
        byte_buffer_text(page, "A dense model: no layer has experts.");
        return;
    }
    byte_buffer_format(page, "%d sparse layer%s", shape->layers, shape->layers == 1 ? "" : "s");
    if (same_everywhere(shape))
        byte_buffer_format(page, " of %d expert%s, %d for each token", first->experts,
            first->experts == 1 ? "" : "s", first->picks);
    else byte_buffer_format(page, " with %d experts in all", shape->experts);
    routers(page, shape);
    byte_buffer_text(page, ".");
}

/* ---- what the page shows, in words ---- */

static void finding_loss(byte_buffer *page, const training_run *r)
{
    const metric_point *loss = history_scalar(&r->history, METRIC_LOSS);
    int first = 0;
    while (first < r->history.points && !loss[first].count) first++;
    if (first >= r->history.points - 1) return;
    double begin = metric_mean(&loss[first]), end = history_late(&r->history, loss, HISTORY_END);
    figure steps = figure_whole((double)(r->history.last - r->history.first + 1));
    byte_buffer_format(page,
        "<li>The loss went from <b>%s</b> to <b>%s</b> nats a token in %s steps.</li>\n",
        figure_digits(begin, 2).text, figure_digits(end, 3).text, steps.text);
}

static void finding_compression(byte_buffer *page, const run_analysis *c)
{
    for (int i = 0; i < c->methods; i++) {
        int better = 0, both = 0;
        for (int d = 0; d < c->domains; d++) {
            double bits = c->domain[d].bits_per_byte, other = c->method[i].bits_per_byte[d];
            both += !isnan(bits) && !isnan(other);
            better += bits < other;
        }
        if (!both) continue;
        byte_buffer_format(page, "<li>Fewer bits per byte than ");
        html_cut(page, c->method[i].name, 60);
        byte_buffer_format(page, " in <b>%d of %d</b> domains.</li>\n", better, both);
    }
}

static void finding_domains(byte_buffer *page, const training_run *r, const affinity *a)
{
    if (!(a->most > 0)) return;
    int s = affinity_clearest_layer(a, &r->shape);
    byte_buffer_format(page,
        "<li>One pick of layer %lld tells <b>%s of %s bits</b> about which domain the text is from",
        (long long)r->shape.layer[s].number, figure_digits(a->bits[s], 2).text,
        figure_digits(a->most, 2).text);
    if (r->analysis.shuffled)
        byte_buffer_format(page, "; shuffled domains would seem to tell %s ± %s",
            figure_digits(r->analysis.shuffled[s].mean, 4).text,
            figure_digits(r->analysis.shuffled[s].deviation, 4).text);
    byte_buffer_text(page, ".</li>\n");
}

static void finding_load(
    byte_buffer *page, const model_shape *shape, const double *loads, bool recorded)
{
    int idle = 0, where = 0;
    double most = 0;
    for (int s = 0; s < shape->layers; s++) {
        load_balance b =
            load_balance_of(loads + shape->layer[s].first_expert, shape->layer[s].experts);
        idle += b.idle;
        if (b.most > most) where = s;
        most = fmax(most, b.most);
    }
    if (!(most > 0)) return;
    if (idle)
        byte_buffer_format(page, "<li><b>%d of %d experts %s</b>; ", idle, shape->experts,
            recorded ? "are idle in this recording" : "got nothing");
    else byte_buffer_text(page, "<li>Every expert is in use; ");
    byte_buffer_format(page,
        "the busiest, in layer %lld, carries <b>%s times</b> its fair share.</li>\n",
        (long long)shape->layer[where].number, figure_digits(most, 2).text);
}

static void findings(byte_buffer *page, const training_run *r, const affinity *a)
{
    byte_buffer_text(page, "<ul class=\"findings\">\n");
    if (r->history.points) {
        double *loads = MEM_ARRAY(double, r->shape.experts);
        finding_loss(page, r);
        if (loads) {
            history_final_loads(&r->history, loads);
            finding_load(page, &r->shape, loads, false);
        } else page->status = CADRE_ENOMEM;
        mem_free(loads);
    }
    finding_domains(page, r, a);
    finding_compression(page, &r->analysis);
    byte_buffer_text(page, "</ul>\n");
}

/* ---- the two kinds of page ---- */

static void run_figures(byte_buffer *page, const training_run *r)
{
    const run_history *h = &r->history;
    double loss = h->points ? history_late(h, history_scalar(h, METRIC_LOSS), HISTORY_END) : NAN;
    double valid = h->points ? history_late(h, history_scalar(h, METRIC_VALID), 0) : NAN;
    double bits = analysis_bits_per_byte(&r->analysis);
    byte_buffer_text(page, "<dl class=\"figures\">\n");
    if (!isnan(loss)) key_figure(page, "Loss", figure_digits(loss, 3), "nats");
    if (!isnan(valid)) key_figure(page, "Validation loss", figure_digits(valid, 3), "nats");
    if (!isnan(bits)) key_figure(page, "Validation", figure_digits(bits, 3), "bits per byte");
    if (r->parameters >= 0) key_figure(page, "Parameters", figure_short((double)r->parameters), "");
    if (r->active_parameters >= 0)
        key_figure(page, "Active per token", figure_short((double)r->active_parameters), "");
    if (r->tokens >= 0) key_figure(page, "Tokens seen", figure_short((double)r->tokens), "");
    if (!isnan(r->seconds)) key_figure(page, "Time", figure_time(r->seconds), "");
    if (r->seconds > 0 && r->tokens > 0)
        key_figure(page, "Speed", figure_short((double)r->tokens / r->seconds), "tokens/s");
    byte_buffer_text(page, "</dl>\n");
}

static void origin_row(byte_buffer *page, const char *name, const char *text, bool command)
{
    if (!*text) return;
    byte_buffer_format(page, "<div><dt>%s</dt><dd>", name);
    if (command) {
        byte_buffer_text(page, "<code>");
        html_command(page, text, ORIGIN_BYTES);
        byte_buffer_text(page, "</code>");
    } else {
        html_cut(page, text, ORIGIN_BYTES);
    }
    byte_buffer_text(page, "</dd></div>\n");
}

static void data_row(byte_buffer *page, const training_run *r)
{
    if (!origin_has_data(r)) return;
    byte_buffer_text(page, "<div><dt>Data</dt><dd>");
    origin_put_data(page, r);
    byte_buffer_text(page, "</dd></div>\n");
}

static void run_origin(byte_buffer *page, const training_run *r)
{
    byte_buffer_text(page, "<dl class=\"origin\">\n");
    data_row(page, r);
    origin_row(page, "Date", r->date, false);
    origin_row(page, "Command", r->command, true);
    byte_buffer_text(page, "</dl>\n");
}

void section_run_header(
    byte_buffer *page, const char *name, const training_run *r, const affinity *a)
{
    title(page, "Training run", name, r->recipe);
    byte_buffer_text(page, "<p class=\"lead\">");
    shape_sentence(page, &r->shape);
    if (r->depth > r->shape.layers)
        byte_buffer_format(page, " %s layers in all.", figure_whole((double)r->depth).text);
    if (r->encoder > 0 && r->encoder < r->depth)
        byte_buffer_format(page, " Layers below %s are the encoder’s, the others the decoder’s.",
            figure_whole((double)r->encoder).text);
    if (r->width >= 0) byte_buffer_format(page, " Width %s.", figure_whole((double)r->width).text);
    if (r->vocabulary >= 0)
        byte_buffer_format(page, " A vocabulary of %s.", figure_whole((double)r->vocabulary).text);
    byte_buffer_text(page, "</p>\n");
    run_origin(page, r);
    run_figures(page, r);
    findings(page, r, a);
    byte_buffer_text(page, "</header>\n");
}

/* The share of picks, over all layers, that the previous token had too. */
static double kept_share(const recording *r)
{
    double kept = 0, comparable = 0;
    for (int s = 0; s < r->shape.layers; s++) {
        kept += (double)r->kept[s];
        comparable += (double)r->comparable[s];
    }
    return comparable > 0 ? kept / comparable : NAN;
}

/* The first words of the text: tokens in a row. */
static void data_of_recording(byte_buffer *page, const passage *text)
{
    byte_buffer words = { 0 };
    for (int t = 0; t < text->tokens && words.size <= PROMPT_BYTES; t++)
        byte_buffer_text(&words, text->text.data + text->begin[t]);
    if (words.status != CADRE_OK) page->status = words.status;
    if (words.size) origin_row(page, "Text", words.data, false);
    byte_buffer_free(&words);
}

static void recording_origin(byte_buffer *page, const recording *r)
{
    char date[ORIGIN_DATE];
    origin_date_of(r, date);
    byte_buffer_text(page, "<dl class=\"origin\">\n");
    data_of_recording(page, &r->text);
    origin_row(page, "Date", date, false);
    origin_row(page, "Model", r->model, true);
    origin_row(page, "Command", r->command, true);
    byte_buffer_text(page, "</dl>\n");
}

void section_recording_header(byte_buffer *page, const char *name, const recording *r)
{
    double kept = kept_share(r);
    title(page, "Recorded routes", name, file_base(r->model));
    byte_buffer_text(page, "<p class=\"lead\">");
    shape_sentence(page, &r->shape);
    if (*r->architecture) {
        byte_buffer_text(page, " Architecture ");
        html_cut(page, r->architecture, 60);
        byte_buffer_text(page, ".");
    }
    byte_buffer_text(page, "</p>\n");
    recording_origin(page, r);
    byte_buffer_text(page, "<dl class=\"figures\">\n");
    key_figure(page, "Tokens", figure_short((double)r->tokens), "");
    key_figure(page, "Given", figure_short((double)r->given), "");
    key_figure(page, "Generated", figure_short((double)(r->tokens - r->given)), "");
    if (!isnan(kept))
        key_figure(page, "Same expert as the token before", figure_share(kept), "of picks");
    byte_buffer_text(page, "</dl>\n<ul class=\"findings\">\n");
    finding_load(page, &r->shape, r->pairs.load, true);
    byte_buffer_text(page, "</ul>\n</header>\n");
}
