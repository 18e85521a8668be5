/* shared_file.h - a file that all ranks of a communicator write together, if all of them see it. */
#ifndef CADRE_BASE_SHARED_FILE_H
#define CADRE_BASE_SHARED_FILE_H

#include "base/comm.h"
#include "base/file.h"

/* Rank 0 opens a file, and the others try to join it (file.h). *blind: the lowest rank that cannot,
 * because it has another file system or may not write there; -1: all have joined. If one is blind,
 * rank 0 alone gets a writer, for all of the file; the others get NULL. */
cadre_status shared_file_open(comm *ranks, const char *path, file_writer **writer, int *blind);

#endif
