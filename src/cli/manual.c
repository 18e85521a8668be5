/* manual.c - writes man pages (with groff's man macros) from the same tables as the help, and the
 * folder for them. */
#include "cli/manual.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cli/complain.h"
#include "cli/completion.h"
#include "cli/help.h"

enum { SENTENCE = 1024 };

/* Writes text with everything escaped that groff would interpret: a backslash, a dash, and a dot or
 * quote at the start of a line. */
static void put_text(FILE *out, const char *text)
{
    bool start = true;
    for (const char *c = text; *c; c++) {
        if (start && (*c == '.' || *c == '\'')) fputs("\\&", out);
        if (*c == '\\') fputs("\\e", out);
        else if (*c == '-') fputs("\\-", out);
        else if (*c == '\n' && c[1] == '\n') fputs("\n.PP", out);
        else fputc(*c, out);
        start = *c == '\n';
    }
}

static void put_title(FILE *out, const char *name, const char *summary)
{
    fputs(".TH \"", out);
    for (const char *c = name; *c; c++) fputc(toupper((unsigned char)*c), out);
    fprintf(out, "\" 1 \"\" \"cadre %s\" \"cadre\"\n.SH NAME\n", cadre_version());
    put_text(out, name);
    fputs(" \\- ", out);
    put_text(out, summary);
    fputs("\n", out);
}

/* Writes the words of an option, each with its meaning. */
static void put_meanings(FILE *out, const cadre_option *row)
{
    const char *word;
    if (!row->meaning) return;
    fputs(".RS\n", out);
    for (int i = 0; (word = cadre_option_choice(row, i)); i++) {
        fputs(".TP\n.B ", out);
        put_text(out, word);
        fputs("\n", out);
        put_text(out, row->meaning(i));
        fputs(".\n", out);
    }
    fputs(".RE\n", out);
}

static void put_option(void *state, const cadre_option *row, bool first)
{
    FILE *out = state;
    char value[256], sentence[SENTENCE];
    if (first) fprintf(out, ".SS %s\n", row->subject);
    fputs(".TP\n\\fB", out);
    if (row->letter) fprintf(out, "\\-%c\\fR, \\fB", row->letter);
    put_text(out, "--");
    put_text(out, row->name);
    fputs("\\fR", out);
    if (*help_value(row, value, sizeof value)) {
        fputs(" \\fI", out);
        put_text(out, value);
        fputs("\\fR", out);
    }
    fputs("\n", out);
    put_text(out, help_sentence(row, sentence, sizeof sentence));
    fputs(row->meaning ? "\n" : ".\n", out);
    put_meanings(out, row);
}

static void put_status(FILE *out)
{
    fputs(".SH EXIT STATUS\n"
          "0 done; 1 the world's fault (a file, memory, data); 2 bad usage; 130 interrupted.\n"
          ".SH ENVIRONMENT\n"
          ".TP\n.B CADRE_CPU\nThe kernels to use instead of the best that the processor has.\n"
          ".TP\n.B NO_COLOR\nWhere set, progress is shown without colour.\n",
        out);
}

static void put_bash(FILE *out, const command *every)
{
    (void)every;
    completion_put(out);
}

static void put_command_page(FILE *out, const command *c)
{
    char name[80];
    snprintf(name, sizeof name, "cadre-%s", c->name);
    put_title(out, name, c->summary);
    fprintf(out, ".SH SYNOPSIS\n.B cadre %s\n", c->name);
    if (*c->operands) fprintf(out, ".I %s\n", c->operands);
    fputs("[\\fIoption\\fR...]\n.SH DESCRIPTION\n", out);
    put_text(out, c->description);
    fputs("\n.SH OPTIONS\n", out);
    help_each_option(c, put_option, out);
    if (c->examples) fputs(".SH EXAMPLES\n", out);
    for (const char *const *line = c->examples; line && *line; line += 2) {
        fputs(".TP\n", out);
        put_text(out, line[0]);
        fputs("\n.B ", out);
        put_text(out, line[1]);
        fputs("\n", out);
    }
    put_status(out);
    fputs(".SH SEE ALSO\n.BR cadre (1)\n", out);
}

static void put_overview_page(FILE *out, const command *c)
{
    (void)c;
    put_title(out, "cadre", help_purpose);
    fputs(".SH SYNOPSIS\n.B cadre\n\\fIcommand\\fR [\\fIoption\\fR...]\n.SH DESCRIPTION\n"
          "Results go to stdout, everything else to stderr. MODEL is a Hugging Face folder or a "
          "GGUF file.\n.SH COMMANDS\n",
        out);
    for (int i = 0; commands[i]; i++) {
        fprintf(out, ".TP\n.B cadre %s\n", commands[i]->name);
        put_text(out, commands[i]->summary);
        fputs(".\n", out);
    }
    put_status(out);
    fputs(".SH SEE ALSO\n", out);
    for (int i = 0; commands[i]; i++)
        fprintf(out, ".BR cadre\\-%s (1)%s\n", commands[i]->name, commands[i + 1] ? "," : "");
}

/* ---- files ---- */

static int write_page(const char *folder, const char *name,
    void (*put)(FILE *out, const command *c), const command *c)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return complain_world("%s: too long a path", folder);
    FILE *out = fopen(path, "w");
    if (!out) return complain_world("%s: could not be created: %s", path, strerror(errno));
    put(out, c);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed)
        return complain_world("%s: could not be written: %s", path, strerror(errno));
    return EXIT_DONE;
}

int manual_write_pages(const char *folder)
{
    int exit_code = write_page(folder, "cadre.1", put_overview_page, NULL);
    if (exit_code == EXIT_DONE) exit_code = write_page(folder, "completion.bash", put_bash, NULL);
    for (int i = 0; commands[i] && exit_code == EXIT_DONE; i++) {
        char name[80];
        snprintf(name, sizeof name, "cadre-%s.1", commands[i]->name);
        exit_code = write_page(folder, name, put_command_page, commands[i]);
    }
    return exit_code;
}
