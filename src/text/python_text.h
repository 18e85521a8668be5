/* python_text.h - values as Python writes them, which is how some models are shown values, and how
 * they write the arguments of calls: name(city="Paris", days=[1, 2], near=True). */
#ifndef CADRE_TEXT_PYTHON_TEXT_H
#define CADRE_TEXT_PYTHON_TEXT_H

#include "format/json.h"
#include "format/json_writer.h"

/* As str() has it: a string as it is, anything else, and what stands in lists, as it would be
 * written in a program. */
cadre_status python_put(byte_buffer *out, const json_node *value);

/* Reads "key=value, key=value)" as a JSON object. *used: the bytes up to and with the parenthesis;
 * 0: it has not come yet, and nothing is to be had of `json`. */
cadre_status python_read_arguments(string_view text, byte_buffer *json, size_t *used);

/* Writes a number or a word, True, False or None, as a value of JSON; what is neither as a string
 * that nobody put into quotation marks. */
void python_copy_bare(json_writer *w, const char *key, string_view text);

#endif
