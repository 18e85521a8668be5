/* opened.h - what most commands begin with: a context with the threads that were asked for, and
 * perhaps a model in it. */
#ifndef CADRE_CLI_OPENED_H
#define CADRE_CLI_OPENED_H

#include "cli/command.h"

typedef struct opened {
    cadre_context *context;
    cadre_model *model; /* NULL: none was asked for */
} opened;

cadre_option_table opened_options(void); /* of commands that run a model: how it is opened */
cadre_status opened_begin(const invocation *call, const char *model /* NULL: none */, opened *o);
void opened_end(opened *o);

/* Notes that a text, of which `what` speaks ("the prompt has"), is longer than the model was made
 * for. false: it is not. */
bool opened_note_context(
    const invocation *call, const cadre_model *model, const char *what, int64_t tokens);

/* Notes the first id that the model has a row for and the vocabulary no piece: such an id stands
 * for no text. Opens the model's tokenizer; notes nothing where there is none. */
void opened_note_ids(const invocation *call, cadre_model *model, const int32_t *ids, int64_t count);

/* The three tables that a recipe fills in, with what this command took of them. */
cadre_status opened_recipe_options(const invocation *call, cadre_options **options);

#endif
