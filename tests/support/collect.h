/* collect.h - brings an array of a model that ranks train together on rank 0. */
#pragma once

#include "train/trainer.h"

/* whole [the elements of trainer_array_table's layout] on rank 0, elsewhere NULL. Every rank calls
 * it; which: as trainer_reader_read takes it. */
cadre_status collect_array(trainer *t, int which, real *whole);
