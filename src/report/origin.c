/* origin.c - where a run or a recording came from. */
#include "report/origin.h"

#include <time.h>

#include "base/file.h"
#include "base/memory.h"
#include "report/html.h"

enum { NAMED = 12 }; /* domains and paths at most */

bool origin_has_data(const training_run *r) { return r->analysis.domains || json_count(&r->data); }

void origin_put_data(byte_buffer *page, const training_run *r)
{
    int named = 0;
    for (; named < r->analysis.domains && named < NAMED; named++) {
        if (named) byte_buffer_text(page, ", ");
        html_cut(page, r->analysis.domain[named].name, 24);
    }
    if (named < r->analysis.domains)
        byte_buffer_format(page, " and %d more domains", r->analysis.domains - named);
    for (size_t i = 0; i < json_count(&r->data) && i < NAMED; i++) {
        const char *text = "";
        json_node path = json_item(&r->data, i);
        if (json_as_string(&path, &text, NULL) != CADRE_OK) continue;
        byte_buffer_text(page, i ? ", " : named ? " from <code>" : "<code>");
        html_cut(page, text, 120);
    }
    if (json_count(&r->data)) byte_buffer_text(page, "</code>");
}

void origin_date_of(const recording *r, char date[ORIGIN_DATE])
{
    time_t seconds = (time_t)r->written;
    struct tm day;
    *date = 0;
    if (r->written && gmtime_r(&seconds, &day))
        strftime(date, ORIGIN_DATE, "%Y-%m-%d %H:%M UTC", &day);
}

static char *title_of(const char *name, const char *data, const char *date)
{
    return mem_printf("%s%s%s%s%s", name, *data ? " on " : "", data, *date ? ", " : "", date);
}

char *origin_title(const char *name, const training_run *r)
{
    const char *data = "";
    json_node path = json_count(&r->data) ? json_item(&r->data, 0) : (json_node){ 0 };
    if (path.value && json_as_string(&path, &data, NULL) != CADRE_OK) data = "";
    return title_of(name, data, r->date);
}

char *origin_title_of_recording(const char *name, const recording *r)
{
    char date[ORIGIN_DATE];
    origin_date_of(r, date);
    return title_of(name, file_base(r->model), date);
}
