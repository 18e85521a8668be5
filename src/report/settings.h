/* settings.h - the value of an option as people read it. */
#ifndef CADRE_REPORT_SETTINGS_H
#define CADRE_REPORT_SETTINGS_H

#include "base/buffer.h"
#include "format/json.h"

/* Writes the value, escaped. A list is written as its items; a missing value as nothing. */
void setting_value(byte_buffer *page, const json_node *value);

#endif
