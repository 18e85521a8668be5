/* tensor_list.h - the tensors of a file that is to be written: their names, shapes, formats and
 * order, which parameters each is made of, and the writing itself, some rows at a time on all
 * workers, so that no tensor need fit in memory. Folders and GGUF have one code path. */
#ifndef CADRE_WEIGHTS_TENSOR_LIST_H
#define CADRE_WEIGHTS_TENSOR_LIST_H

#include "arch/tensor_name.h"
#include "format/gguf.h"
#include "format/safetensors.h"
#include "kernel/compute.h"
#include "kernel/number.h"

typedef struct listed_tensor {
    char *name;
    /* What was asked for, and what the tensor has: another where that cannot be */
    const number_format *wanted, *format;
    int rank;
    int64_t shape[3]; /* slowest dimension first */
    /* Of the layer, in one tensor; 0: it is of one parameter, or of gate and up */
    int64_t experts;
    int parts; /* 2: gate and up in one */
    /* Number in the table of its parameter, of expert 0 where there are several */
    int64_t part[2];
    int64_t step[2]; /* from an expert's to the next one's */
    unsigned form[2];
} listed_tensor;

typedef struct tensor_list {
    const model_config *config; /* borrowed, as is the table */
    const param_table *table;
    tensor_naming naming;
    listed_tensor *tensors;
    int64_t count, bytes;
    int64_t before; /* bytes of lists that are written first, for progress */
} tensor_list;

/* Where formats and numbers come from. */
typedef struct tensor_source {
    const number_format *(*format)(void *arg, const param *p);
    /* Rows of p, number `index` of the table, come next, of no more than two parameters in turn;
     * NULL: nothing to do. */
    cadre_status (*begin)(void *arg, const param *p, int64_t index);
    /* Row `row` [cols] in the model's order; several workers ask at once. */
    void (*row)(void *arg, const param *p, int64_t index, int64_t row, float *values);
    /* The row's bytes where the source has it in this format; NULL: it does not, or never does. */
    const void *(*stored)(void *arg, const param *p, int64_t row, const number_format *format);
    void *arg;
    /* Whose parameters are asked for next: the model's, then its encoder's. NULL: not wanted. */
    void (*stack)(void *arg, const model_config *config);
} tensor_source;

cadre_status tensor_list_make(const model_config *config, const param_table *table,
    tensor_naming naming, const tensor_source *source, tensor_list *list);
void tensor_list_free(tensor_list *list);
const number_format *tensor_list_most(const tensor_list *list); /* the format of most numbers */

/* One of the two. */
typedef struct tensor_sink {
    safetensors_writer *folder;
    gguf_writer *gguf;
} tensor_sink;

cadre_status tensor_list_declare(const tensor_list *list, const tensor_sink *sink);

/* Several times a second: bytes written so far. A failure stops, as does a request to: it must then
 * fail. */
typedef cadre_status (*list_progress)(void *arg, int64_t bytes);

/* c NULL: on this thread alone. progress may be NULL. Numbers that are not finite are refused where
 * a tensor has blocks. */
cadre_status tensor_list_write(const compute *c, const tensor_list *list, const tensor_sink *sink,
    const tensor_source *source, list_progress progress, void *arg);

#endif
