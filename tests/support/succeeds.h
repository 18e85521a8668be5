/* succeeds.h - a call that has to succeed; the library's own sentence where it does not. */
#ifndef CADRE_TESTS_SUCCEEDS_H
#define CADRE_TESTS_SUCCEEDS_H

#include "cadre.h"

#define succeeds(call)                                              \
    do {                                                            \
        if ((call) != CADRE_OK) fail_msg("%s", cadre_last_error()); \
    } while (0)

#endif
