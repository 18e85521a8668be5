/* preference.c - reads the lines, and computes the loss of a pair. */
#include "train/preference.h"

#include <math.h>

#include "base/memory.h"
#include "base/random.h"
#include "format/json_lines.h"

enum { PARTS = 3, MOST_TOKENS = 1 << 20 /* of a part */ };
static const char *const parts[PARTS] = { "prompt", "chosen", "rejected" };

/* ---- reading ---- */

typedef struct reading {
    const tokenizer *tokenizer;
    int64_t vocabulary;
    token_list ids;
    int64_t *start;
    int64_t count, room; /* of starts */
} reading;

static cadre_status add_ids(reading *r, const json_node *list)
{
    for (size_t i = 0; i < json_count(list); i++) {
        json_node item = json_item(list, i);
        int64_t id;
        CADRE_TRY(json_as_int(&item, 0, r->vocabulary - 1, &id));
        CADRE_TRY(token_list_put(&r->ids, (int32_t)id));
    }
    return CADRE_OK;
}

static cadre_status add_text(reading *r, const json_node *text, bool first)
{
    const char *value;
    size_t size;
    CADRE_TRY(json_as_string(text, &value, &size));
    if (!r->tokenizer) return json_refuse(text, "ids, as the model has no tokenizer");
    return tokenizer_encode(r->tokenizer, value, size, first ? CADRE_ADD_SPECIAL : 0, &r->ids);
}

static cadre_status add_start(reading *r)
{
    if (r->count == r->room) {
        int64_t room = r->room ? 2 * r->room : 1 << 10;
        int64_t *more = mem_resize(r->start, (size_t)r->room, (size_t)room, sizeof *more);
        if (!more) return CADRE_ENOMEM;
        r->start = more;
        r->room = room;
    }
    r->start[r->count++] = (int64_t)r->ids.count;
    return CADRE_OK;
}

static cadre_status add_part(reading *r, const json_node *root, int part)
{
    json_node value = json_member(root, parts[part]);
    CADRE_TRY(add_start(r));
    size_t before = r->ids.count;
    if (json_kind_of(&value) == JSON_KIND_STRING) CADRE_TRY(add_text(r, &value, part == 0));
    else if (json_kind_of(&value) == JSON_KIND_ARRAY) CADRE_TRY(add_ids(r, &value));
    else return json_refuse(&value, "a text, or a list of ids");
    size_t added = r->ids.count - before;
    return added && added <= MOST_TOKENS ? CADRE_OK
                                         : json_refuse(&value, "at least one token, at most 2^20");
}

static cadre_status add_line(reading *r, const json_document *line)
{
    json_node root = json_root(line);
    CADRE_TRY(json_as_object(&root));
    for (int i = 0; i < PARTS; i++) CADRE_TRY(add_part(r, &root, i));
    return CADRE_OK;
}

static cadre_status read_lines(json_lines *lines, reading *r)
{
    for (;;) {
        json_document *line;
        CADRE_TRY(lines_next(lines, &line));
        if (!line) return CADRE_OK;
        cadre_status status = add_line(r, line);
        json_close(line);
        CADRE_TRY(status);
    }
}

static int64_t tokens_of(const preference_set *s, int64_t pair, int part)
{
    return s->start[PARTS * pair + part + 1] - s->start[PARTS * pair + part];
}

/* Takes what was read. A row predicts all but its first token. */
static cadre_status take(reading *r, const char *path, preference_set *s)
{
    CADRE_TRY(add_start(r));
    *s = (preference_set){ .pairs = r->count / PARTS, .ids = r->ids.ids, .start = r->start };
    r->ids = (token_list){ 0 };
    r->start = NULL;
    if (!s->pairs) return cadre_fail(CADRE_EFORMAT, path, "expected pairs of answers, found none");
    s->reference = MEM_ARRAY(double, 2 * s->pairs);
    if (!s->reference) return CADRE_ENOMEM;
    for (int64_t i = 0; i < s->pairs; i++)
        for (int part = 1; part < PARTS; part++) {
            int64_t needs = tokens_of(s, i, 0) + tokens_of(s, i, part) - 1;
            if (needs > s->longest) s->longest = needs;
        }
    return CADRE_OK;
}

cadre_status preference_read(
    const char *path, const tokenizer *t, int64_t vocabulary, preference_set *s)
{
    json_lines lines;
    reading r = { .tokenizer = t, .vocabulary = vocabulary };
    *s = (preference_set){ 0 };
    CADRE_TRY(lines_open(path, &lines));
    cadre_status status = read_lines(&lines, &r);
    if (status == CADRE_OK) status = take(&r, path, s);
    lines_close(&lines);
    token_list_free(&r.ids);
    mem_free(r.start);
    return status;
}

void preference_free(preference_set *s)
{
    mem_free(s->ids);
    mem_free(s->start);
    mem_free(s->reference);
    *s = (preference_set){ 0 };
}

/* ---- rows ---- */

void preference_row(
    const preference_set *s, int64_t row, int64_t context, int32_t *inputs, int32_t *targets)
{
    int64_t pair = row / 2;
    int part = 1 + (int)(row % 2);
    int64_t prompt = tokens_of(s, pair, 0), answer = tokens_of(s, pair, part);
    const int32_t *before = s->ids + s->start[PARTS * pair],
                  *after = s->ids + s->start[PARTS * pair + part];
    for (int64_t i = 0; i < context; i++) {
        int64_t next = i + 1 - prompt; /* place in the answer of what follows token i */
        inputs[i] = i < prompt ? before[i] : i - prompt < answer ? after[i - prompt] : 0;
        targets[i] = next >= 0 && next < answer ? after[next] : -1;
    }
}

int64_t preference_at(const preference_set *s, uint64_t seed, int64_t batch, int64_t at)
{
    int64_t epoch = at / s->pairs, index = at % s->pairs;
    if (s->pairs <= batch) return index;
    random_key key = random_key_of(seed, "preferences", (uint64_t)epoch, 0);
    return (int64_t)random_permute(key, (uint64_t)s->pairs, (uint64_t)index);
}

/* ---- the loss ---- */

double preference_loss(
    double beta, const double minus[2], const double reference[2], double *margin, double *weight)
{
    double z = beta * ((-minus[0] - reference[0]) - (-minus[1] - reference[1]));
    double far = exp(-fabs(z)); /* e^-|z| */
    *margin = z;
    *weight = beta * (z > 0 ? far / (1 + far) : 1 / (1 + far)); /* sigmoid(-z) */
    return log1p(far) + (z < 0 ? -z : 0);
}
