/* samples.c - what the model writes: a prompt for each domain and its continuation. */
#include "report/html.h"
#include "report/sections.h"

enum { PROMPT_BYTES = 1000, TEXT_BYTES = 3000 };

void section_samples(byte_buffer *page, const training_run *r)
{
    const run_analysis *c = &r->analysis;
    if (!c->samples) return;
    html_section(page, "samples", "What it writes");
    byte_buffer_text(page, "<p>The given words are set in grey.</p>\n<div class=\"samples\">\n");
    for (int i = 0; i < c->samples; i++) {
        const analysis_sample *s = &c->sample[i];
        byte_buffer_text(page, "<article><h3>");
        html_cut(page, s->domain, 40);
        byte_buffer_text(page, "</h3><p");
        html_language(page, s->domain);
        byte_buffer_text(page, " dir=\"auto\"><span class=\"prompt\">");
        html_cut(page, s->prompt, PROMPT_BYTES);
        byte_buffer_text(page, "</span>");
        html_cut(page, s->text, TEXT_BYTES);
        byte_buffer_text(page, "</p></article>\n");
    }
    byte_buffer_text(page, "</div>\n");
    html_section_end(page);
}
