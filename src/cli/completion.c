/* completion.c - writes the completion for bash from the same tables as the help.
 *
 * One function of the script, _cadre_tell, is generated. It knows, for each command, the options,
 * the operands and what each option takes: one of some words, a path, a folder, several paths, or
 * nothing that could be offered (a number, free text). The rest of the script is always the same.
 * It walks over the line up to the word that is completed, to learn what is expected there. */
#include "cli/completion.h"

#include <string.h>

#include "cli/command.h"
#include "cli/help.h"

/* ---- what differs from command to command ---- */

/* The name that the script has for what follows an option */
static const char *value_of(const cadre_option *row)
{
    if (cadre_option_is_flag(row)) return "operand";
    if (row->kind == CADRE_OPTION_PATHS) return "paths";
    if (cadre_option_choice(row, 0)) return "words";
    if (row->value && !strcmp(row->value, "DIR")) return "folder";
    bool path = row->kind == CADRE_OPTION_PATH || (row->value && strstr(row->value, "FILE"));
    return path ? "path" : "nothing";
}

static void put_name(void *state, const cadre_option *row, bool first)
{
    (void)first;
    fprintf(state, " --%s", row->name);
}

static void put_value(void *state, const cadre_option *row, bool first)
{
    (void)first;
    const char *value = value_of(row), *word;
    fputs("            ", state);
    if (row->letter) fprintf(state, "-%c | ", row->letter);
    fprintf(state, "--%s) next=%s", row->name, value);
    if (!strcmp(value, "words")) {
        fputs(" words=\"", state);
        for (int i = 0; (word = cadre_option_choice(row, i)); i++)
            fprintf(state, "%s%s", i ? " " : "", word);
        fputs("\"", state);
    }
    fputs(" ;;\n", state);
}

static void put_operands(FILE *out, const command *c)
{
    const char *word;
    fputs(" operands=(", out);
    for (int i = 0; i < c->most; i++)
        fprintf(out, "%s%s", i ? " " : "", !i && c->operand_word ? "words" : "path");
    fputs(")", out);
    if (!c->operand_word) return;
    fputs(" first=\"", out);
    for (int i = 0; (word = c->operand_word(i)); i++) fprintf(out, "%s%s", i ? " " : "", word);
    fputs("\"", out);
}

static void put_case(FILE *out, const command *c)
{
    fprintf(out, "    %s)\n        options=\"", c->name);
    help_each_option(c, put_name, out);
    fputs("\"", out);
    put_operands(out, c);
    fputs("\n        case $2 in\n", out);
    help_each_option(c, put_value, out);
    fputs("        esac ;;\n", out);
}

/* ---- what is the same for all commands ---- */

static const char offer[] =
    "# _cadre_words WORDS: those that begin as what is typed, in a list as what stands after its "
    "last comma\n"
    "_cadre_words()\n"
    "{\n"
    "    local before=\n"
    "    [[ $word == *,* ]] && before=${word%,*},\n"
    "    mapfile -t COMPREPLY < <(compgen -P \"$before\" -W \"$1\" -- \"${word##*,}\")\n"
    "}\n"
    "\n"
    "# _cadre_paths -f|-d: files and folders, or folders alone\n"
    "_cadre_paths()\n"
    "{\n"
    "    compopt -o filenames 2> /dev/null\n"
    "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$word\")\n"
    "}\n"
    "\n"
    "# _cadre_operand: an option, or the operand that comes after `count` others\n"
    "_cadre_operand()\n"
    "{\n"
    "    if [[ $word == -* || $count -ge ${#operands[@]} ]]; then\n"
    "        _cadre_words \"$options\"\n"
    "    elif [ \"${operands[count]}\" = words ]; then\n"
    "        _cadre_words \"$first\"\n"
    "    else\n"
    "        _cadre_paths -f\n"
    "    fi\n"
    "}\n"
    "\n";

/* bash gives "--name=value" as three words. Only an option of several paths takes more after its
 * first value. */
static const char walk[] =
    "_cadre()\n"
    "{\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} i count=0 equals=\n"
    "    local next=operand options= operands=() first= words=\n"
    "    COMPREPLY=()\n"
    "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
    "        _cadre_tell \"\" \"\"\n"
    "        _cadre_words \"$first\"\n"
    "        return\n"
    "    fi\n"
    "    _cadre_tell \"$command\" \"\"\n"
    "    for ((i = 2; i <= COMP_CWORD; i++)); do\n"
    "        if [ \"${COMP_WORDS[i]}\" = = ]; then\n"
    "            equals=1\n"
    "            [ $next != operand ] || next=nothing\n"
    "            [ $i = \"$COMP_CWORD\" ] && word=\n"
    "            continue\n"
    "        fi\n"
    "        [ $i = \"$COMP_CWORD\" ] && break\n"
    "        case ${COMP_WORDS[i]} in\n"
    "            -*) next=operand equals= && _cadre_tell \"$command\" \"${COMP_WORDS[i]}\" ;;\n"
    "            *)\n"
    "                [ $next != operand ] || count=$((count + 1))\n"
    "                [ $next = paths ] && [ -z \"$equals\" ] || next=operand ;;\n"
    "        esac\n"
    "    done\n"
    "    [[ $next == paths && $word == -* ]] && next=operand\n"
    "    case $next in\n"
    "        operand) _cadre_operand ;;\n"
    "        words) _cadre_words \"$words\" ;;\n"
    "        path | paths) _cadre_paths -f ;;\n"
    "        folder) _cadre_paths -d ;;\n"
    "    esac\n"
    "}\n"
    "complete -F _cadre cadre\n";

void completion_put(FILE *out)
{
    fputs("# completion of cadre for bash\n\n"
          "# _cadre_tell COMMAND OPTION: the command's options and operands, and what comes next "
          "after that option\n"
          "_cadre_tell()\n{\n    case $1 in\n",
        out);
    fputs("    '') first=\"", out);
    for (int i = 0; commands[i]; i++) fprintf(out, "%s ", commands[i]->name);
    fputs("--help --version\" ;;\n", out);
    for (int i = 0; commands[i]; i++) put_case(out, commands[i]);
    fputs("    esac\n}\n\n", out);
    fputs(offer, out);
    fputs(walk, out);
}
