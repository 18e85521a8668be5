/* chat_told.h - what a model is told of the functions that it may call. */
#ifndef CADRE_TEXT_CHAT_TOLD_H
#define CADRE_TEXT_CHAT_TOLD_H

#include "text/chat_script.h"
#include "text/chat_tools.h"

cadre_status chat_told_put(chat_script *s, const chat_tool_style *style, const chat_tools *tools);

#endif
