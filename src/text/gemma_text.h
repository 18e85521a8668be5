/* gemma_text.h - functions and values in the notation of Gemma 4: members in the order of their
 * names, which have no quotation marks, and strings between control tokens.
 *
 *     call:weather{city:<|"|>Paris<|"|>,days:3} */
#ifndef CADRE_TEXT_GEMMA_TEXT_H
#define CADRE_TEXT_GEMMA_TEXT_H

#include "text/chat_script.h"
#include "text/chat_tools.h"

#define GEMMA_QUOTE "<|\"|>" /* around strings */

cadre_status gemma_put_declaration(chat_script *s, const chat_tool *tool);
/* keyed: names of members are strings too. */
cadre_status gemma_put_value(chat_script *s, const json_node *value, bool keyed);
/* An object's members, without braces. */
cadre_status gemma_put_members(chat_script *s, const json_node *object, bool keyed);

/* Reads the members of an object, control tokens spelt out, as a JSON object. */
cadre_status gemma_read_arguments(string_view text, byte_buffer *json);

#endif
