/* rows.c - looks up an activation in a variant's list. */
#include "kernel/rows.h"

#include <stddef.h>
#include <string.h>

/* Files of earlier versions have another spelling. */
static const char *spelling_now(const char *name)
{
    return strcmp(name, "gptoss") ? name : "gpt-oss";
}

const row_activation *row_activation_by_name(const row_kernels *rows, const char *name)
{
    name = spelling_now(name);
    for (int i = 0; i < rows->activation_count; i++)
        if (strcmp(rows->activations[i].name, name) == 0) return &rows->activations[i];
    return NULL;
}
