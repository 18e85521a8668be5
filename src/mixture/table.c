/* table.c - reads CSV, cell by cell: those of the first line as names, all others as numbers. */
#include "mixture/table.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/utf8.h"
#include "format/quote.h"

enum { PLACE = 1024, LONGEST_NUMBER = 400, LONGEST_NAME = 1000, MOST_COLUMNS = 65536 };

/* ---- cells ---- */

typedef struct csv {
    const char *path;
    const char *at, *end;
    int64_t line;        /* the line of `at`, from 1 */
    byte_buffer written; /* a quoted cell without its quotes */
} csv;

static cadre_status refuse(const csv *c, int64_t line, int64_t column, const char *what)
{
    char place[PLACE];
    snprintf(place, sizeof place, "%s:%lld", c->path, (long long)line);
    return cadre_fail(CADRE_EFORMAT, place, "column %lld: %s", (long long)column + 1, what);
}

static bool at_line_end(const csv *c)
{
    return c->at == c->end || *c->at == '\n' || *c->at == '\r';
}

static void pass_line_end(csv *c)
{
    if (c->at < c->end && *c->at == '\r') c->at++;
    if (c->at < c->end && *c->at == '\n') c->at++;
    c->line++;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static void pass_blanks(csv *c)
{
    while (c->at < c->end && is_blank(*c->at)) c->at++;
}

/* Goes to the next line that is not blank. Returns false if there is none. */
static bool find_row(csv *c)
{
    for (;;) {
        const char *start = c->at;
        pass_blanks(c);
        if (c->at == c->end) return false;
        if (!at_line_end(c)) {
            c->at = start;
            return true;
        }
        pass_line_end(c);
    }
}

static cadre_status take_quoted(csv *c, int64_t column, string_view *cell)
{
    int64_t line = c->line;
    c->written.size = 0;
    for (c->at++; c->at < c->end; c->at++) {
        if (*c->at == '"' && (c->at + 1 == c->end || c->at[1] != '"')) break;
        c->at += *c->at == '"';
        c->line += *c->at == '\n';
        CADRE_TRY(byte_buffer_put(&c->written, c->at, 1));
    }
    if (c->at == c->end)
        return refuse(c, line, column, "expected a second quote, found the end of the file");
    c->at++;
    pass_blanks(c);
    if (!at_line_end(c) && *c->at != ',')
        return refuse(c, line, column, "expected a comma after the second quote, found more");
    *cell = (string_view){ c->written.size ? c->written.data : "", c->written.size };
    return CADRE_OK;
}

/* Takes the next cell of the row, without the blanks around it. Leaves `at` at the comma or line
 * end after it. */
static cadre_status take_cell(csv *c, int64_t column, string_view *cell)
{
    pass_blanks(c);
    if (c->at < c->end && *c->at == '"') return take_quoted(c, column, cell);
    const char *begin = c->at;
    while (!at_line_end(c) && *c->at != ',') c->at++;
    const char *last = c->at;
    while (last > begin && is_blank(last[-1])) last--;
    *cell = (string_view){ begin, (size_t)(last - begin) };
    return CADRE_OK;
}

/* Steps over the comma. Returns false, after stepping over the line end, if the row is finished. */
static bool another_cell(csv *c)
{
    if (c->at < c->end && *c->at == ',') {
        c->at++;
        return true;
    }
    pass_line_end(c);
    return false;
}

/* ---- names ---- */

int64_t table_column(const table *t, const char *name, size_t size)
{
    for (int64_t i = 0; i < t->columns; i++)
        if (strlen(t->name[i]) == size && !memcmp(t->name[i], name, size)) return i;
    return -1;
}

static cadre_status check_name(const csv *c, const table *t, int64_t line, string_view cell)
{
    if (!cell.size) return refuse(c, line, t->columns, "expected a name, found nothing");
    if (cell.size > LONGEST_NAME)
        return refuse(c, line, t->columns, "expected a name of at most 1000 bytes, found more");
    if (!utf8_valid(cell.data, cell.size) || memchr(cell.data, 0, cell.size))
        return refuse(c, line, t->columns, "expected a name in UTF-8, found other bytes");
    if (t->columns == MOST_COLUMNS)
        return refuse(c, line, t->columns, "expected at most 65536 columns, found more");
    int64_t other = table_column(t, cell.data, cell.size);
    if (other < 0) return CADRE_OK;
    char place[PLACE];
    snprintf(place, sizeof place, "%s:%lld", c->path, (long long)line);
    return cadre_fail(CADRE_EFORMAT, place,
        "column %lld: expected a name of its own, found '%s' as in column %lld",
        (long long)t->columns + 1, quote_bytes(cell.data, cell.size).text, (long long)other + 1);
}

static cadre_status add_name(table *t, size_t *room, string_view cell)
{
    CADRE_TRY(buffer_grow((void **)&t->name, (size_t)t->columns, room, 1, sizeof *t->name));
    char *name = mem_printf("%.*s", (int)cell.size, cell.data);
    if (!name) return CADRE_ENOMEM;
    t->name[t->columns++] = name;
    return CADRE_OK;
}

static cadre_status read_names(csv *c, table *t)
{
    size_t room = 0;
    int64_t line = c->line;
    do {
        string_view cell;
        CADRE_TRY(take_cell(c, t->columns, &cell));
        CADRE_TRY(check_name(c, t, line, cell));
        CADRE_TRY(add_name(t, &room, cell));
    } while (another_cell(c));
    return CADRE_OK;
}

static csv csv_of(const table *t, size_t from, int64_t line)
{
    const char *text = (const char *)t->map.data;
    return (csv){ .path = t->path, .at = text + from, .end = text + t->map.size, .line = line };
}

static cadre_status read_head(table *t)
{
    static const char mark[] =
        "\xef\xbb\xbf"; /* the byte order mark, with which some programs begin */
    bool marked = t->map.size >= 3 && !memcmp(t->map.data, mark, 3);
    if (!t->map.size)
        return cadre_fail(CADRE_EFORMAT, t->path, "expected a table, found an empty file");
    csv c = csv_of(t, marked ? 3 : 0, 1);
    if (!find_row(&c))
        return cadre_fail(CADRE_EFORMAT, t->path, "expected a table, found empty lines");
    cadre_status status = read_names(&c, t);
    byte_buffer_free(&c.written);
    t->body = (size_t)(c.at - (const char *)t->map.data);
    t->lines = c.line - 1;
    return status;
}

cadre_status table_open(const char *path, table *t)
{
    *t = (table){ .path = path };
    CADRE_TRY(file_map_open(path, &t->map));
    cadre_status status = read_head(t);
    if (status == CADRE_OK && t->columns == 1 && strpbrk(t->name[0], ";\t")) {
        status = cadre_fail(CADRE_EFORMAT, path, "expected cells between commas, found '%s'",
            quote_text(t->name[0]).text);
        cadre_fail_advice("semicolons and tabs do not separate cells here");
    }
    if (status != CADRE_OK) table_close(t);
    return status;
}

void table_close(table *t)
{
    for (int64_t i = 0; i < t->columns; i++) mem_free(t->name[i]);
    mem_free(t->name);
    file_map_close(&t->map);
    *t = (table){ 0 };
}

/* ---- numbers ---- */

/* Whether a cell is decimal digits with a point and an exponent, and nothing else that strtod would
 * accept; *value is set. */
static bool number_of(string_view cell, double *value)
{
    char text[LONGEST_NUMBER + 1], *end;
    if (!cell.size || cell.size > LONGEST_NUMBER) return false;
    memcpy(text, cell.data, cell.size);
    text[cell.size] = '\0';
    if (strspn(text, "0123456789+-.eE") != cell.size) return false;
    *value = strtod(text, &end);
    return end == text + cell.size && isfinite(*value);
}

typedef struct reading {
    const table *table;
    int64_t *slot; /* [columns] where a column's numbers go; -1: nowhere */
    table_numbers *numbers;
    size_t value_room, line_room;
} reading;

static cadre_status put_cell(
    const csv *c, const reading *r, int64_t line, int64_t column, string_view cell)
{
    const table_numbers *n = r->numbers;
    int64_t slot = r->slot[column];
    if (slot < 0 || number_of(cell, &n->value[n->rows * n->columns + slot])) return CADRE_OK;
    char place[PLACE];
    snprintf(place, sizeof place, "%s:%lld", c->path, (long long)line);
    quote found = quote_bytes(cell.data, cell.size);
    return cadre_fail(CADRE_EFORMAT, place, "column %lld ('%s'): expected a number, found %s%s%s",
        (long long)column + 1, quote_text(r->table->name[column]).text, cell.size ? "'" : "",
        cell.size ? found.text : "nothing", cell.size ? "'" : "");
}

static cadre_status refuse_width(const csv *c, const reading *r, int64_t line, int64_t found)
{
    char place[PLACE];
    snprintf(place, sizeof place, "%s:%lld", c->path, (long long)line);
    return cadre_fail(CADRE_EFORMAT, place,
        "expected %lld cells, as line 1 has names, found %s%lld", (long long)r->table->columns,
        found > r->table->columns ? "at least " : "", (long long)found);
}

static cadre_status make_room(reading *r)
{
    table_numbers *n = r->numbers;
    CADRE_TRY(buffer_grow((void **)&n->value, (size_t)(n->rows * n->columns), &r->value_room,
        (size_t)n->columns, sizeof *n->value));
    return buffer_grow((void **)&n->line, (size_t)n->rows, &r->line_room, 1, sizeof *n->line);
}

static cadre_status read_row(csv *c, reading *r)
{
    int64_t line = c->line, column = 0;
    CADRE_TRY(make_room(r));
    do {
        string_view cell;
        CADRE_TRY(take_cell(c, column, &cell));
        if (column == r->table->columns) return refuse_width(c, r, line, column + 1);
        CADRE_TRY(put_cell(c, r, line, column++, cell));
    } while (another_cell(c));
    if (column < r->table->columns) return refuse_width(c, r, line, column);
    r->numbers->line[r->numbers->rows++] = line;
    return CADRE_OK;
}

static cadre_status read_rows(reading *r)
{
    csv c = csv_of(r->table, r->table->body, r->table->lines + 1);
    cadre_status status = CADRE_OK;
    while (status == CADRE_OK && find_row(&c)) status = read_row(&c, r);
    byte_buffer_free(&c.written);
    if (status == CADRE_OK && !r->numbers->rows)
        return cadre_fail(
            CADRE_EFORMAT, r->table->path, "expected rows under the names, found none");
    return status;
}

cadre_status table_read(
    const table *t, const int64_t *chosen, int64_t count, table_numbers *numbers)
{
    table_numbers made = { .columns = count };
    reading r = { .table = t, .numbers = &made, .slot = MEM_ARRAY(int64_t, t->columns) };
    if (!r.slot) return CADRE_ENOMEM;
    for (int64_t i = 0; i < t->columns; i++) r.slot[i] = -1;
    for (int64_t i = 0; i < count; i++) r.slot[chosen[i]] = i;
    cadre_status status = read_rows(&r);
    mem_free(r.slot);
    if (status == CADRE_OK) *numbers = made;
    else table_numbers_free(&made);
    return status;
}

void table_numbers_free(table_numbers *n)
{
    mem_free(n->value);
    mem_free(n->line);
    *n = (table_numbers){ 0 };
}
