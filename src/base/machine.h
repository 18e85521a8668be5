/* machine.h - what a process can say of itself and of its machine to processes elsewhere. */
#ifndef CADRE_BASE_MACHINE_H
#define CADRE_BASE_MACHINE_H

#include <stdint.h>

#include "base/status.h"

enum { MACHINE_NAME = 64 };

void machine_name(char name[MACHINE_NAME]); /* of this host */
int machine_cores(void);                    /* that are online, whoever may use them */
int64_t machine_process(void);              /* this process's number */
/* What another process of this machine does, as a sentence goes on: "its process is stopped".
 * static; NULL: it runs. */
const char *machine_process_trouble(int64_t process);

/* The folder of the file that holds this code: the program, or the library that a program has
 * loaded. Freed by mem_free. */
cadre_status machine_own_folder(char **folder);

#endif
