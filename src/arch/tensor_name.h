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
    const tensor_name *name, const model_config *config, const param *p, int64_t shape[4]);

/* Where a file has another order of heads than the parameter: of rows, of a vector's elements, or
 * of columns. G groups are the heads of keys, each with n heads of values. */
typedef enum head_order_kind {
    ORDER_SAME,
    /* From `first` on, pieces of `unit`: piece g n + i of the parameter is piece i G + g */
    ORDER_TILED,
    ORDER_TILED_COLUMNS,
    /* Rows of group g of a part, `size` of them, are those from g together + place on. A parameter
     * has up to three parts, one after another. */
    ORDER_BY_GROUP,
} head_order_kind;

typedef struct head_order {
    head_order_kind kind;
    int64_t groups, each;
    int64_t first, unit;
    int64_t together;
    struct {
        int64_t size, place;
    } part[3];
} head_order;

int64_t head_order_stored(const head_order *o, int64_t row); /* where row `row` is stored */
/* Which row is stored there; -1: one of another parameter. */
int64_t head_order_at(const head_order *o, int64_t stored);

/* Element (r, c) of the parameter is element offset + r * row + c * col of its tensor. With
 * `paired`, r is the stored row. */
typedef struct tensor_place {
    int64_t offset, row, col;
    int64_t paired; /* rows of a head that are stored in pairs; 0: they are not */
    head_order order;
} tensor_place;

/* The element as a file of this form stores it, and the element of which a file stores this;
 * NaN: of none. */
float tensor_form_stored(unsigned form, float element);
float tensor_form_element(unsigned form, float stored);

tensor_place tensor_name_place(const tensor_name *name, const model_config *config, const param *p);
int64_t tensor_place_row(const tensor_place *place, int64_t row); /* the stored row of a row */
/* The row that is stored as row `stored`; -1: it is of another parameter in the same tensor. */
int64_t tensor_place_row_at(const tensor_place *place, int64_t stored);
int64_t tensor_place_column(const tensor_place *place, int64_t column);

#endif
