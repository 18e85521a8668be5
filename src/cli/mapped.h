/* mapped.h - what happens when a mapped file loses bytes while it is being read. */
#ifndef CADRE_CLI_MAPPED_H
#define CADRE_CLI_MAPPED_H

/* From now on such a file is one more of the world's faults: a line that names it, and exit code
 * 1. */
void mapped_files_may_shrink(void);

#endif
