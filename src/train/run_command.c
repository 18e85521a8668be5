/* run_command.c - writes the command line that a run was started with, quoted for a shell. */
#include "base/command_line.h"
#include "base/memory.h"
#include "train/run.h"

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
        for (int i = 0; i < count; i++) command_line_put(b, cadre_options_text(o, row->name, i));
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
