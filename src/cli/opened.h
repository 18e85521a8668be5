/* opened.h - how most commands begin: they open a context with the threads that were asked for, and
 * perhaps a model in it. */
#ifndef CADRE_CLI_OPENED_H
#define CADRE_CLI_OPENED_H

#include "cli/command.h"
#include "cli/progress.h"

typedef struct opened {
    cadre_context *context;
    cadre_model *model; /* NULL: none was asked for */
    bool keeps;         /* at the end, how much experts were used */
    bool followed;      /* this process has done its part of what rank 0 runs: nothing is left */
} opened;

cadre_option_table opened_options(void); /* how a model that a command runs is opened */
const char *opened_adapter(const cadre_options *options); /* NULL: none */

/* What is known of experts before a command with --memory begins */
typedef struct opened_warmth {
    bool warm;
    const char *by; /* a file; NULL: what earlier runs left, and this one leaves */
} opened_warmth;
cadre_option_table opened_warm_options(void);
opened_warmth opened_warmth_of(const cadre_options *options);
typedef struct opened_warming {
    const invocation *call;
    progress shown;
} opened_warming;
/* A cadre_progress_listener, whose arg is an opened_warming */
void opened_draw_warming(void *arg, int64_t done, int64_t total);
cadre_option_table opened_cache_options(void); /* of these, that of the cache alone */
cadre_status opened_begin(const invocation *call, const char *model /* NULL: none */, opened *o);
/* Opens a model in the context, as the options say. */
cadre_status opened_model(const invocation *call, const char *path, opened *o);
void opened_end(opened *o);
int opened_end_followed(opened *o); /* of a process that followed; returns its exit code */
/* Does this process's part of what rank 0 runs, if it is another rank. */
cadre_status opened_follow(opened *o);

/* Notes that a text is longer than the model was made for. `what` begins the sentence ("the prompt
 * has"). Returns false if it is not longer. */
bool opened_note_context(
    const invocation *call, const cadre_model *model, const char *what, int64_t tokens);

/* Notes the first id for which the model has a row but the vocabulary no piece: such an id stands
 * for no text. Opens the model's tokenizer; without one, notes nothing. */
void opened_note_ids(const invocation *call, cadre_model *model, const int32_t *ids, int64_t count);

/* The three tables that a recipe completes, with the values that this command was given. */
cadre_status opened_recipe_options(const cadre_options *given, cadre_options **options);

#endif
