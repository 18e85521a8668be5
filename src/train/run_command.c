/* run_command.c - writes the command line that a run was started with, quoted for a shell. */
#include <string.h>

#include "base/memory.h"
#include "base/buffer.h"
#include "train/run.h"

static const char plain[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:+=@%";

/* Writes a word as a shell reads it back: in single quotes if it holds anything but plain
 * characters. */
static void put_word(byte_buffer *b, const char *word)
{
    byte_buffer_text(b, " ");
    if (*word && !word[strspn(word, plain)]) {
        byte_buffer_text(b, word);
        return;
    }
    byte_buffer_text(b, "'");
    for (const char *end; (end = strchr(word, '\'')); word = end + 1) {
        byte_buffer_put(b, word, (size_t)(end - word));
        byte_buffer_text(b, "'\\''");
    }
    byte_buffer_text(b, word);
    byte_buffer_text(b, "'");
}

static void put_option(byte_buffer *b, const cadre_options *o, const cadre_option *row)
{
    int count = cadre_options_count(o, row->name);
    bool flag = cadre_option_is_flag(row) && count < 2;
    if (flag && !cadre_options_flag(o, row->name)) {
        byte_buffer_format(b, " --no-%s", row->name);
        return;
    }
    byte_buffer_format(b, " --%s", row->name);
    if (flag) return;
    if (row->kind == CADRE_OPTION_PATHS || count < 2) {
        for (int i = 0; i < count; i++) put_word(b, cadre_options_text(o, row->name, i));
        return;
    }
    for (int i = 0; i < count; i++)
        byte_buffer_format(b, "%s%s",
            i                           ? ","
            : cadre_option_is_flag(row) ? "="
                                        : " ",
            cadre_options_text(o, row->name, i));
}

cadre_status train_command_text(const cadre_options *o, char **text)
{
    const cadre_option_table table[] = { cadre_train_options(), cadre_model_options(),
        cadre_routing_options(), cadre_run_options() };
    byte_buffer b = { 0 };
    byte_buffer_text(&b, "cadre train");
    for (size_t t = 0; t < sizeof table / sizeof *table; t++)
        for (int i = 0; i < table[t].count; i++)
            if (cadre_options_given(o, table[t].rows[i].name)) put_option(&b, o, &table[t].rows[i]);
    cadre_status status = b.status;
    if (status == CADRE_OK && !(*text = mem_strdup(b.data))) status = CADRE_ENOMEM;
    byte_buffer_free(&b);
    return status;
}
