/* write.h - models that are written: number formats, random weights.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_WRITE_PUBLIC_H
#define CADRE_WRITE_PUBLIC_H

#include "cadre/context.h"
#include "cadre/options.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct cadre_output_listener {
    size_t size; /* sizeof(cadre_output_listener) */
    /* Called with the bytes of weights that are written; NULL: not wanted */
    void (*progress)(void *arg, int64_t done, int64_t total);
    /* Called with what the file cannot say, or says in another way; NULL: not wanted */
    void (*note)(void *arg, const char *sentence);
    void *arg;
} cadre_output_listener;

/* The name of the i-th number format in which models are written, or of a mixture of formats
 * ("q4_k_m"); NULL: there are no more. */
CADRE_API const char *cadre_dtype_name(int i);

/* Writes a model with random weights, which are a function of --seed, to a folder or to NAME.gguf.
 * It follows the recipe and sizes in the options (those of the tables of cadre_train), or a
 * config.json if `config` is not NULL. dtype is as for cadre_convert; NULL: "f32". The model is
 * written piece by piece, so that one of any size takes a few megabytes of memory. CADRE_EEXISTS:
 * there is a model in `out`. */
CADRE_API cadre_status cadre_init(cadre_context *context, cadre_options *options,
    const char *config, const char *dtype, const char *out, const cadre_output_listener *listener);

#ifdef __cplusplus
}
#endif
#endif
