/* destination.h - asks whether a file or folder can be written somewhere, before the work that
 * makes its content begins. */
#ifndef CADRE_BASE_DESTINATION_H
#define CADRE_BASE_DESTINATION_H

#include <stdbool.h>
#include <stdint.h>

#include "cadre/status.h"
#include "base/status.h"

/* Refuses a path that no file can be written to: it is a folder, or no file can be made there. A
 * file that is missing is made and removed again. */
cadre_status destination_file(const char *path);

/* Does the same for a folder. Neither it nor the folders above it need exist yet, nor do they
 * afterwards. */
cadre_status destination_folder(const char *path);

/* Whether the folder that a file lies in is missing, but will be there when `folder` has been made:
 * it is that folder or one on the way to it. */
bool destination_comes_with(const char *file, const char *folder);

/* Refuses a path on whose disk less than `bytes` are free. `what` names the content in the error.
 * Where the file system does not say how much is free, nothing is refused. */
cadre_status destination_room(const char *path, int64_t bytes, const char *what);

#endif
