/* spool.h - memory that lies in a file without a name, for what may be larger than the machine's
 * memory: the system writes it out when it needs the pages. */
#ifndef CADRE_BASE_SPOOL_H
#define CADRE_BASE_SPOOL_H

#include <stddef.h>

#include "base/status.h"

typedef struct spool {
    char *data; /* [size]; moves when it grows */
    size_t size;
    int handle;
} spool;

/* In this folder, where it is gone when it is closed or the program ends. */
cadre_status spool_open(const char *folder, spool *s);
void spool_close(spool *s);
/* Makes it at least so large; the room on the disk is taken now. Keeps what it holds. */
cadre_status spool_grow(spool *s, size_t size);

#endif
