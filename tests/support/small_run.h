/* small_run.h - options, text and folders of training runs small enough for a test. */
#ifndef CADRE_TESTS_SMALL_RUN_H
#define CADRE_TESTS_SMALL_RUN_H

#include <stdint.h>

#include "cadre.h"
#include "arch/recipe.h"

/* Every table of options, with the recipe at sizes of a few thousand parameters. */
cadre_options *small_options(const char *name);
/* Fails the test when refused */
void small_set(cadre_options *o, const char *name, const char *value);

/* A file of readable nonsense, `size` bytes, a function of the name; the path as scratch_file gives
 * it. */
const char *small_text(const char *name, int64_t size);

/* Runs to the end or to `status`. */
void small_train(cadre_options *o, int threads, cadre_status expected);

/* Makes a model with a tokenizer, that of two steps of training, in scratch_file("model").
 * tokens: its context; NULL: as small_options has it. */
void small_model_make(const char *tokens);
/* Does the same, and opens it with one thread. */
void small_model_open(const char *tokens, cadre_context **context, cadre_model **model);
void small_model_close(cadre_context *context, cadre_model *model); /* and removes its folder */

uint64_t small_hash(const char *folder, const char *file); /* of a file's bytes */
void small_remove(const char *folder);                     /* with everything in it */

#endif
