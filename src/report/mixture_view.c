/* mixture_view.c - names, colours and memory of the pictures of a mixture. */
#include "report/mixture_view.h"

#include "base/memory.h"
#include "report/html.h"
#include "report/paint.h"

void mixture_put_expert(byte_buffer *page, const mixture_shape *s, int64_t expert)
{
    int64_t k = s->groups ? s->experts / s->groups : 0;
    if (k) byte_buffer_format(page, "%lld.%lld", (long long)(expert / k), (long long)(expert % k));
    else byte_buffer_format(page, "%lld", (long long)expert);
}

const char *mixture_input_name(const mixture_view *v, int64_t j) { return v->m->column[j].name; }

const char *mixture_target_name(const mixture_view *v, int64_t j)
{
    return v->m->column[v->s->inputs + j].name;
}

char *mixture_escaped(byte_buffer *page, const char *text)
{
    byte_buffer out = { 0 };
    html_cut(&out, text, 60);
    if (out.status != CADRE_OK || !out.data) page->status = CADRE_ENOMEM;
    return out.data;
}

int64_t mixture_drawn_experts(const mixture_view *v)
{
    return v->s->experts < MOST_EXPERTS ? v->s->experts : MOST_EXPERTS;
}

void mixture_legend(const mixture_view *v, const char *what)
{
    byte_buffer_format(v->page, "<div class=\"legend\"><span>%s</span>", what);
    for (int64_t i = 0; i < mixture_drawn_experts(v); i++) {
        byte_buffer_format(
            v->page, "<span class=\"key\"><i class=\"c%d\"></i>expert ", paint_hue((int)i));
        mixture_put_expert(v->page, v->s, i);
        byte_buffer_text(v->page, "</span>");
    }
    byte_buffer_text(v->page, "</div>\n");
}

static void find_middle(mixture_view *v)
{
    int64_t columns = mixture_columns(v->m), rows = v->m->sample_rows;
    for (int64_t j = 0; j < v->s->inputs; j++) {
        double sum = 0;
        for (int64_t i = 0; i < rows; i++) sum += v->m->sample[i * columns + j];
        v->middle[j] =
            rows ? sum / (double)rows : 0.5 * (v->m->column[j].low + v->m->column[j].high);
    }
}

bool mixture_view_open(mixture_view *v)
{
    size_t gates = (size_t)(mixture_gates(v->s) * v->s->experts),
           outputs = (size_t)(v->s->experts * v->s->outputs);
    v->at = MEM_ARRAY(double, v->s->inputs);
    v->middle = MEM_ARRAY(double, v->s->inputs);
    v->gate = mem_alloc(gates, POINTS * sizeof(double));
    v->output = mem_alloc(outputs, POINTS * sizeof(double));
    v->answer = mem_alloc((size_t)v->s->outputs, POINTS * sizeof(double));
    if (!v->at || !v->middle || !v->gate || !v->output || !v->answer ||
        mixture_row_open(v->s, &v->row) != CADRE_OK)
        return false;
    find_middle(v);
    return true;
}

void mixture_view_close(mixture_view *v)
{
    mixture_row_close(&v->row);
    mem_free(v->at);
    mem_free(v->middle);
    mem_free(v->gate);
    mem_free(v->output);
    mem_free(v->answer);
}
