/* report.c - cadre_report_write and cadre_report_compare: they read a run, a recording, a mixture
 * or two runs, build the page, and replace the file. */
#include <string.h>

#include "cadre/measure.h"
#include "base/file.h"
#include "base/memory.h"
#include "mixture/folder.h"
#include "report/comparison.h"
#include "report/html.h"
#include "report/load.h"
#include "report/mixture.h"
#include "report/origin.h"
#include "report/page_files.h"
#include "report/sections.h"

static void page_begin(byte_buffer *page, const char *title)
{
    byte_buffer_text(page,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
        "img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
        "<meta name=\"generator\" content=\"cadre " CADRE_VERSION "\">\n<title>");
    html_cut(page, title, 200);
    byte_buffer_text(page, " – cadre report</title>\n<style>\n");
    byte_buffer_text(page, page_style);
    byte_buffer_text(page, "</style>\n</head>\n<body>\n<div class=\"bar\"><nav "
                           "aria-label=\"Sections\"></nav></div>\n<main>\n");
}

static void page_finish(byte_buffer *page)
{
    byte_buffer_text(
        page, "</main>\n<footer><p>Made by cadre " CADRE_VERSION ".</p></footer>\n<script>\n");
    byte_buffer_text(page, page_start);
    byte_buffer_text(page, page_script);
    byte_buffer_text(page, "</script>\n</body>\n</html>\n");
}

/* Frees the title; NULL: out of memory. */
static void page_begin_with(byte_buffer *page, char *title)
{
    if (title) page_begin(page, title);
    else page->status = CADRE_ENOMEM;
    mem_free(title);
}

/* The last part of a path, without slashes after it. */
static char *name_of(const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t begin = end;
    while (begin && path[begin - 1] != '/') begin--;
    return mem_printf("%.*s", (int)(end - begin), path + begin);
}

/* What only a sparse model has. */
static void sections_of_experts(byte_buffer *page, const training_run *r, const affinity *a)
{
    section_domains(page, r, a);
    section_types(page, r);
    section_experts(page, r, a);
    section_passages(page, r->analysis.passage, r->analysis.passages, &r->shape, a);
    section_load(page, r);
    section_balance(page, r);
    section_together(page, &r->shape, &r->analysis.pairs);
}

static cadre_status put_run(byte_buffer *page, const char *name, const training_run *r)
{
    affinity a;
    CADRE_TRY(affinity_of(&r->analysis, &r->shape, &a));
    page_begin_with(page, origin_title(name, r));
    section_run_header(page, name, r, &a);
    section_learning(page, r);
    if (r->shape.layers) sections_of_experts(page, r, &a);
    section_ranks(page, r);
    section_compression(page, r);
    section_samples(page, r);
    section_options(page, r);
    page_finish(page);
    affinity_free(&a);
    return page->status;
}

static cadre_status put_recording(byte_buffer *page, const char *name, const recording *r)
{
    affinity a;
    CADRE_TRY(affinity_of(&(run_analysis){ 0 }, &r->shape, &a));
    page_begin_with(page, origin_title_of_recording(name, r));
    section_recording_header(page, name, r);
    section_passages(page, &r->text, 1, &r->shape, &a);
    section_recorded_load(page, r);
    section_together(page, &r->shape, &r->pairs);
    page_finish(page);
    affinity_free(&a);
    return page->status;
}

static cadre_status page_of_run(const char *folder, const char *name, byte_buffer *page)
{
    training_run r;
    CADRE_TRY(training_run_read(folder, &r));
    cadre_status status = put_run(page, name, &r);
    training_run_free(&r);
    return status;
}

static cadre_status page_of_recording(const char *path, const char *name, byte_buffer *page)
{
    recording r;
    CADRE_TRY(recording_read(path, &r));
    cadre_status status = put_recording(page, name, &r);
    recording_free(&r);
    return status;
}

static cadre_status page_of_mixture(const char *folder, const char *name, byte_buffer *page)
{
    cadre_mixture *m;
    CADRE_TRY(cadre_mixture_open(folder, &m));
    page_begin(page, name);
    mixture_sections(page, name, m);
    page_finish(page);
    cadre_mixture_free(m);
    return page->status;
}

/* ---- two runs ---- */

static cadre_status open_side(const char *folder, const char *name, run_side *s)
{
    s->name = name;
    if (file_exists(folder) && !file_is_folder(folder))
        return cadre_fail(CADRE_EFORMAT, folder,
            "expected the folder of a training run to compare, found a file");
    CADRE_TRY(training_run_read(folder, &s->run));
    CADRE_TRY(affinity_of(&s->run.analysis, &s->run.shape, &s->affinity));
    if (!s->run.history.points) return CADRE_OK;
    if (!(s->loads = MEM_ARRAY(double, s->run.shape.experts))) return CADRE_ENOMEM;
    history_final_loads(&s->run.history, s->loads);
    return CADRE_OK;
}

static void close_side(run_side *s)
{
    mem_free(s->loads);
    affinity_free(&s->affinity);
    training_run_free(&s->run);
}

static cadre_status put_comparison(byte_buffer *page, const run_side side[2])
{
    char *title[] = { origin_title(side[0].name, &side[0].run),
        origin_title(side[1].name, &side[1].run) };
    page_begin_with(
        page, title[0] && title[1] ? mem_printf("%s and %s", title[0], title[1]) : NULL);
    for (int i = 0; i < 2; i++) mem_free(title[i]);
    comparison_header(page, side);
    comparison_curves(page, side);
    comparison_domains(page, side);
    comparison_loads(page, side);
    comparison_settings(page, side);
    page_finish(page);
    return page->status;
}

/* The last parts of two paths, or the whole paths if those parts are equal. */
static bool names_of(const char *const *run, char **name)
{
    for (int i = 0; i < 2; i++) name[i] = name_of(run[i]);
    if (!name[0] || !name[1] || strcmp(name[0], name[1]) != 0) return name[0] && name[1];
    for (int i = 0; i < 2; i++) {
        mem_free(name[i]);
        name[i] = mem_strdup(run[i]);
    }
    return name[0] && name[1];
}

cadre_status cadre_report_compare(const char *first, const char *second, const char *out)
{
    const char *const run[] = { first, second };
    byte_buffer page = { 0 };
    run_side *side = MEM_ARRAY(run_side, 2);
    char *name[2] = { 0 };
    cadre_status status = side && names_of(run, name) ? CADRE_OK : CADRE_ENOMEM;
    for (int i = 0; i < 2 && status == CADRE_OK; i++) status = open_side(run[i], name[i], &side[i]);
    if (status == CADRE_OK) status = put_comparison(&page, side);
    if (status == CADRE_OK) status = file_write(out, page.data, page.size);
    for (int i = 0; i < 2; i++) {
        if (side) close_side(&side[i]);
        mem_free(name[i]);
    }
    mem_free(side);
    byte_buffer_free(&page);
    return status;
}

cadre_status cadre_report_write(const char *run, const char *out)
{
    byte_buffer page = { 0 };
    char *name = name_of(run);
    if (!name) return CADRE_ENOMEM;
    cadre_status status = !file_is_folder(run)     ? page_of_recording(run, name, &page)
                          : mixture_folder_is(run) ? page_of_mixture(run, name, &page)
                                                   : page_of_run(run, name, &page);
    if (status == CADRE_OK) status = file_write(out, page.data, page.size);
    byte_buffer_free(&page);
    mem_free(name);
    return status;
}
