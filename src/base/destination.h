/* destination.h - whether something can be written where somebody wants it, asked before the work
 * that makes it. */
#ifndef CADRE_BASE_DESTINATION_H
#define CADRE_BASE_DESTINATION_H

#include <stdint.h>

#include "base/status.h"

/* Refuses a path that no file of this name can be written to: a folder, a folder that is not there
 * or may not be changed. */
cadre_status destination_file(const char *path);

/* The same of a folder, which need not be there yet, nor those that it lies in. */
cadre_status destination_folder(const char *path);

/* Refuses where less than `bytes` are free for `what`, a name for the sentence. What a file system
 * does not tell is not refused. */
cadre_status destination_room(const char *path, int64_t bytes, const char *what);

#endif
