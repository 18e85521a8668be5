/* tasks.h - several gates over the same experts, one a task (MMoE). */
#ifndef CADRE_MOE_TASKS_H
#define CADRE_MOE_TASKS_H

#include "moe/routing.h"

/* [n, T, E] router dense with n tasks: the weights of each gate, and the gradients by them. */
typedef struct task_weights {
    real *weight, *dweight;
} task_weights;
task_weights task_weights_of(const routing *r);

#endif
