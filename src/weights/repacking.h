/* repacking.h - which weights of an opened model may be laid out again in memory
 * (kernel/quant_interleaved.h), where that is asked for: quantised matrices that are multiplied
 * from the right and read in no other way. The rest stays where it lies. */
#ifndef CADRE_WEIGHTS_REPACKING_H
#define CADRE_WEIGHTS_REPACKING_H

#include "kernel/compute.h"
#include "weights/param_source.h"

/* Of the copy; 0: it stays where it lies */
size_t repacking_bytes(const compute *c, const param_source *s);

/* Lays it out, and lets the file's pages go. */
void repacking_lay(const compute *c, const param_source *s, void *copy);

#endif
