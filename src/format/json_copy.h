/* json_copy.h - a value that was read, written as it was. */
#ifndef CADRE_FORMAT_JSON_COPY_H
#define CADRE_FORMAT_JSON_COPY_H

#include "format/json.h"
#include "format/json_writer.h"

/* An absent value: nothing */
void json_put_copy(json_writer *w, const char *key, const json_node *value);

#endif
