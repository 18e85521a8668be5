/* mapped.h - what happens when a mapped file loses bytes while it is read. */
#ifndef CADRE_CLI_MAPPED_H
#define CADRE_CLI_MAPPED_H

/* From now on this is reported like other faults of the world: a line that names the file, and exit
 * code 1. */
void mapped_files_may_shrink(void);

#endif
