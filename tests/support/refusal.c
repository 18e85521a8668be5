/* refusal.c - one sentence: the file, what was expected, what was found; perhaps advice. */
#include "support/refusal.h"

#include <stdio.h>
#include <string.h>

static bool plain(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) return false;
    return true;
}

/* One, and perhaps a second one of advice */
static bool plain_line(const char *text)
{
    const char *advice = strchr(text, '\n');
    size_t length = advice ? (size_t)(advice - text) : strlen(text);
    if (advice && (!plain(advice + 1, strlen(advice + 1)) || strlen(advice) > 600)) return false;
    return plain(text, length) && length > 10 && length < 400;
}

bool refusal_is_good(const char *kind, cadre_status status, const char *path, const char *phrase)
{
    const char *sentence = cadre_last_error(), *why = NULL;
    if (status == CADRE_OK) why = "was accepted";
    else if (status != CADRE_EFORMAT && status != CADRE_EUNSUPPORTED && status != CADRE_EMISMATCH)
        why = "has an odd status";
    else if (strncmp(sentence, path, strlen(path)) || strncmp(sentence + strlen(path), ": ", 2))
        why = "does not name the file";
    else if (!plain_line(sentence)) why = "is not one plain line";
    else if (!strstr(sentence, phrase)) why = "says something else";
    if (why)
        printf("    %s: %s: status %d, \"%s\", wanted \"%s\"\n", kind, why, (int)status, sentence,
            phrase);
    return !why;
}
