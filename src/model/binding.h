/* binding.h - a model's parameters, found by name in its file, and views of those that this rank
 * has. */
#ifndef CADRE_MODEL_BINDING_H
#define CADRE_MODEL_BINDING_H

#include "model/model.h"

/* Fills m->table, m->placement and m->weights, and notes the tensors that are used. */
cadre_status binding_make(
    cadre_model *m, const weight_file *file, const placement_options *options, tensor_use *use);

/* Where the parameters are, and the views of them */
typedef struct binding {
    placement placement;
    model_weights weights;
} binding;

/* Binds once more, as ranks that have other experts than before do: makes what the rank has by
 * m->ranks->share, beside what the model is bound to. Experts that both have and that are read in
 * place take no memory twice; what is repacked or copied does, until one of the two is let go. */
cadre_status binding_make_again(const cadre_model *m, binding *made);
/* The model takes it; what it had before is in its place. */
void binding_swap(cadre_model *m, binding *other);
/* Lets go of a binding; the pages of experts that the model has no longer leave memory. */
void binding_free(const cadre_model *m, binding *b);

#endif
