/* avxvnni.h - AVX-VNNI on machines that lack it, so that tests run the very object file that is
 * shipped. */
#ifndef CADRE_TESTS_AVXVNNI_H
#define CADRE_TESTS_AVXVNNI_H

#include <stdint.h>

/* From now on, whatever the machine lacks of AVX-VNNI is computed when the processor refuses it,
 * slowly. CPU_AVX_VNNI, or 0 where there is nothing to do or it cannot be done. */
uint32_t avxvnni_emulated(void);

uint64_t avxvnni_count(void); /* of instructions computed so far */

#endif
