/* run_cache.c - the cache of what is made of large texts, in a folder .cadre beside them:
 *
 *     .cadre/NAME-SOURCES-HOW.tokens    the tokens of a domain (text/token_store.h)
 *     .cadre/vocabulary-KEY.json        a vocabulary that was learnt from the texts
 *
 * SOURCES is a hash of the names, sizes and modification times of a domain's files, HOW a hash of
 * the vocabulary and of everything else that decides the tokens. When a domain's files have
 * changed, its old tokens are removed. The folder may be removed at any time; later runs make it
 * again. */
#include <string.h>

#include "base/destination.h"
#include "base/file.h"
#include "base/memory.h"
#include "text/corpus_domain.h"
#include "train/run.h"

enum { CACHED_FROM = 1 << 20 }; /* the tokens of domains of so many bytes, or more, are cached */
enum { DIGITS = 17 /* of a hash in a name, and the end */, VOCABULARY_MOST = 100000000 };

typedef struct cached_domain {
    hash128 sources;
    int64_t bytes;
    char *folder; /* of the cache; NULL: the domain is not cached */
} cached_domain;

typedef struct run_cache {
    cached_domain *domain; /* [count] */
    int count;
} run_cache;

/* The folder .cadre beside a file or folder of data */
static char *folder_of(const char *path)
{
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/') size--;
    while (size > 0 && path[size - 1] != '/') size--;
    return size ? mem_printf("%.*s.cadre", (int)size, path) : mem_strdup(".cadre");
}

/* Makes the cache's folder for domain i. If it cannot be made, the domain is not cached. */
static cadre_status open_folder(train_run *r, int i)
{
    cached_domain *k = &r->cache->domain[i];
    char *folder = folder_of(r->corpus->domains[i].path);
    if (!folder) return CADRE_ENOMEM;
    cadre_status status = destination_folder(folder);
    if (status == CADRE_OK) status = file_make_folder(folder);
    if (status == CADRE_OK) {
        k->folder = folder;
        r->corpus->domains[i].spool_folder = folder;
        return CADRE_OK;
    }
    train_note(r, "%s: the tokens stay in memory, as this folder cannot be written", folder);
    mem_free(folder);
    return status == CADRE_ENOMEM ? status : CADRE_OK;
}

cadre_status train_cache_open(train_run *r)
{
    int count = r->corpus->count;
    if (r->images.side) return CADRE_OK; /* the texts of images depend on the code book */
    r->cache = MEM_ARRAY(run_cache, 1);
    if (!r->cache) return CADRE_ENOMEM;
    r->cache->domain = MEM_ARRAY(cached_domain, count);
    if (!r->cache->domain) return CADRE_ENOMEM;
    r->cache->count = count;
    for (int i = 0; i < count; i++) {
        cached_domain *k = &r->cache->domain[i];
        CADRE_TRY(corpus_sources(&r->corpus->domains[i], &k->sources, &k->bytes));
        if (k->bytes >= CACHED_FROM) CADRE_TRY(open_folder(r, i));
    }
    return CADRE_OK;
}

void train_cache_close(train_run *r)
{
    if (!r->cache) return;
    for (int i = 0; i < r->cache->count; i++) mem_free(r->cache->domain[i].folder);
    mem_free(r->cache->domain);
    mem_free(r->cache);
    r->cache = NULL;
}

/* ---- names ---- */

static const char *hash_digits(hash128 hash, char word[DIGITS])
{
    snprintf(word, DIGITS, "%016llx", (unsigned long long)(hash.high ^ hash.low));
    return word;
}

/* A hash of everything but its files that decides a domain's tokens */
static hash128 how_key(const train_run *r, const corpus_ids *how)
{
    byte_buffer text = { 0 };
    char vocabulary[HASH_TEXT];
    hash128 json = hash_bytes(r->tokenizer_json.data, r->tokenizer_json.size);
    byte_buffer_format(&text, "1 %s end %d bos %d eos %d chat %s answers %d",
        hash_text(json, vocabulary), how->end, tokenizer_bos(how->tokenizer),
        tokenizer_eos(how->tokenizer), how->chat ? chat_template_name(how->chat) : "",
        how->answers_only);
    hash128 key = hash_bytes(text.data, text.size);
    byte_buffer_free(&text);
    return key;
}

static hash128 hash_pair(hash128 a, hash128 b)
{
    const hash128 pair[] = { a, b };
    return hash_bytes(pair, sizeof pair);
}

static char *path_of(const train_run *r, int i, hash128 how)
{
    const cached_domain *k = &r->cache->domain[i];
    char sources[DIGITS], word[DIGITS];
    return mem_printf("%s/%s-%s-%s.tokens", k->folder, r->corpus->domains[i].name,
        hash_digits(k->sources, sources), hash_digits(how, word));
}

