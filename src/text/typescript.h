/* typescript.h - a function's parameters as a type of TypeScript, which is how gpt-oss is told of
 * functions. */
#ifndef CADRE_TEXT_TYPESCRIPT_H
#define CADRE_TEXT_TYPESCRIPT_H

#include "text/chat_tools.h"

/* "// description", "type name = (_: {...}) => any;" and an empty line. */
cadre_status typescript_of(const chat_tool *tool, byte_buffer *out);

#endif
