/* chat_public.c - the conversations of cadre.h. */
#include <string.h>

#include "cadre/conversation.h"
#include "base/memory.h"
#include "base/buffer.h"
#include "format/quote.h"
#include "text/chat_read.h"
#include "text/chat_template.h"

const char *cadre_chat_template(int index)
{
    const chat_template *c = chat_template_at(index);
    return c ? chat_template_name(c) : NULL;
}

static void advise_names(void)
{
    byte_buffer names = { 0 };
    const char *name;
    for (int i = 0; (name = cadre_chat_template(i)); i++)
        byte_buffer_format(&names, "%s%s", i ? ", " : "", name);
    if (names.status == CADRE_OK)
        cadre_fail_advice("Templates that can be chosen by name: %s", names.data);
    byte_buffer_free(&names);
}

cadre_status cadre_chat_recognise(const cadre_tokenizer *t, const char **name)
{
    string_view program = tokenizer_chat_program(t);
    const chat_template *c = chat_template_recognise(program);
    if (c) {
        *name = chat_template_name(c);
        return CADRE_OK;
    }
    if (program.size)
        cadre_fail(CADRE_EUNSUPPORTED, NULL,
            "expected a chat template of a known family, found \"%s\"",
            quote_bytes(program.data, program.size).text);
    else
        cadre_fail(
            CADRE_EUNSUPPORTED, NULL, "expected a chat template in the model's files, found none");
    advise_names();
    return CADRE_EUNSUPPORTED;
}

cadre_status chat_template_named(const char *name, const chat_template **c)
{
    *c = chat_template_find(name);
    if (*c) return CADRE_OK;
    cadre_fail(
        CADRE_EARGUMENT, NULL, "the chat template \"%s\" is not known", quote_text(name).text);
    advise_names();
    return CADRE_EARGUMENT;
}

const char *cadre_thinking(int index)
{
    static const char *const words[] = { "on", "off", "low", "medium", "high" };
    return index >= 0 && index < (int)(sizeof words / sizeof *words) ? words[index] : NULL;
}

cadre_status chat_role_named(const char *name, chat_role *role)
{
    static const char *const names[CHAT_ROLES] = { "system", "user", "assistant" };
    for (int i = 0; i < CHAT_ROLES; i++) {
        *role = (chat_role)i;
        if (strcmp(name, names[i]) == 0) return CADRE_OK;
    }
    return cadre_fail(CADRE_EARGUMENT, NULL,
        "expected the role system, user or assistant, found \"%s\"", quote_text(name).text);
}

cadre_status cadre_chat_encode(const cadre_tokenizer *t, const char *name,
    const cadre_message *messages, int message_count, int32_t **ids, int64_t *id_count)
{
    const chat_template *c;
    token_list list = { 0 };
    CADRE_TRY(chat_template_named(name, &c));
    chat_message *said = MEM_ARRAY(chat_message, message_count);
    cadre_status status = said ? CADRE_OK : CADRE_ENOMEM;
    for (int i = 0; i < message_count && status == CADRE_OK; i++) {
        said[i] = (chat_message){ .text = messages[i].text, .size = messages[i].size };
        status = chat_role_named(messages[i].role, &said[i].role);
    }
    if (status == CADRE_OK) status = chat_encode(c, t, said, message_count, &list);
    if (status == CADRE_OK) status = token_list_reserve(&list, 1); /* an empty list, but not NULL */
    mem_free(said);
    if (status != CADRE_OK) {
        token_list_free(&list);
        return status;
    }
    *ids = list.ids;
    *id_count = (int64_t)list.count;
    return CADRE_OK;
}

/* The template of this name, in this way of thinking; *made is room for one. */
static cadre_status find_way(
    const char *name, const char *how, chat_template *made, const chat_template **c)
{
    CADRE_TRY(chat_template_named(name, c));
    if (!how) return CADRE_OK;
    if (!chat_template_think(*c, how, made))
        return cadre_fail(CADRE_EARGUMENT, NULL,
            "the chat template %s: expected a way of thinking that it knows, found \"%s\"", name,
            quote_text(how).text);
    *c = made;
    return CADRE_OK;
}

static cadre_status encode_json(const chat_template *c, const cadre_tokenizer *t,
    const json_document *document, token_list *list)
{
    json_node root = json_root(document);
    chat_read read;
    CADRE_TRY(chat_read_conversation(&root, &read));
    cadre_status status = chat_read_encode(&read, c, tokenizer_chat_program(t), t, list);
    chat_read_free(&read);
    return status == CADRE_OK ? token_list_reserve(list, 1) : status;
}

cadre_status cadre_chat_encode_json(const cadre_tokenizer *t, const char *name,
    const char *thinking, const char *source, const char *text, int32_t **ids, int64_t *id_count)
{
    const chat_template *c;
    chat_template made;
    json_document *document;
    token_list list = { 0 };
    CADRE_TRY(find_way(name, thinking, &made, &c));
    CADRE_TRY(json_parse(source, text, strlen(text), &document));
    cadre_status status = encode_json(c, t, document, &list);
    json_close(document);
    if (status != CADRE_OK) {
        token_list_free(&list);
        return status;
    }
    *ids = list.ids;
    *id_count = (int64_t)list.count;
    return CADRE_OK;
}

bool cadre_chat_ends(const cadre_tokenizer *t, const char *name, int32_t id)
{
    const chat_template *c = chat_template_find(name);
    return c && chat_ends(c, t, id);
}