static bool is_cached(const train_run *r, int i) { return r->cache && r->cache->domain[i].folder; }

/* ---- tokens ---- */

cadre_status train_cache_take(train_run *r, int i, const corpus_ids *how, bool *found)
{
    token_store *store;
    *found = false;
    if (!is_cached(r, i)) return CADRE_OK;
    hash128 key = how_key(r, how);
    char *path = path_of(r, i, key);
    if (!path) return CADRE_ENOMEM;
    cadre_status status =
        token_store_open(path, hash_pair(r->cache->domain[i].sources, key), &store);
    mem_free(path);
    CADRE_TRY(status);
    if (!store) return CADRE_OK;
    *found = true;
    domain_drop_text(&r->corpus->domains[i]);
    train_note(r, "%s: its tokens are there from an earlier run, in %s", r->corpus->domains[i].name,
        r->cache->domain[i].folder);
    return corpus_take_store(r->corpus, i, store, how->context);
}

/* Whether a file has tokens of earlier contents of this domain */
static bool is_old(const char *file, const char *name, const char *sources)
{
    size_t size = strlen(name);
    if (strlen(file) != size + 2 * DIGITS + strlen(".tokens")) return false;
    if (strncmp(file, name, size) != 0 || file[size] != '-' || file[size + DIGITS] != '-')
        return false;
    return !strcmp(file + size + 2 * DIGITS, ".tokens") &&
           strncmp(file + size + 1, sources, DIGITS - 1) != 0;
}

/* Removes tokens of earlier contents of a domain, as far as that is possible. */
static void remove_old(const train_run *r, int i)
{
    const cached_domain *k = &r->cache->domain[i];
    char sources[DIGITS], **names;
    int count;
    if (file_list(k->folder, &names, &count) != CADRE_OK) return;
    hash_digits(k->sources, sources);
    for (int n = 0; n < count; n++) {
        if (!is_old(names[n], r->corpus->domains[i].name, sources)) continue;
        char *path = file_join(k->folder, names[n]);
        if (path) (void)file_remove(path);
        mem_free(path);
    }
    file_list_free(names, count);
}

cadre_status train_cache_make(train_run *r, int i, const corpus_ids *how)
{
    corpus_domain *d = &r->corpus->domains[i];
    if (!is_cached(r, i)) {
        CADRE_TRY(corpus_tokenise_domain(r->corpus, i, how));
        domain_drop_text(d);
        return CADRE_OK;
    }
    train_note(r, "%s: tokenising %.1f MB; the tokens are kept in %s", d->name,
        (double)d->size / 1e6, r->cache->domain[i].folder);
    remove_old(r, i);
    hash128 key = how_key(r, how);
    char *path = path_of(r, i, key);
    if (!path) return CADRE_ENOMEM;
    cadre_status status =
        corpus_store_domain(r->corpus, i, how, path, hash_pair(r->cache->domain[i].sources, key));
    mem_free(path);
    return status;
}

/* ---- the vocabulary ---- */

/* The file of the learnt vocabulary; NULL: it is not cached */
static char *vocabulary_path(const train_run *r, string_view end)
{
    char word[DIGITS];
    hash128 key = { 0 };
    if (!is_cached(r, 0)) return NULL;
    for (int i = 0; i < r->corpus->count; i++) key = hash_pair(key, r->cache->domain[i].sources);
    const hash128 how = { (uint64_t)cadre_options_int(r->options, "vocab", 0),
        hash_bytes(end.data, end.size).low };
    return mem_printf("%s/vocabulary-%s.json", r->cache->domain[0].folder,
        hash_digits(hash_pair(key, how), word));
}

cadre_status train_cache_vocabulary(train_run *r, string_view end, bool *found)
{
    char *path = vocabulary_path(r, end), *text = NULL;
    size_t size;
    *found = false;
    if (!path || !file_exists(path)) {
        mem_free(path);
        return CADRE_OK;
    }
    cadre_status status = file_read(path, VOCABULARY_MOST, &text, &size);
    if (status == CADRE_OK) status = tokenizer_open_text(text, size, path, &r->tokenizer);
    if (status == CADRE_OK) status = byte_buffer_put(&r->tokenizer_json, text, size);
    if (status == CADRE_OK)
        train_note(r, "the vocabulary of %d pieces is there from an earlier run, in %s",
            (int)tokenizer_size(r->tokenizer), r->cache->domain[0].folder);
    *found = status == CADRE_OK;
    mem_free(text);
    mem_free(path);
    return status;
}

cadre_status train_cache_keep_vocabulary(train_run *r, string_view end)
{
    char *path = vocabulary_path(r, end);
    if (!path) return CADRE_OK;
    cadre_status status = file_write(path, r->tokenizer_json.data, r->tokenizer_json.size);
    mem_free(path);
    return status;
}
