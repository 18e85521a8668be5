/* rows.c - looks up an activation in a variant's list. */
#include "kernel/rows.h"

#include <stddef.h>
#include <string.h>

const row_activation *row_activation_by_name(const row_kernels *rows, const char *name)
{
    for (int i = 0; i < rows->activation_count; i++)
        if (strcmp(rows->activations[i].name, name) == 0) return &rows->activations[i];
    return NULL;
}
