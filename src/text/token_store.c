/* token_store.c - writes and reads files of tokens. */
#include "text/token_store.h"

#include "base/file.h"
#include "base/memory.h"
#include "text/token_word.h"

typedef struct footer {
    char magic[16];
    int64_t training, validation, held_documents, held_bytes;
    token_facts facts;
    hash128 key, hash; /* of all before it */
} footer;

static const char magic[16] = "cadre tokens 2\n";

void held_text_free(held_text *h)
{
    byte_buffer_free(&h->text);
    mem_free(h->ends);
    *h = (held_text){ 0 };
}

/* ---- reading ---- */

static hash128 footer_hash(const footer *f) { return hash_bytes(f, offsetof(footer, hash)); }

/* 0: a size that the counts do not have, or counts that cannot be */
static int64_t file_size_of(const footer *f)
{
    const int64_t most = INT64_MAX / 64;
    if (f->training < 0 || f->validation < 0 || f->held_documents < 0 || f->held_bytes < 0)
        return 0;
    if (f->training > most || f->validation > most || f->held_documents > most ||
        f->held_bytes > most)
        return 0;
    return (f->training + f->validation) * 4 + f->held_documents * 8 + f->held_bytes +
           (int64_t)sizeof *f;
}

static bool is_footer(const footer *f, int64_t bytes, hash128 key)
{
    return !memcmp(f->magic, magic, sizeof magic) && hash_equal(f->hash, footer_hash(f)) &&
           hash_equal(f->key, key) && file_size_of(f) == bytes;
}

cadre_status token_store_open(const char *path, hash128 key, token_store **s)
{
    footer f;
    *s = NULL;
    if (!file_exists(path)) return CADRE_OK;
    token_store *made = MEM_ARRAY(token_store, 1);
    if (!made) return CADRE_ENOMEM;
    made->file.handle = -1;
    made->path = mem_strdup(path);
    cadre_status status = made->path ? file_reader_open(made->path, &made->file) : CADRE_ENOMEM;
    int64_t at = made->file.bytes - (int64_t)sizeof f;
    bool fits = status == CADRE_OK && at >= 0;
    if (fits) status = file_reader_at(&made->file, at, &f, sizeof f);
    if (status == CADRE_OK && fits && is_footer(&f, made->file.bytes, key)) {
        made->training = f.training, made->validation = f.validation;
        made->held_documents = f.held_documents, made->held_bytes = f.held_bytes;
        made->facts = f.facts;
        *s = made;
    } else token_store_close(made);
    return status;
}

void token_store_close(token_store *s)
{
    if (!s) return;
    file_reader_close(&s->file);
    mem_free(s->path);
    mem_free(s);
}

cadre_status token_store_read(const token_store *s, int64_t from, int64_t count, int32_t *words)
{
    return file_reader_at(&s->file, from * 4, words, (size_t)count * 4);
}

cadre_status token_store_read_validation(const token_store *s, int64_t most, token_list *words)
{
    int64_t count = s->validation < most ? s->validation : most;
    words->count = 0;
    CADRE_TRY(token_list_reserve(words, (size_t)count));
    words->count = (size_t)count;
    return file_reader_at(&s->file, s->training * 4, words->ids, words->count * 4);
}

cadre_status token_store_read_held_out(const token_store *s, held_text *h)
{
    int64_t at = (s->training + s->validation) * 4;
    h->documents = (size_t)s->held_documents;
    h->ends = MEM_ARRAY(int64_t, h->documents);
    if (!h->ends) return CADRE_ENOMEM;
    CADRE_TRY(byte_buffer_reserve(&h->text, (size_t)s->held_bytes));
    CADRE_TRY(file_reader_at(&s->file, at, h->ends, h->documents * 8));
    h->text.size = (size_t)s->held_bytes;
    h->text.data[h->text.size] = 0;
    CADRE_TRY(file_reader_at(&s->file, at + s->held_documents * 8, h->text.data, h->text.size));
    for (size_t i = 0; i < h->documents; i++)
        if (h->ends[i] <= (i ? h->ends[i - 1] : 0) || h->ends[i] > s->held_bytes)
            return cadre_fail(CADRE_EFORMAT, s->path,
                "expected the ends of held-out documents to rise, found damage");
    return CADRE_OK;
}

/* ---- writing ---- */

/* Where documents begin, and for each level how many of them lie before the last 2^i words. */
struct token_store_writer {
    file_writer *file;
    int64_t words;
    int64_t *begins; /* [count] */
    size_t count, room, behind[TOKEN_STORE_LEVELS];
    int64_t most[TOKEN_STORE_LEVELS];
};

cadre_status token_store_begin(const char *path, token_store_writer **w)
{
    token_store_writer *made = MEM_ARRAY(token_store_writer, 1);
    if (!made) return CADRE_ENOMEM;
    cadre_status status = file_writer_open(path, &made->file);
    if (status == CADRE_OK) *w = made;
    else mem_free(made);
    return status;
}

static void free_writer(token_store_writer *w)
{
    mem_free(w->begins);
    mem_free(w);
}

void token_store_discard(token_store_writer *w)
{
    if (!w) return;
    file_writer_discard(w->file);
    free_writer(w);
}

static cadre_status note_begin(token_store_writer *w, int64_t at)
{
    CADRE_TRY(buffer_grow((void **)&w->begins, w->count, &w->room, 1, sizeof *w->begins));
    w->begins[w->count++] = at;
    for (int i = 0; i < TOKEN_STORE_LEVELS; i++) {
        while (w->begins[w->behind[i]] <= at - ((int64_t)1 << i)) w->behind[i]++;
        int64_t within = (int64_t)(w->count - w->behind[i]);
        if (within > w->most[i]) w->most[i] = within;
    }
    return CADRE_OK;
}

cadre_status token_store_put(token_store_writer *w, const int32_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (token_word_begins(words[i])) CADRE_TRY(note_begin(w, w->words + (int64_t)i));
    w->words += (int64_t)count;
    return file_writer_put(w->file, words, count * sizeof *words);
}

static cadre_status put_rest(
    token_store_writer *w, const footer *f, const token_list *validation, const held_text *held)
{
    if (validation->count)
        CADRE_TRY(file_writer_put(w->file, validation->ids, validation->count * 4));
    if (held->documents) CADRE_TRY(file_writer_put(w->file, held->ends, held->documents * 8));
    if (held->text.size) CADRE_TRY(file_writer_put(w->file, held->text.data, held->text.size));
    return file_writer_put(w->file, f, sizeof *f);
}

cadre_status token_store_end(token_store_writer *w, hash128 key, token_facts *facts,
    const token_list *validation, const held_text *held)
{
    footer f;
    memset(&f, 0, sizeof f);
    memcpy(facts->most, w->most, sizeof w->most);
    memcpy(f.magic, magic, sizeof magic);
    f.training = w->words, f.validation = (int64_t)validation->count;
    f.held_documents = (int64_t)held->documents, f.held_bytes = (int64_t)held->text.size;
    f.facts = *facts, f.key = key;
    f.hash = footer_hash(&f);
    cadre_status status = put_rest(w, &f, validation, held);
    if (status == CADRE_OK) status = file_writer_commit(w->file);
    else file_writer_discard(w->file);
    free_writer(w);
    return status;
}
