/* cadre_attention.c - reads and writes words, each the place of a value in its list. */
#include "arch/cadre_attention.h"

#include <string.h>

typedef struct word_key {
    const char *key, *words; /* all of them, for an error */
    const char *word[4];
} word_key;

static const word_key qk_norms = { "qk_norm", "none, head or full",
    { [QK_NORM_NONE] = "none", [QK_NORM_HEAD] = "head", [QK_NORM_FULL] = "full" } };
static const word_key gatings = { "attention_gate", "none, queries, elements or heads",
    { [GATE_NONE] = "none",
        [GATE_IN_QUERIES] = "queries",
        [GATE_ELEMENTS] = "elements",
        [GATE_HEADS] = "heads" } };

/* Sets *value to the word's place; 0 if the key is absent. */
static cadre_status read_word(const json_node *root, const word_key *k, int *value)
{
    const char *word = k->word[0];
    CADRE_TRY(json_opt_string(root, k->key, &word));
    for (int i = 0; i < 4 && k->word[i]; i++)
        if (!strcmp(word, k->word[i])) {
            *value = i;
            return CADRE_OK;
        }
    return cadre_fail(
        CADRE_EUNSUPPORTED, root->file, "%s: expected %s, found \"%s\"", k->key, k->words, word);
}

cadre_status cadre_attention_read(const json_node *root, model_config *config)
{
    int norm = 0, gating = 0;
    CADRE_TRY(read_word(root, &qk_norms, &norm));
    CADRE_TRY(read_word(root, &gatings, &gating));
    config->qk_norm = (qk_norm)norm;
    config->gating = (output_gating)gating;
    return CADRE_OK;
}

void cadre_attention_write(const model_config *config, json_writer *w)
{
    json_put_string(w, qk_norms.key, qk_norms.word[config->qk_norm]);
    if (config->gating) json_put_string(w, gatings.key, gatings.word[config->gating]);
}
