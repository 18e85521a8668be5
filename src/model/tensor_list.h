/* tensor_list.h - the tensors of a file that is to be written: their names, shapes, formats and order, which parameters each is
 * made of, and the writing itself, row by row, so that no tensor need fit in memory. Folders and GGUF have one code path. */
#ifndef CADRE_MODEL_TENSOR_LIST_H
#define CADRE_MODEL_TENSOR_LIST_H

#include "format/gguf.h"
#include "format/safetensors.h"
#include "kernel/number.h"
#include "model/tensor_name.h"

typedef struct listed_tensor {
    char *name;
    const number_format *format;
    int rank;
    int64_t shape[3];  /* slowest dimension first */
    int64_t experts;   /* of the layer, in one tensor; 0: it is of one parameter, or of gate and up */
    int parts;         /* 2: gate and up in one */
    int64_t part[2];   /* number in the table of its parameter, of expert 0 where there are several */
    int64_t step[2];   /* from an expert's to the next one's */
    unsigned form[2];
} listed_tensor;

typedef struct tensor_list {
    const model_config *config; /* borrowed, as is the table */
    const param_table *table;
    tensor_naming naming;
    listed_tensor *tensors;
    int64_t count, bytes;
} tensor_list;

/* The format of a parameter's numbers in the file. */
typedef const number_format *(*list_format)(void *arg, const param *p);

cadre_status tensor_list_make(const model_config *config, const param_table *table, tensor_naming naming, list_format format,
                              void *arg, tensor_list *list);
void tensor_list_free(tensor_list *list);

/* One of the two. */
typedef struct tensor_sink {
    safetensors_writer *folder;
    gguf_writer *gguf;
} tensor_sink;

cadre_status tensor_list_declare(const tensor_list *list, const tensor_sink *sink);

/* Where numbers come from: row `row` [cols] of a parameter, number `index` of the table, in the model's order of rows. */
typedef cadre_status (*list_row)(void *arg, const param *p, int64_t index, int64_t row, float *values);
/* After each tensor: bytes written so far. A failure stops. */
typedef cadre_status (*list_progress)(void *arg, int64_t bytes);

/* progress may be NULL. */
cadre_status tensor_list_write(const tensor_list *list, const tensor_sink *sink, list_row row, list_progress progress, void *arg);

#endif
