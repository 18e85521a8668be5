/* tensor_name.h - what parameters are called and how they are stored in files: folders of
 * safetensors, and GGUF.
 *
 * A row names a tensor and says which part of it the parameter is: all of it, one expert's part,
 * every second row. Rows that most families share are in THE LIST of parameters. An architecture
 * may have its own rows, which come first. */
#ifndef CADRE_ARCH_TENSOR_NAME_H
#define CADRE_ARCH_TENSOR_NAME_H

#include "arch/param.h"

/* An architecture's own row for a role */
typedef struct tensor_name {
    param_role role;
    const char *pattern;
    unsigned form;
} tensor_name;

/* For GGUF families that keep the order of llama's first program */
extern const tensor_name tensor_names_paired[];

typedef enum tensor_naming { NAMES_OF_FOLDER, NAMES_OF_GGUF } tensor_naming;

/* The i-th way in which the architecture's files may hold a role. Returns false if there are no
 * more. */
bool tensor_name_of(const struct architecture *arch, tensor_naming naming, param_role role, int i,
    tensor_name *name);

/* The name with the parameter's layer and expert. A model with many experts has tens of thousands
 * of names, so none is allocated here. */
enum { TENSOR_NAME = 128 };
void tensor_name_text(const tensor_name *name, const param *p, char text[TENSOR_NAME]);
/* The same in a folder whose language model is part of a larger one; false: there is no such
 * name. */
bool tensor_name_in_part(const struct architecture *arch, const tensor_name *name, const param *p,
    char text[TENSOR_NAME]);

/* The name, in a folder, of a tensor that holds this parameter alone; freed by mem_free, NULL: out
 * of memory. */
char *tensor_name_alone(const struct architecture *arch, const param *p);

/* The tensor's shape, slowest dimension first; returns its rank. */
int tensor_name_shape(
    const tensor_name *name, const model_config *config, const param *p, int64_t shape[3]);

/* Element (r, c) of the parameter is element offset + r * row + c * col of its tensor. With
 * `paired`, r is the stored row. */
typedef struct tensor_place {
    int64_t offset, row, col;
    int64_t paired; /* rows of a head that are stored in pairs; 0: they are not */
} tensor_place;

/* The element as a file of this form stores it, and the element of which a file stores this;
 * NaN: of none. */
float tensor_form_stored(unsigned form, float element);
float tensor_form_element(unsigned form, float stored);

tensor_place tensor_name_place(const tensor_name *name, const model_config *config, const param *p);
int64_t tensor_place_row(const tensor_place *place, int64_t row); /* the stored row of a row */

#endif
