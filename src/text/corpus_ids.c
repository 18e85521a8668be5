/* corpus_ids.c - the texts of a corpus as vocabularies are learnt from them, and as token ids.
 *
 * A text's ids are followed by the end-of-text token. Of a prompt with its completion, the
 * completion is learnt; of a conversation, what the assistant says, or all of it. */
#include <limits.h>
#include <string.h>

#include "base/interrupt.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "text/chat_read.h"
#include "text/corpus_ids.h"
#include "text/token_word.h"

cadre_status corpus_hash(const corpus_domain *d, hash128 *hash)
{
    *hash = hash_bytes(d->text, d->size);
    if (d->documents == 1 && !d->part_count) return CADRE_OK;
    hash_stream *s = hash_stream_new();
    if (!s) return CADRE_ENOMEM;
    for (size_t i = 0; i < d->documents; i++)
        hash_stream_add(s, &d->document[i].end, sizeof d->document[i].end);
    for (size_t i = 0; i < d->part_count; i++) {
        const int64_t part[] = { (int64_t)d->parts[i].end, d->parts[i].role };
        hash_stream_add(s, part, sizeof part);
    }
    hash128 ends = hash_stream_value(s);
    hash_stream_free(s);
    *hash = (hash128){ hash->high ^ ends.high, hash->low ^ ends.low };
    return CADRE_OK;
}

bool corpus_has_conversations(const corpus_domain *d)
{
    for (size_t k = 0; k < d->part_count; k++)
        if (corpus_role_is_conversation(d->parts[k].role)) return true;
    return false;
}

/* ---- texts ---- */

/* The end of the part of a document that the byte at `at` belongs to */
static size_t part_end(const corpus_domain *d, size_t at)
{
    size_t n = corpus_document_at(d, at), low = n ? d->document[n - 1].parts : 0,
           high = d->document[n].parts;
    while (low < high) { /* the first part that ends behind it */
        size_t middle = low + (high - low) / 2;
        if (d->parts[middle].end > at) high = middle;
        else low = middle + 1;
    }
    return low < d->document[n].parts ? d->parts[low].end : d->document[n].end;
}

/* Which of many pieces are taken: so many of each that follow each other, as evenly as can be. */
typedef struct sampling {
    double ratio, sum; /* a ratio of 1 takes all */
    size_t piece;      /* bytes of one, at most */
    string_view *list;
    size_t count, room;
} sampling;

static cadre_status sample(sampling *s, const char *text, size_t size)
{
    for (size_t at = 0, length; at < size; at += length) {
        length = size - at < s->piece ? size - at : s->piece;
        s->sum += s->ratio;
        if (s->sum < 1) continue;
        s->sum -= 1;
        CADRE_TRY(buffer_grow((void **)&s->list, s->count, &s->room, 1, sizeof *s->list));
        s->list[s->count++] = (string_view){ text + at, length };
    }
    return s->count <= INT_MAX ? CADRE_OK
                               : cadre_fail(CADRE_EUNSUPPORTED, NULL,
                                     "expected at most %d documents, found more", INT_MAX);
}

static cadre_status sample_domain(const corpus *c, const corpus_domain *d, sampling *s)
{
    for (size_t at = 0, end; at < d->training_size; at = end) {
        bool is_image;
        end = corpus_piece_end(c, d, at, d->training_size, &is_image);
        if (d->part_count && part_end(d, at) < end) end = part_end(d, at);
        if (!is_image) CADRE_TRY(sample(s, d->text + at, end - at));
    }
    return CADRE_OK;
}

cadre_status corpus_training_texts(const corpus *c, size_t most, string_view **texts, int *count)
{
    enum { PIECE = 1 << 16 };
    size_t all = 0;
    cadre_status status = CADRE_OK;
    for (int i = 0; i < c->count; i++) all += c->domains[i].training_size;
    sampling s = { .ratio = 1, .piece = SIZE_MAX };
    if (all > most) s.ratio = (double)most / (double)all, s.piece = PIECE;
    for (int i = 0; i < c->count && status == CADRE_OK; i++)
        status = sample_domain(c, &c->domains[i], &s);
    if (status == CADRE_OK) *texts = s.list, *count = (int)s.count;
    else mem_free(s.list);
    return status;
}

/* ---- documents ---- */

/* The bytes begin .. end of document n, of which a cut may have left only a part */
typedef struct piece {
    const corpus *corpus;
    const corpus_domain *domain;
    size_t document, begin, end;
    corpus_sink *sink; /* takes ids that were made; NULL: they stay in the list */
} piece;

/* The tokenizer takes so many bytes at once; a longer text is cut behind a line, or where it has
 * none behind any character. */
enum { AT_ONCE = 16 << 20, FLUSHED = 1 << 18 /* ids */ };

static size_t cut_text(const char *text, size_t begin, size_t end)
{
    if (end - begin <= AT_ONCE) return end;
    size_t cut = begin + AT_ONCE;
    for (size_t at = cut; at > begin + AT_ONCE / 2; at--)
        if (text[at - 1] == '\n') return at;
    while (cut > begin + 1 && utf8_continues(text[cut])) cut--;
    return cut;
}

static cadre_status flush(const piece *p, token_list *ids)
{
    if (!p->sink || ids->count < FLUSHED) return CADRE_OK;
    CADRE_TRY(p->sink->put(p->sink, ids->ids, ids->count));
    ids->count = 0;
    return CADRE_OK;
}

