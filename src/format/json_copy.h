/* json_copy.h - writes a value as it was read. */
#ifndef CADRE_FORMAT_JSON_COPY_H
#define CADRE_FORMAT_JSON_COPY_H

#include "format/json.h"
#include "format/json_writer.h"

/* Writes nothing for an absent value. */
void json_put_copy(json_writer *w, const char *key, const json_node *value);

#endif
