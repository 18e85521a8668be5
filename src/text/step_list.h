/* step_list.h - reads a list of steps as tokenizer.json writes it: {"type": KIND, ...}, or {"type":
 * "Sequence", KEY: [steps]}.
 *
 * Normalizers, pre-tokenizers, post-processors and decoders are such lists. A kind without a row,
 * and a member that its row does not list, are refused by name. */
#ifndef CADRE_TEXT_STEP_LIST_H
#define CADRE_TEXT_STEP_LIST_H

#include "format/json.h"

typedef struct step_row {
    const char *type;
    const char *members; /* besides "type", separated by spaces */
    cadre_status (*read)(void *list, const json_node *step); /* appends to the list */
} step_row;

/* Reads a step and the steps within it, in order. `key` names the members of a Sequence; `room` is
 * the number of steps that a list may hold. */
cadre_status step_list_read(const json_node *node, const char *key, const step_row *rows,
    int row_count, int room, void *list);

/* Refuses a member that is not in `members`. */
cadre_status step_list_check_members(const json_node *object, const char *members);

#endif