static cadre_status put_text(const piece *p, const corpus_ids *how, token_list *ids)
{
    const corpus_domain *d = p->domain;
    size_t first = ids->count;
    bool begun = false;
    for (size_t at = p->begin, stop; at < p->end; at = stop) {
        bool is_image;
        stop = corpus_piece_end(p->corpus, d, at, p->end, &is_image);
        if (!is_image) stop = cut_text(d->text, at, stop);
        CADRE_TRY(tokenizer_encode(
            how->tokenizer, d->text + at, stop - at, is_image ? CADRE_PARSE_SPECIAL : 0, ids));
        if (!begun && ids->count > first) ids->ids[first] |= TOKEN_BEGINS, begun = true;
        if (begun) CADRE_TRY(flush(p, ids));
    }
    bool whole = p->end == d->document[p->document].end;
    return whole && how->end >= 0 ? token_list_put(ids, how->end) : CADRE_OK;
}

static void silence(token_list *ids, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) ids->ids[i] |= TOKEN_SILENT;
}

/* The two parts are encoded apart: a model is given the one and has to say the other. */
static cadre_status put_completion(const piece *p, const corpus_ids *how, token_list *ids)
{
    const corpus_domain *d = p->domain;
    size_t first = ids->count, middle = d->parts[d->document[p->document].parts - 2].end;
    CADRE_TRY(tokenizer_encode(how->tokenizer, d->text + p->begin, middle - p->begin, 0, ids));
    if (how->answers_only) silence(ids, first, ids->count);
    CADRE_TRY(tokenizer_encode(how->tokenizer, d->text + middle, p->end - middle, 0, ids));
    return how->end >= 0 ? token_list_put(ids, how->end) : CADRE_OK;
}

static size_t first_part(const piece *p)
{
    return p->document ? p->domain->document[p->document - 1].parts : 0;
}

static size_t count_parts(const piece *p)
{
    return p->domain->document[p->document].parts - first_part(p);
}

static void list_messages(const piece *p, chat_message *messages)
{
    const corpus_domain *d = p->domain;
    size_t at = p->begin;
    static const chat_role roles[] = { [CORPUS_SYSTEM] = CHAT_SYSTEM,
        [CORPUS_USER] = CHAT_USER,
        [CORPUS_ASSISTANT] = CHAT_ASSISTANT };
    for (size_t i = 0; i < count_parts(p); i++) {
        const corpus_part *part = &d->parts[first_part(p) + i];
        messages[i] = (chat_message){
            .role = roles[part->role], .text = d->text + at, .size = part->end - at
        };
        at = part->end;
    }
}

/* What stands outside the answers */
static void silence_others(token_list *ids, size_t first, const token_list *answers)
{
    for (size_t i = 0; i < answers->count; i += 2) {
        silence(ids, first, (size_t)answers->ids[i]);
        first = (size_t)answers->ids[i + 1];
    }
    silence(ids, first, ids->count);
}

static cadre_status encode_messages(
    const piece *p, const corpus_ids *how, token_list *ids, token_list *answers)
{
    size_t count = count_parts(p);
    chat_message *messages = MEM_ARRAY(chat_message, count);
    if (!messages) return CADRE_ENOMEM;
    list_messages(p, messages);
    cadre_status status =
        chat_encode_whole(how->chat, how->tokenizer, messages, (int)count, ids, answers);
    mem_free(messages);
    return status;
}

/* One with functions or thoughts, which was read once before. */
static cadre_status encode_whole(
    const piece *p, const corpus_ids *how, token_list *ids, token_list *answers)
{
    json_document *document;
    chat_read read;
    CADRE_TRY(
        json_parse(p->domain->path, p->domain->text + p->begin, p->end - p->begin, &document));
    json_node root = json_root(document);
    cadre_status status = chat_read_conversation(&root, &read);
    if (status == CADRE_OK) {
        status = chat_read_encode_whole(&read, how->chat, how->tokenizer, ids, answers);
        chat_read_free(&read);
    }
    json_close(document);
    return status;
}

static cadre_status put_conversation(const piece *p, const corpus_ids *how, token_list *ids)
{
    size_t first = ids->count;
    token_list answers = { 0 };
    const corpus_domain *d = p->domain;
    bool whole = d->parts[first_part(p)].role == CORPUS_CONVERSATION;
    if (!how->chat)
        return cadre_fail(CADRE_EUNSUPPORTED, d->path,
            "conversations: expected a chat template to frame them, found none");
    cadre_status status = (whole ? encode_whole : encode_messages)(p, how, ids, &answers);
    if (status == CADRE_OK && how->answers_only) silence_others(ids, first, &answers);
    token_list_free(&answers);
    return status;
}

static cadre_status put_document(const piece *p, const corpus_ids *how, token_list *ids)
{
    const corpus_domain *d = p->domain;
    size_t first = ids->count, end = d->document[p->document].parts;
    cadre_status status;
    if (!count_parts(p)) return put_text(p, how, ids);
    if (d->parts[end - 1].role == CORPUS_COMPLETION) status = put_completion(p, how, ids);
    else status = put_conversation(p, how, ids);
    if (status == CADRE_OK && ids->count > first) ids->ids[first] |= TOKEN_BEGINS;
    return status;
}

cadre_status corpus_make_ids(const corpus *c, const corpus_domain *d, text_range part,
    const corpus_ids *how, corpus_sink *sink, token_list *ids)
{
    ids->count = 0;
    for (size_t at = part.begin; at < part.end;) {
        piece p = { c, d, corpus_document_at(d, at), at, corpus_document_end(d, at), sink };
        if (p.end > part.end) p.end = part.end;
        CADRE_TRY(interrupt_check(d->path));
        CADRE_TRY(put_document(&p, how, ids));
        CADRE_TRY(flush(&p, ids));
        at = p.end;
    }
    return CADRE_OK;
}
