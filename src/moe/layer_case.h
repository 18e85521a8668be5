/* layer_case.h - a sparse layer with given inputs and weights: what the file holds
 * (layer_case_input.c), and what was computed (layer_case.c). */
#ifndef CADRE_MOE_LAYER_CASE_H
#define CADRE_MOE_LAYER_CASE_H

#include "cadre/layer.h"
#include "base/options.h"
#include "format/safetensors.h"
#include "moe/router.h"

enum {
    CASE_RANK = 4,
    CASE_OUTPUTS = 96,
    CASE_NAME = 64,
    CASE_BANKS = ROUTER_MAX_TYPES,
    CASE_DRAWS = 5
};

typedef struct case_output {
    char name[CASE_NAME];
    const char *dtype;
    int rank;
    int64_t shape[CASE_RANK];
    void *data; /* owned: floats or 32-bit integers */
} case_output;

typedef struct layer_case {
    const char *path;
    safetensors *file;
    const cadre_options *options;
    cadre_moe *moe;
    cadre_moe_shape shape;
    int64_t sequences, length, tokens, width; /* B, S, T = B S, D */
    int64_t *start;                           /* [B + 1] */
    bool *valid;                              /* [T]; NULL: all are */
    int32_t *ids, *types;                     /* [T]; NULL: not given */
    cadre_real *x, *y, *dy, *dx;              /* [T, D]; y, dy with n tasks [n, T, D] */
    cadre_real *draw[CASE_DRAWS];             /* NULL: not given */
    cadre_real *before, *dbefore;             /* [T, E] residual_logits; NULL: not given */
    int64_t tasks;
    const char *bank[CASE_BANKS]; /* their names, of the option */
    char bank_names[256];
    int64_t bank_hidden[CASE_BANKS];
    int banks;
    case_output output[CASE_OUTPUTS];
    int outputs;
} layer_case;

extern const char *const layer_case_draws[CASE_DRAWS]; /* names of tensors */

bool layer_case_has(const layer_case *c, const char *name);
cadre_status layer_case_read_shape(layer_case *c); /* sizes, from the shapes of its tensors */
cadre_status layer_case_read_batch(layer_case *c); /* x, dy and whatever else a batch has */
/* A tensor of float32 of the given shape, or some of its elements. */
cadre_status layer_case_read_floats(
    const layer_case *c, const char *name, int rank, const int64_t *shape, cadre_real **out);
void layer_case_copy_floats(
    const safetensors_tensor *t, int64_t from, int64_t count, cadre_real *out);
int64_t layer_case_elements(int rank, const int64_t *shape);

#endif
