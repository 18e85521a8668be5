/* nearest.c - what a person may have meant: the candidate at the smallest edit distance.
 *
 * The distance is Damerau's restricted one: a letter more, a letter less, another letter, or two
 * neighbours swapped count 1 each. A candidate is named when the distance is at most a third of the
 * word's letters, rounded up, or when it begins with the word. Of several that begin with the word,
 * the shortest is named. */
#include <string.h>

#include "cadre/options.h"

enum { LONGEST = 63 }; /* longer words are not compared */

static int least(int a, int b) { return a < b ? a : b; }

static int edit_distance(const char *a, int n, const char *b, int m)
{
    int rows[3][LONGEST + 1]; /* the rows i, i-1 and i-2 of the table take turns */
    for (int j = 0; j <= m; j++) rows[0][j] = j;
    for (int i = 1; i <= n; i++) {
        int *now = rows[i % 3], *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (int j = 1; j <= m; j++) {
            now[j] =
                least(before[j - 1] + (a[i - 1] != b[j - 1]), 1 + least(before[j], now[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], earlier[j - 2] + 1);
        }
    }
    return rows[n % 3][m];
}

const char *cadre_nearest(const char *word, const char *const *candidates, int count)
{
    size_t length = strlen(word);
    if (length < 2 || length > LONGEST) return NULL;
    const char *found = NULL;
    int best = ((int)length + 2) / 3, best_edits = 0;
    for (int i = 0; i < count; i++) {
        size_t other = strlen(candidates[i]);
        if (other > LONGEST) continue;
        int edits = edit_distance(word, (int)length, candidates[i], (int)other);
        int distance = strncmp(word, candidates[i], length) ? edits : 1;
        if (distance > best || (distance == best && found && edits >= best_edits)) continue;
        best = distance;
        best_edits = edits;
        found = candidates[i];
    }
    return found;
}
