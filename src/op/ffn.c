/* ffn.c - the dense feed-forward, forward and backward. */
#include "op/ffn.h"

#include "op/parallel.h"

void ffn_state_layout(ffn_state *s, arena *a, int inputs, int64_t hidden, int64_t tokens)
{
    s->hidden = ARENA_ARRAY(a, real, tokens * inputs * hidden);
    s->active = ARENA_ARRAY(a, real, tokens * hidden);
}

typedef struct activation_task {
    const ffn *f;
    ffn_state *s;
} activation_task;

static void activate(void *arg, int64_t begin, int64_t end)
{
    const activation_task *t = arg;
    int64_t h = t->f->gate.w.rows, row = t->f->activation->inputs * h, all = t->f->down.w.cols;
    real *active = t->s->active + gather_first(t->f->tensor, all, all);
    for (int64_t i = begin; i < end; i++) {
        const real *g = t->s->hidden + i * row;
        t->f->activation->forward(h, g, g + h, t->f->limit, active + i * all);
    }
}

/* active = f(gate, up):  dgate and dup overwrite gate and up */
static void activate_backward(void *arg, int64_t begin, int64_t end)
{
    const activation_task *t = arg;
    int64_t h = t->f->gate.w.rows, row = t->f->activation->inputs * h, all = t->f->down.w.cols;
    const real *dactive = t->s->active + gather_first(t->f->tensor, all, all);
    for (int64_t i = begin; i < end; i++) {
        real *g = t->s->hidden + i * row, *u = t->f->activation->inputs == 2 ? g + h : NULL;
        t->f->activation->backward(h, g, u, t->f->limit, dactive + i * all, g, u);
    }
}

void ffn_forward(
    compute *c, const ffn *f, int64_t tokens, strided_in x, ffn_state *s, strided_out y)
{
    int inputs = f->activation->inputs;
    int64_t h = f->gate.w.rows, row = inputs * h, all = f->down.w.cols, width = y.stride;
    const linear *in[2] = { &f->gate, &f->up };
    strided_out out[2] = { rows_to(s->hidden, row), rows_to(s->hidden + h, row) };
    linear_forward_together(c, in, inputs, tokens, x, out);
    activation_task task = { f, s };
    parallel_over(c, tokens, 1, tokens * row * 8, activate, &task);
    gather_columns(f->tensor, tokens, all, all, s->active);
    y.at += gather_first(f->tensor, width, width);
    linear_forward(c, &f->down, tokens, rows_from(s->active, all), y);
    gather_columns(f->tensor, tokens, width, width, y.at - gather_first(f->tensor, width, width));
}

/* The gradient by the output of gate, or of up, in s->hidden from `at` on. Ranks gather it where
 * dactive was. */
static strided_in input_gradient(const ffn *f, int64_t tokens, const ffn_state *s, int64_t at)
{
    int64_t row = f->activation->inputs * f->gate.w.rows, all = f->down.w.cols;
    if (!f->tensor) return rows_from(s->hidden + at, row);
    gather_copied(f->tensor, tokens, s->hidden + at, row, all, all, s->active);
    return rows_from(s->active, all);
}

void ffn_backward(compute *c, const ffn *f, int64_t tokens, strided_in x, ffn_state *s,
    strided_in dy, strided_out dx)
{
    int inputs = f->activation->inputs;
    int64_t h = f->down.w.cols, own = f->gate.w.rows, row = inputs * own, width = dx.stride;
    /* y = active Wd^T. First comes dWd, which reads active, then dactive, which overwrites it. */
    linear through = f->down;
    through.dw = through.dbias = NULL;
    linear_backward(c, &f->down, tokens, rows_from(s->active, h), dy, rows_to(NULL, 0));
    linear_backward(c, &through, tokens, rows_from(NULL, 0), dy, rows_to(s->active, h));
    activation_task task = { f, s };
    parallel_over(c, tokens, 1, tokens * row * 8, activate_backward, &task);
    linear_backward(c, &f->gate, tokens, x, input_gradient(f, tokens, s, 0), dx);
    if (inputs == 2)
        linear_backward(
            c, &f->up, tokens, x, input_gradient(f, tokens, s, own), rows_added(dx.at, dx.stride));
    gather_columns(f->tensor, tokens, width, width, dx.at);
}
