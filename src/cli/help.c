/* help.c - writes help for a terminal from THE LIST and the option tables. */
#include "cli/help.h"

#include <stdarg.h>
#include <string.h>

enum { WIDTH = 100, INDENT = 28, SENTENCE = 1024 };

const char help_purpose[] = "Mixture-of-Experts: train, inspect and run sparse language models";

/* ---- the parts of a row ---- */

static void append(char *text, size_t size, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    vsnprintf(text + used, size - used, format, args);
    va_end(args);
}

static void append_choices(const cadre_option *row, const char *separator, char *text, size_t size)
{
    const char *word;
    for (int i = 0; (word = cadre_option_choice(row, i)); i++)
        append(text, size, "%s%s", i ? separator : "", word);
}

const char *help_value(const cadre_option *row, char *text, size_t size)
{
    static const char *const by_kind[] = {
        [CADRE_OPTION_FLAG] = "",
        [CADRE_OPTION_INT] = "N",
        [CADRE_OPTION_REAL] = "X",
        [CADRE_OPTION_TEXT] = "TEXT",
        [CADRE_OPTION_PATH] = "PATH",
        [CADRE_OPTION_CHOICE] = "WORD",
        [CADRE_OPTION_INTS] = "N[,N]",
        [CADRE_OPTION_CHOICES] = "LIST",
        [CADRE_OPTION_PATHS] = "PATH...",
        [CADRE_OPTION_TEXTS] = "TEXT",
        [CADRE_OPTION_REALS] = "X[,X]",
        [CADRE_OPTION_SIZE] = "SIZE",
        [CADRE_OPTION_FLAGS] = "",
    };
    text[0] = 0;
    if (row->kind == CADRE_OPTION_CHOICE && !row->value) append_choices(row, "|", text, size);
    else append(text, size, "%s", row->value ? row->value : by_kind[row->kind]);
    return text;
}

const char *help_sentence(const cadre_option *row, char *text, size_t size)
{
    text[0] = 0;
    append(text, size, "%s", row->help);
    if (!row->meaning &&
        ((row->kind == CADRE_OPTION_CHOICE && row->value) || row->kind == CADRE_OPTION_CHOICES)) {
        append(text, size, ": ");
        append_choices(row, ", ", text, size);
    }
    if (row->fallback) append(text, size, " (default: %s)", row->fallback);
    if (row->meaning) append(text, size, ":");
    return text;
}

static bool seen_before(const cadre_option_table *tables, int t, int i)
{
    for (int u = 0; u <= t; u++)
        for (int j = 0; j < (u < t ? tables[u].count : i); j++)
            if (!strcmp(tables[u].rows[j].subject, tables[t].rows[i].subject)) return true;
    return false;
}

static void visit_subject(const cadre_option_table *tables, int count, const char *subject,
    help_visit *visit, void *state)
{
    bool first = true;
    for (int t = 0; t < count; t++)
        for (int i = 0; i < tables[t].count; i++)
            if (!strcmp(tables[t].rows[i].subject, subject)) {
                visit(state, &tables[t].rows[i], first);
                first = false;
            }
}

void help_each_option(const command *c, help_visit *visit, void *state)
{
    cadre_option_table tables[ALL_TABLES];
    int count = command_tables(c, tables);
    for (int t = 0; t < count; t++)
        for (int i = 0; i < tables[t].count; i++)
            if (!seen_before(tables, t, i))
                visit_subject(tables, count, tables[t].rows[i].subject, visit, state);
}

/* ---- on the terminal ---- */

/* Prints one paragraph [length] in lines of at most WIDTH, beginning at `column`. Further lines
 * begin at `indent`. */
static void print_wrapped(FILE *out, const char *text, size_t length, int column, int indent)
{
    const char *end = text + length;
    for (bool first = true; text < end; first = false) {
        int word = (int)strcspn(text, " ");
        if (word > end - text) word = (int)(end - text);
        if (!first && column + 1 + word > WIDTH) column = fprintf(out, "\n%*s", indent, "") - 1;
        else if (!first) column += fprintf(out, " ");
        column += fprintf(out, "%.*s", word, text);
        text += word + 1;
    }
    fputc('\n', out);
}

/* Prints paragraphs with an empty line between them. */
static void print_paragraphs(FILE *out, const char *text)
{
    for (const char *end; (end = strstr(text, "\n\n")); text = end + 2) {
        print_wrapped(out, text, (size_t)(end - text), 0, 0);
        fputc('\n', out);
    }
    print_wrapped(out, text, strlen(text), 0, 0);
}

/* Prints the words of an option and what they mean, one on each line. */
static void print_meanings(FILE *out, const cadre_option *row)
{
    const char *word;
    for (int i = 0; row->meaning && (word = cadre_option_choice(row, i)); i++) {
        const char *meaning = row->meaning(i);
        int column = fprintf(out, "    %-*s", INDENT - 4, word);
        print_wrapped(out, meaning, strlen(meaning), column, INDENT);
    }
}

static void print_option(void *state, const cadre_option *row, bool first)
{
    FILE *out = state;
    char value[256], sentence[SENTENCE], left[320];
    if (first) fprintf(out, "\n%s\n", row->subject);
    help_value(row, value, sizeof value);
    char letter[8] = "";
    if (row->letter) snprintf(letter, sizeof letter, "-%c, ", row->letter);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, row->name, *value ? " " : "", value);
    int column = fprintf(out, "%-*s", INDENT, left);
    if (strlen(left) >= INDENT) column = fprintf(out, "\n%*s", INDENT, "") - 1;
    help_sentence(row, sentence, sizeof sentence);
    print_wrapped(out, sentence, strlen(sentence), column, INDENT);
    print_meanings(out, row);
}

static void print_examples(FILE *out, const command *c)
{
    if (!c->examples) return;
    fprintf(out, "\nExamples\n");
    for (const char *const *line = c->examples; *line; line += 2)
        fprintf(out, "  # %s\n  %s\n", line[0], line[1]);
}

void help_command(FILE *out, const command *c)
{
    fprintf(out, "cadre %s - %s\n\nusage: cadre %s%s%s [OPTION...]\n\n", c->name, c->summary,
        c->name, *c->operands ? " " : "", c->operands);
    print_paragraphs(out, c->description);
    help_each_option(c, print_option, out);
    print_examples(out, c);
}

void help_overview(FILE *out)
{
    fprintf(out, "cadre %s - %s\n\nusage: cadre COMMAND [OPTION...]\n\n", cadre_version(),
        help_purpose);
    for (int i = 0; commands[i]; i++)
        fprintf(out, "  %-13s  %s\n", commands[i]->name, commands[i]->summary);
    fprintf(out, "\n'cadre COMMAND --help' describes a command and its options.\n"
                 "MODEL is a Hugging Face folder or a GGUF file.\n");
}
