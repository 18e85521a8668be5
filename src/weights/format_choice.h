/* format_choice.h - what --dtype names: one number format for all matrices of a file, or one of THE
 * LIST of mixtures, which spend more bits on the tensors that need them.
 *
 * Vectors and routers are float32 whatever it says; rows that a format's blocks do not divide have
 * another (format_choice_fitting). */
#ifndef CADRE_WEIGHTS_FORMAT_CHOICE_H
#define CADRE_WEIGHTS_FORMAT_CHOICE_H

#include "arch/param.h"
#include "kernel/number.h"

typedef struct format_choice {
    const char *name;
    const number_format *base; /* of most matrices */
    /* Of the output matrix, and of the embedding where that serves as one */
    const number_format *head;
    /* Of attention's values and of down projections in the layers that are to have more bits */
    const number_format *more;
    bool (*values_have_more)(int64_t layer, int64_t layers),
        (*downs_have_more)(int64_t layer, int64_t layers);
    /* Of attention's output where there are eight experts, whose files spend more on attention */
    const number_format *eight_out;
    bool mixed;    /* a row of the list, not a format alone */
    int file_type; /* llama.cpp's number of such a file */
} format_choice;

/* Refuses what it does not know, and in a folder what only GGUF has, naming the option. */
cadre_status format_choice_parse(
    const char *option, const char *name, bool to_gguf, format_choice *out);
const number_format *format_choice_of(
    const format_choice *d, const model_config *config, const param *p);

/* `wanted`, or what rows of `cols` numbers have where its blocks do not divide them. */
const number_format *format_choice_fitting(const number_format *wanted, int64_t cols);

#endif
