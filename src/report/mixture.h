/* mixture.h - the page of a mixture of local experts: which expert answers where. */
#ifndef CADRE_REPORT_MIXTURE_H
#define CADRE_REPORT_MIXTURE_H

#include "cadre/mixture.h"
#include "base/buffer.h"

/* Writes all of the page. Running out of memory stays in the page's status. */
void mixture_sections(byte_buffer *page, const char *name, const cadre_mixture *m);

#endif
