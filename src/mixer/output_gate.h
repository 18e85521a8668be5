/* output_gate.h - the gate of attention's output: each element, or each head, of a token's result
 * is multiplied by a function of the token itself before it is projected (Qiu and others 2025).
 *
 *     v = f(x Wg^T),  gated = out * v        f: sigmoid or softplus
 *
 * A mixer without a gate may call everything here: it then has no size and does nothing. */
#ifndef CADRE_MIXER_OUTPUT_GATE_H
#define CADRE_MIXER_OUTPUT_GATE_H

#include "mixer/attending.h"

typedef struct output_gate {
    /* Kept: v [T, output_gate_row], and `gated` as attending's `out`; forward only: it is `out` */
    real *value, *gated;
    /* Workspace: the gradient by x Wg^T, of all ranks' heads; NULL: forward only */
    real *dvalue;
} output_gate;

/* Elements of a token's row, of this rank's heads and of all; 0: there is no gate. */
int64_t output_gate_row(const mixer_config *c);
int64_t output_gate_whole_row(const mixer_config *c);

void output_gate_lay_kept(
    output_gate *g, arena *from, const mixer_config *c, const batch_limits *most);
void output_gate_lay_workspace(
    output_gate *g, arena *from, const mixer_config *c, const batch_limits *most);
/* Sets `gated` where it is attention's result itself. */
void output_gate_begin(output_gate *g, const attending *a);

/* g->value = x Wg^T, before f, where the matrix is MIXER_GATE. */
void output_gate_project(const mixer_call *call, const output_gate *g, const real *x);
/* g->value becomes v, and g->gated = a->out v. */
void output_gate_forward(const mixer_call *call, const output_gate *g, const attending *a);
/* a->dout, the gradient by `gated`, becomes that by a->out; g->dvalue has all ranks' columns. */
void output_gate_backward(const mixer_call *call, const output_gate *g, const attending *a);
/* The gradient of output_gate_project; adds to dx. */
void output_gate_project_backward(const mixer_call *call, const mixer_gradients *gradients,
    const output_gate *g, const real *x, real *dx);

#endif
