/* format_choice.h - what --dtype names: one number format for all matrices of a file, or one of THE
 * LIST of mixtures, which spend more bits on the tensors that need them.
 *
 * Vectors and routers are float32 in any case. Rows that the blocks of a format do not divide get
 * another format (format_choice_fitting). */
#ifndef CADRE_WEIGHTS_FORMAT_CHOICE_H
#define CADRE_WEIGHTS_FORMAT_CHOICE_H

#include "arch/param.h"
#include "kernel/number.h"

typedef struct format_choice {
    const char *name;
    const number_format *base; /* of most matrices */
    /* For the output matrix, and for the embedding where that serves as one */
    const number_format *head;
    /* For attention's values and down projections in the layers that get more bits */
    const number_format *more;
    bool (*values_have_more)(int64_t layer, int64_t layers),
        (*downs_have_more)(int64_t layer, int64_t layers);
    /* For attention's output in models of eight experts, whose files spend more on attention */
    const number_format *eight_out;
    bool mixed;    /* a row of the list, not a single format */
    int file_type; /* llama.cpp's number for such a file */
} format_choice;

/* Refuses an unknown name, and for a folder a format that only GGUF has. The error names the
 * option. */
cadre_status format_choice_parse(
    const char *option, const char *name, bool to_gguf, format_choice *out);
const number_format *format_choice_of(
    const format_choice *d, const model_config *config, const param *p);

/* `wanted`, or what replaces it for rows of `cols` elements that its blocks do not divide */
const number_format *format_choice_fitting(const number_format *wanted, int64_t cols);

#endif
