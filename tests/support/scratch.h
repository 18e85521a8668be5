/* scratch.h - a folder of a test's own that is gone afterwards. */
#ifndef CADRE_TESTS_SCRATCH_H
#define CADRE_TESTS_SCRATCH_H

/* The folder's path; made at the first call, removed with the plain files in it when the program
 * ends. */
const char *scratch_folder(void);

/* The path of a file in it; good until the eighth call from now. */
const char *scratch_file(const char *name);

#endif
