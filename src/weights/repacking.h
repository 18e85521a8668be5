/* repacking.h - decides which weights of an opened model are copied to the row-interleaved layout
 * (kernel/quant_interleaved.h) if --repack asks for it: quantised matrices that are B in products
 * and are read in no other way. The rest stays in the file. */
#ifndef CADRE_WEIGHTS_REPACKING_H
#define CADRE_WEIGHTS_REPACKING_H

#include "kernel/compute.h"
#include "weights/param_source.h"

/* The size of the copy; 0: the parameter is not copied */
size_t repacking_bytes(const compute *c, const param_source *s);

/* Makes the copy, and lets the pages of the file leave memory. */
void repacking_lay(const compute *c, const param_source *s, void *copy);

#endif
