/* token_paths.c - tokenizes or detokenizes a body in a job of the worker, because bodies can be
 * large. */
#include "serve/token_paths.h"

#include "base/memory.h"
#include "serve/respond.h"

typedef struct token_job {
    const completions *all;
    connection *connection; /* NULL: the client has disconnected */
    worker_job job;
    bool decodes;
    byte_buffer body;
    json_writer answer; /* or the error, if its status is not 0 */
    api_error error;
} token_job;

/* ---- requests ---- */

static cadre_status tokenize(const token_job *k, const json_node *root, token_list *ids)
{
    const char *text;
    size_t size;
    bool adds = true;
    CADRE_TRY(json_as_object(root));
    json_node content = json_member(root, "content");
    CADRE_TRY(json_as_string(&content, &text, &size));
    CADRE_TRY(json_opt_bool(root, "add_special", &adds));
    unsigned flags = CADRE_PARSE_SPECIAL | (adds ? CADRE_ADD_SPECIAL : 0);
    return tokenizer_encode(k->all->tokenizer, text, size, flags, ids);
}

static cadre_status write_ids(token_job *k, const json_node *root)
{
    token_list ids = { 0 };
    cadre_status status = tokenize(k, root, &ids);
    if (status == CADRE_OK) {
        json_put_object(&k->answer, NULL);
        json_put_array(&k->answer, "tokens");
        for (size_t i = 0; i < ids.count; i++) json_put_int(&k->answer, NULL, ids.ids[i]);
        json_put_close(&k->answer, ']');
        json_put_close(&k->answer, '}');
    }
    token_list_free(&ids);
    return status;
}

/* Decodes ids as text of whole characters, as streams do. */
static cadre_status detokenize(const token_job *k, const json_node *root, byte_buffer *text)
{
    json_node list;
    int32_t *ids;
    int64_t count;
    CADRE_TRY(json_as_object(root));
    CADRE_TRY(json_get_array(root, "tokens", &list));
    CADRE_TRY(api_read_ids(&list, k->all->limits.vocab, &ids, &count));
    cadre_status status = token_stream_all(k->all->tokenizer, ids, (size_t)count, 0, text);
    mem_free(ids);
    return status;
}

static cadre_status write_text(token_job *k, const json_node *root)
{
    byte_buffer text = { 0 };
    cadre_status status = detokenize(k, root, &text);
    if (status == CADRE_OK) {
        json_put_object(&k->answer, NULL);
        json_put_bytes(&k->answer, "content", text.size ? text.data : "", text.size);
        json_put_close(&k->answer, '}');
    }
    byte_buffer_free(&text);
    return status;
}

/* ---- the job ---- */

static void work(void *arg)
{
    token_job *k = arg;
    json_document *d = NULL;
    cadre_status status =
        json_parse_request(API_DOCUMENT, k->body.data ? k->body.data : "", k->body.size, &d);
    if (status == CADRE_OK) {
        json_node root = json_root(d);
        status = k->decodes ? write_text(k, &root) : write_ids(k, &root);
    }
    if (status != CADRE_OK) k->error = api_error_of_last(status);
    json_close(d);
}

static void done(void *arg)
{
    token_job *k = arg;
    if (!k->connection || k->error.status) {
        if (k->connection) respond_error(k->connection, &k->error, NULL);
        json_writer_free(&k->answer);
    } else {
        respond_json(k->connection, &k->answer);
    }
    byte_buffer_free(&k->body);
    mem_free(k);
}

static void on_disconnected(void *arg)
{
    token_job *k = arg;
    k->connection = NULL;
    atomic_store(&k->job.cancelled, true);
}

static void begin(const completions *all, connection *c, bool decodes)
{
    static const connection_callbacks callbacks = { on_disconnected, NULL };
    token_job *k = MEM_ARRAY(token_job, 1);
    if (!k) {
        connection_drop(c);
        return;
    }
    *k = (token_job){
        .all = all, .connection = c, .decodes = decodes, .answer = json_writer_new(0)
    };
    k->body = c->reader.body;
    c->reader.body = (byte_buffer){ 0 };
    k->job = (worker_job){ .work = work, .done = done, .arg = k, .bytes = k->body.size };
    connection_defer(c, &callbacks, k);
    worker_submit(all->worker, &k->job);
}

void begin_tokenize(const completions *all, connection *c) { begin(all, c, false); }
void begin_detokenize(const completions *all, connection *c) { begin(all, c, true); }
