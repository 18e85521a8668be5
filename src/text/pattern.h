/* pattern.h - regular expressions of tokenizers, run by PCRE2 under limits.
 *
 * tokenizer.json holds patterns in Oniguruma's syntax. They are rewritten for PCRE2 where the two
 * differ (what \s, \w, \d, \h and script names mean, how ^ and $ see lines, {2}+); a construct
 * without an exact counterpart is refused. A pattern comes from a stranger and runs like a program,
 * so every match has a limit of steps. The limit starts small and is raised only for matches that
 * need more, from an allowance that grows with the text: scanning a whole text takes O(n log n)
 * steps. Memory has a limit too. */
#ifndef CADRE_TEXT_PATTERN_H
#define CADRE_TEXT_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "base/status.h"

typedef struct pattern pattern;

/* `where` names the pattern in errors; both strings are copied as far as needed. */
cadre_status pattern_new(
    const char *regex, size_t size, const char *path, const char *where, pattern **p);
cadre_status pattern_new_literal(
    const char *text, size_t size, const char *path, const char *where, pattern **p);
void pattern_free(pattern *p);
/* Whether both were compiled from the same text, or are both NULL */
bool pattern_same(const pattern *a, const pattern *b);

/* Rewrites a pattern as described above. */
cadre_status pattern_translate(
    const char *regex, size_t size, const char *path, const char *where, byte_buffer *out);

/* The matching state of one thread. It works with any pattern, on one text at a time. */
typedef struct pattern_scan pattern_scan;
cadre_status pattern_scan_new(pattern_scan **s);
void pattern_scan_free(pattern_scan *s);

/* Begins a scan of well-formed UTF-8. The text is borrowed until the scan is over. */
void pattern_scan_start(pattern_scan *s, const pattern *p, const char *text, size_t size);

/* Finds the next match, which does not overlap the last one. An empty match is reported too, unless
 * it lies at the end of the previous match. */
cadre_status pattern_scan_next(pattern_scan *s, bool *found, size_t *begin, size_t *end);

#endif
