/* start.h - the parameters that a fit begins with. */
#ifndef CADRE_MIXTURE_START_H
#define CADRE_MIXTURE_START_H

#include "mixture/fit.h"

/* Reads them from a safetensors file, F64 by the names of the parts. */
cadre_status start_from_file(const char *path, fit *f);

/* Makes them from the seed: the gate divides the inputs softly around rows that are drawn as
 * centres. Experts are small random numbers, or for EM the best fit with that gate. */
cadre_status start_from_seed(uint64_t seed, fit *f);

#endif
