/* report.c - cadre_report_write: reads a run or a recording, puts the page together, replaces the file. */
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/html.h"
#include "report/load.h"
#include "report/page_files.h"
#include "report/sections.h"

static void page_begin(byte_buffer *page, const char *title)
{
    byte_buffer_text(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                           "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                           "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                           "style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n"
                           "<meta name=\"generator\" content=\"cadre " CADRE_VERSION "\">\n<title>");
    html_cut(page, title, 80);
    byte_buffer_text(page, " – cadre report</title>\n<style>\n");
    byte_buffer_text(page, page_style);
    byte_buffer_text(page, "</style>\n</head>\n<body>\n<div class=\"bar\"><nav aria-label=\"Sections\"></nav></div>\n<main>\n");
}

static void page_finish(byte_buffer *page)
{
    byte_buffer_text(page, "</main>\n<footer><p>Made by cadre " CADRE_VERSION ".</p></footer>\n<script>\n");
    byte_buffer_text(page, page_script);
    byte_buffer_text(page, "</script>\n</body>\n</html>\n");
}

/* The last part of a path, without the slashes that may follow it. */
static char *name_of(const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t begin = end;
    while (begin && path[begin - 1] != '/') begin--;
    return mem_printf("%.*s", (int)(end - begin), path + begin);
}

static cadre_status put_run(byte_buffer *page, const char *name, const training_run *r)
{
    affinity a;
    CADRE_TRY(affinity_of(&r->analysis, &r->shape, &a));
    page_begin(page, name);
    section_run_header(page, name, r, &a);
    section_learning(page, r);
    section_domains(page, r, &a);
    section_passages(page, r->analysis.passage, r->analysis.passages, &r->shape, &a);
    section_load(page, r);
    section_balance(page, r);
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
    page_begin(page, name);
    section_recording_header(page, name, r);
    section_passages(page, &r->text, 1, &r->shape, &a);
    section_recorded_load(page, r);
    section_together(page, r);
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

cadre_status cadre_report_write(const char *run, const char *out)
{
    byte_buffer page = { 0 };
    char *name = name_of(run);
    if (!name) return CADRE_ENOMEM;
    cadre_status status = file_is_folder(run) ? page_of_run(run, name, &page) : page_of_recording(run, name, &page);
    if (status == CADRE_OK) status = file_write(out, page.data, page.size);
    byte_buffer_free(&page);
    mem_free(name);
    return status;
}
