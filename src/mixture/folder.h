/* folder.h - the folder of a mixture: one file, mixture.safetensors.
 *
 * Its metadata "mixture" is a JSON object with sizes, method and names of columns. All its tensors
 * are F64: the parameters by the names of their parts, "columns" [4, columns] with the mean,
 * deviation, minimum and maximum of each, "share" [E], "log_likelihood" and perhaps "loss"
 * [records], and "sample" [rows, columns]. */
#ifndef CADRE_MIXTURE_FOLDER_H
#define CADRE_MIXTURE_FOLDER_H

#include <stdbool.h>

#include "cadre/mixture.h"
#include "mixture/model.h"

/* Whether there is a mixture at this path. */
bool mixture_folder_is(const char *path);

/* Returns CADRE_EEXISTS if there is a mixture; otherwise checks that one can be written. */
cadre_status mixture_folder_check(const char *path);
cadre_status mixture_folder_write(const char *path, const cadre_mixture *m);

#endif
