/* schema_fuzz.c - any bytes as a JSON schema: refused, or a grammar whose texts are JSON. The way
 * through it is drawn by the schema's own bytes. */
#include "fuzz.h"

#include <string.h>

#include "format/json.h"
#include "grammar/pushdown.h"
#include "grammar/schema.h"

enum { LONGEST = 600 };

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* A byte that may come: once the text is long, one that ends something, where there is one. */
static int choose(pushdown *p, state_id state, size_t length, uint64_t *seed)
{
    static const char ends[] = "\"}]";
    int from = (int)(next(seed) % 256);
    for (int i = 0; length > LONGEST / 2 && ends[i]; i++)
        if (pushdown_step(p, state, (uint8_t)ends[i])) return ends[i];
    for (int i = 0; i < 256; i++)
        if (pushdown_step(p, state, (uint8_t)(from + i))) return (from + i) & 255;
    return -1;
}

static void write_text(pushdown *p, uint64_t seed)
{
    char text[LONGEST];
    size_t length = 0;
    state_id state = p->start;
    json_document *document;
    for (; length < LONGEST; length++) {
        int byte = choose(p, state, length, &seed);
        fuzz_require(p->status == CADRE_OK && (byte >= 0 || p->states[state].ends));
        if (byte < 0 || (p->states[state].ends && next(&seed) % 4 == 0)) break;
        text[length] = (char)byte;
        state = pushdown_step(p, state, (uint8_t)byte);
    }
    if (length == LONGEST) return;
    cadre_status status = json_parse_dense("text", text, length, &document);
    /* Only names that come twice are refused in what a grammar writes */
    fuzz_require(status == CADRE_OK || strstr(cadre_last_error(), "duplicate"));
    if (status == CADRE_OK) json_close(document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    network n;
    pushdown p;
    node_id piece = NETWORK_DEAD;
    uint64_t seed = size;
    for (size_t i = 0; i < size; i++) seed = seed * 31 + data[i];
    fuzz_require(network_open(&n, "schema") == CADRE_OK);
    cadre_status status = schema_read(&n, "schema", (const char *)data, size, &piece);
    if (status == CADRE_OK) status = network_measure(&n);
    if (status == CADRE_OK) status = pushdown_open(&p, &n, piece);
    if (status == CADRE_OK) {
        for (int i = 0; i < 4 && p.start; i++) write_text(&p, seed + (uint64_t)i);
        pushdown_close(&p);
    } else {
        fuzz_require(strlen(cadre_last_error()) > 0);
    }
    network_free(&n);
    return 0;
}
