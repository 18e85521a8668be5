/* tensor_list.h - the tensors of a file that is to be written: their names, shapes, formats and
 * order, and the parameters that each is made of. They are written some rows at a time on all
 * workers, so that no tensor need fit in memory. Folders and GGUF share one code path. */
#ifndef CADRE_WEIGHTS_TENSOR_LIST_H
#define CADRE_WEIGHTS_TENSOR_LIST_H

#include "arch/tensor_name.h"
#include "format/gguf.h"
#include "format/safetensors.h"
#include "kernel/compute.h"
#include "kernel/number.h"

typedef struct listed_tensor {
    char *name;
    /* The format that was asked for, and the one that the tensor has, which differs where it
     * must. */
    const number_format *wanted, *format;
    int rank;
    int64_t shape[4]; /* slowest dimension first */
    /* Experts of the layer that share the tensor; 0: it holds one parameter, or gate and up. */
    int64_t experts;
    int parts; /* 2: gate and up in one */
    /* Index in the table of its parameter; of expert 0 if there are several */
    int64_t part[2];
    int64_t step[2]; /* from the index for one expert to that for the next */
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

/* Where formats and values come from */
typedef struct tensor_source {
    const number_format *(*format)(void *arg, const param *p);
    /* Says that rows of p, the parameter at `index` of the table, come next. Rows of at most two
     * parameters alternate. NULL: nothing is to be done. */
    cadre_status (*begin)(void *arg, const param *p, int64_t index);
    /* Gives row `row` [cols] in the model's order. Several workers call it at once. */
    void (*row)(void *arg, const param *p, int64_t index, int64_t row, float *values);
    /* The elements of the parameter that this process writes; it skips the others, which other
     * ranks write. NULL: it writes all. Formats have no blocks then, and the sink is a folder. */
    param_range (*held)(void *arg, const param *p, int64_t index);
    /* The row's bytes, if the source has it in this format; otherwise NULL. May itself be NULL. */
    const void *(*stored)(void *arg, const param *p, int64_t row, const number_format *format);
    void *arg;
    /* Says whose parameters are asked for next: the model's, then its encoder's. May be NULL. */
    void (*stack)(void *arg, const model_config *config);
} tensor_source;

cadre_status tensor_list_make(const model_config *config, const param_table *table,
    tensor_naming naming, const tensor_source *source, tensor_list *list);
void tensor_list_free(tensor_list *list);
const number_format *tensor_list_most(const tensor_list *list); /* the format of most elements */

/* Where tensors are written: one of the two is set. */
typedef struct tensor_sink {
    safetensors_writer *folder;
    gguf_writer *gguf;
} tensor_sink;

cadre_status tensor_list_declare(const tensor_list *list, const tensor_sink *sink);

/* Called several times a second with the bytes written so far. A failure stops the writing; it must
 * fail if a stop was requested. */
typedef cadre_status (*list_progress)(void *arg, int64_t bytes);

/* With c NULL, writes on this thread alone. progress may be NULL. Values that are not finite are
 * refused where a tensor has blocks. */
cadre_status tensor_list_write(const compute *c, const tensor_list *list, const tensor_sink *sink,
    const tensor_source *source, list_progress progress, void *arg);

#endif
