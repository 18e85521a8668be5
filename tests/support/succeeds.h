/* succeeds.h - a call that has to succeed, and one that has to fail: the library's own sentence
 * where it does not. */
#ifndef CADRE_TESTS_SUCCEEDS_H
#define CADRE_TESTS_SUCCEEDS_H

#include <string.h>

#include "cadre.h"

#define succeeds(call)                                                                             \
    do {                                                                                           \
        if ((call) != CADRE_OK) fail_msg("%s", cadre_last_error());                                \
    } while (0)

/* The status and a part of the sentence that are wanted. */
#define refuses(call, code, phrase)                                                                \
    do {                                                                                           \
        cadre_status refusal_ = (call);                                                            \
        if (refusal_ != (code) || !strstr(cadre_last_error(), phrase))                             \
            fail_msg(                                                                              \
                "status %d, \"%s\", wanted \"%s\"", (int)refusal_, cadre_last_error(), phrase);    \
    } while (0)

#endif
