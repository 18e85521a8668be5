/* tensor_name.h - how parameters are called and how they lie in files: folders of safetensors, and
 * GGUF.
 *
 * A row names a tensor and says what the parameter is of it: all of it, one expert's part of many,
 * every second row. Rows that most families share stand in THE LIST of parameters; an architecture
 * may have rows of its own, which come first. */
#ifndef CADRE_ARCH_TENSOR_NAME_H
#define CADRE_ARCH_TENSOR_NAME_H

#include "arch/param.h"

/* A row of an architecture's own, for one role. */
typedef struct tensor_name {
    param_role role;
    const char *pattern;
    unsigned form;
} tensor_name;

/* Of GGUF families that keep the order of llama's first program */
extern const tensor_name tensor_names_paired[];

typedef enum tensor_naming { NAMES_OF_FOLDER, NAMES_OF_GGUF } tensor_naming;

/* The i-th way that the architecture's files may hold a role; false: there are no more. */
bool tensor_name_of(const struct architecture *arch, tensor_naming naming, param_role role, int i,
    tensor_name *name);

/* With the parameter's layer and expert. A model of many experts has tens of thousands of names:
 * none is allocated here. */
enum { TENSOR_NAME = 128 };
void tensor_name_text(const tensor_name *name, const param *p, char text[TENSOR_NAME]);

/* The name in a folder of a tensor that holds this parameter alone; mem_free. NULL: no memory. */
char *tensor_name_alone(const struct architecture *arch, const param *p);

/* The tensor's shape, slowest dimension first; returns its rank. */
int tensor_name_shape(
    const tensor_name *name, const model_config *config, const param *p, int64_t shape[3]);

/* Number (r, c) of the parameter is number offset + r * row + c * col of its tensor. With `paired`,
 * r stands for the stored row. */
typedef struct tensor_place {
    int64_t offset, row, col;
    int64_t paired; /* rows of a head that lie in pairs; 0: they do not */
} tensor_place;

tensor_place tensor_name_place(const tensor_name *name, const model_config *config, const param *p);
int64_t tensor_place_row(const tensor_place *place, int64_t row); /* the stored row of a row */

#endif
