/* rank_speed.h - measures how fast one of several ranks that share this machine trains. */
#ifndef CADRE_DIST_RANK_SPEED_H
#define CADRE_DIST_RANK_SPEED_H

#include "cadre/context.h"
#include "cadre/options.h"

/* Tokens per second of the training that the options describe, in this context, while `others` more
 * trainers do the same with as many threads: cores of one machine share caches, memory and power.
 * 0: it could not be measured. */
double rank_speed_training(cadre_context *context, cadre_options *options, int others);

/* Reads "tokens_per_second" from a benchmark's line, times "bytes_per_token" if the line has it.
 * arg: a double. */
void rank_speed_read(void *arg, const char *line);

#endif
