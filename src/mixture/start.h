/* start.h - the parameters that a fit begins with. */
#ifndef CADRE_MIXTURE_START_H
#define CADRE_MIXTURE_START_H

#include "mixture/fit.h"

/* Of a file of safetensors, F64 by the names of the parts. */
cadre_status start_from_file(const char *path, fit *f);

/* Made from the seed: the gate divides the inputs softly around rows drawn as centres, and experts
 * are small random numbers, or by EM what fits best with that gate. */
cadre_status start_from_seed(uint64_t seed, fit *f);

#endif
