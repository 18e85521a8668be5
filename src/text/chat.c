/* chat.c - THE LIST of chat templates, and conversations put into them. */
#define _GNU_SOURCE /* memmem */
#include "text/chat.h"

#include <string.h>

#include "base/memory.h"
#include "text/char_class.h"
#include "text/utf8.h"

enum { SIGNS_MAX = 3 };

/* Around a message. {bos} and {eos} stand for the vocabulary's own tokens. */
typedef struct frame {
    const char *before, *after;
} frame;

struct chat_template {
    const char *name;
    const char *signs[SIGNS_MAX]; /* all occur in the model's own template; rows with more come first */
    const char *begin;            /* of the whole text; NULL: nothing */
    frame frames[CHAT_ROLES];
    const char *answer;           /* what the model goes on from; NULL: nothing */
    const char *ends;             /* pieces that end an answer, separated by spaces; the end of text always does */
    const char *system;           /* said where the conversation has no system message; NULL: nothing is */
    bool system_inside;           /* the system's frame stands inside the first user's */
    bool trim;                    /* messages lose the white space around them */
};

#define BAR "\xef\xbd\x9c"      /* DeepSeek's wide bar, ... */
#define UNDERLINE "\xe2\x96\x81" /* ... and its blank */

#define CHATML                                                                                                    \
    .frames = { { "<|im_start|>system\n", "<|im_end|>\n" }, { "<|im_start|>user\n", "<|im_end|>\n" },              \
                { "<|im_start|>assistant\n", "<|im_end|>\n" } },                                                  \
    .answer = "<|im_start|>assistant\n", .ends = "<|im_end|> <|endoftext|>"

static const chat_template rows[] = {
    { .name = "gpt-oss", .signs = { "<|channel|>", "<|start|>" },
      .begin = "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"
               "Knowledge cutoff: 2024-06\n\nReasoning: medium\n\n"
               "# Valid channels: analysis, commentary, final. Channel must be included for every message.<|end|>",
      .frames = { { "<|start|>developer<|message|># Instructions\n\n", "\n\n<|end|>" }, { "<|start|>user<|message|>", "<|end|>" },
                  { "<|start|>assistant<|channel|>final<|message|>", "<|end|>" } },
      .answer = "<|start|>assistant", .ends = "<|return|> <|call|>" },
    { .name = "qwen2.5", .signs = { "<|im_start|>", "You are Qwen, created by Alibaba Cloud" }, CHATML,
      .system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant." },
    { .name = "qwen2", .signs = { "<|im_start|>", "You are a helpful assistant." }, CHATML,
     .system = "You are a helpful assistant." },
    { .name = "qwen1.5", .signs = { "<|im_start|>", "You are a helpful assistant<" }, CHATML,
     .system = "You are a helpful assistant" },
    { .name = "chatml", .signs = { "<|im_start|>" }, CHATML },
    { .name = "llama-3", .signs = { "<|start_header_id|>" }, .begin = "{bos}",
      .frames = { { "<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>" },
                  { "<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>" },
                  { "<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>" } },
      .answer = "<|start_header_id|>assistant<|end_header_id|>\n\n", .ends = "<|eot_id|> <|end_of_text|>", .trim = true },
    { .name = "mistral-v7", .signs = { "[SYSTEM_PROMPT]" }, .begin = "{bos}",
      .frames = { { "[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]" }, { "[INST] ", "[/INST]" }, { " ", "{eos}" } }, .ends = "" },
    { .name = "mistral-v3-tekken", .signs = { "[AVAILABLE_TOOLS]", "\"[INST]\"" }, .begin = "{bos}",
      .frames = { { "", "\n\n" }, { "[INST]", "[/INST]" }, { "", "{eos}" } }, .ends = "", .system_inside = true },
    { .name = "mistral-v3", .signs = { "[AVAILABLE_TOOLS]" }, .begin = "{bos}",
      .frames = { { "", "\n\n" }, { "[INST] ", "[/INST]" }, { " ", "{eos}" } }, .ends = "", .system_inside = true },
    { .name = "llama-2", .signs = { "<<SYS>>" },
      .frames = { { "<<SYS>>\n", "\n<</SYS>>\n\n" }, { "{bos}[INST] ", " [/INST]" }, { " ", " {eos}" } }, .ends = "",
      .system_inside = true, .trim = true },
    { .name = "mistral-v1", .signs = { " [INST] " }, .begin = "{bos}",
      .frames = { { "", "\n\n" }, { " [INST] ", " [/INST]" }, { " ", "{eos}" } }, .ends = "", .system_inside = true },
    { .name = "mistral", .signs = { "[INST]" }, .begin = "{bos}",
      .frames = { { "", "\n\n" }, { "[INST] ", " [/INST]" }, { "", "{eos}" } }, .ends = "", .system_inside = true },
    { .name = "deepseek-r1", .signs = { "<" BAR "Assistant" BAR "><think>" }, .begin = "{bos}",
      .frames = { { "", "" }, { "<" BAR "User" BAR ">", "" }, { "<" BAR "Assistant" BAR ">", "{eos}" } },
      .answer = "<" BAR "Assistant" BAR "><think>\n", .ends = "<" BAR "end" UNDERLINE "of" UNDERLINE "sentence" BAR ">" },
    { .name = "deepseek-v3", .signs = { "<" BAR "Assistant" BAR ">" }, .begin = "{bos}",
      .frames = { { "", "" }, { "<" BAR "User" BAR ">", "" }, { "<" BAR "Assistant" BAR ">", "{eos}" } },
      .answer = "<" BAR "Assistant" BAR ">", .ends = "<" BAR "end" UNDERLINE "of" UNDERLINE "sentence" BAR ">" },
    { .name = "deepseek", .signs = { "'User: '", "'Assistant: '" }, .begin = "{bos}",
      .frames = { { "", "\n\n" }, { "User: ", "\n\n" }, { "Assistant: ", "{eos}" } },
      .answer = "Assistant:", .ends = "<" BAR "end" UNDERLINE "of" UNDERLINE "sentence" BAR ">" },
    { .name = "granite", .signs = { "<|start_of_role|>" },
      .frames = { { "<|start_of_role|>system<|end_of_role|>", "<|end_of_text|>\n" },
                  { "<|start_of_role|>user<|end_of_role|>", "<|end_of_text|>\n" },
                  { "<|start_of_role|>assistant<|end_of_role|>", "<|end_of_text|>\n" } },
      .answer = "<|start_of_role|>assistant<|end_of_role|>", .ends = "<|end_of_text|>" },
    { .name = "glm4.5", .signs = { "[gMASK]<sop>", "<think>" }, .begin = "[gMASK]<sop>",
      .frames = { { "<|system|>\n", "" }, { "<|user|>\n", "" }, { "<|assistant|>\n<think></think>\n", "" } },
      .answer = "<|assistant|>", .ends = "<|user|> <|observation|> <|endoftext|>" },
    { .name = "glm4", .signs = { "[gMASK]<sop>" }, .begin = "[gMASK]<sop>",
      .frames = { { "<|system|>\n", "" }, { "<|user|>\n", "" }, { "<|assistant|>\n", "" } },
      .answer = "<|assistant|>\n", .ends = "<|user|> <|observation|> <|endoftext|>" },
    { .name = "phi-3", .signs = { "<|user|>", "<|end|>" }, .begin = "{bos}",
      .frames = { { "<|system|>\n", "<|end|>\n" }, { "<|user|>\n", "<|end|>\n" }, { "<|assistant|>\n", "<|end|>\n" } },
      .answer = "<|assistant|>\n", .ends = "<|end|> <|endoftext|>" },
    { .name = "tulu", .signs = { "<|user|>", "<|assistant|>", "bos_token" }, .begin = "{bos}",
      .frames = { { "<|system|>\n", "\n" }, { "<|user|>\n", "\n" }, { "<|assistant|>\n", "{eos}\n" } },
      .answer = "<|assistant|>\n", .ends = "" },
    { .name = "zephyr", .signs = { "<|user|>", "<|assistant|>", "eos_token" },
      .frames = { { "<|system|>\n", "{eos}\n" }, { "<|user|>\n", "{eos}\n" }, { "<|assistant|>\n", "{eos}\n" } },
      .answer = "<|assistant|>\n", .ends = "" },
};

const chat_template *chat_template_at(int index)
{
    return index >= 0 && index < (int)(sizeof rows / sizeof *rows) ? &rows[index] : NULL;
}

const char *chat_template_name(const chat_template *c) { return c->name; }

const chat_template *chat_template_find(const char *name)
{
    const chat_template *c;
    for (int i = 0; (c = chat_template_at(i)); i++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

static bool contains(string_view text, const char *part)
{
    return memmem(text.data, text.size, part, strlen(part)) != NULL;
}

const chat_template *chat_template_recognise(string_view program)
{
    const chat_template *c;
    for (int i = 0; program.size && (c = chat_template_at(i)); i++) {
        bool all = true;
        for (int s = 0; s < SIGNS_MAX && c->signs[s]; s++) all = all && contains(program, c->signs[s]);
        if (all) return c;
    }
    return NULL;
}

/* ---- writing a conversation ---- */

typedef struct script {
    const chat_template *c;
    const tokenizer *t;
    byte_list text;
    text_range *said; /* [count] parts of the text that people said */
    size_t count;
} script;

static cadre_status put_piece(script *s, int32_t id)
{
    string_view piece = tokenizer_piece(s->t, id);
    return byte_list_put(&s->text, piece.data, piece.size);
}

/* The template's own words. */
static cadre_status put_words(script *s, const char *words)
{
    for (const char *at = words ? words : ""; *at;) {
        size_t plain = strcspn(at, "{");
        CADRE_TRY(byte_list_put(&s->text, at, plain));
        at += plain;
        if (!*at) break;
        bool bos = strncmp(at, "{bos}", 5) == 0, eos = strncmp(at, "{eos}", 5) == 0;
        if (bos) CADRE_TRY(put_piece(s, tokenizer_bos(s->t)));
        if (eos) CADRE_TRY(put_piece(s, tokenizer_eos(s->t)));
        if (!bos && !eos) CADRE_TRY(byte_list_put(&s->text, at, 1));
        at += bos || eos ? 5 : 1;
    }
    return CADRE_OK;
}

static string_view trimmed(string_view text)
{
    uint32_t code;
    for (size_t length; (length = utf8_decode(text.data, text.size, &code)) && char_is_space(code);)
        text = (string_view){ text.data + length, text.size - length };
    for (size_t last = text.size; last > 0;) {
        do last--;
        while (last > 0 && utf8_continues(text.data[last]));
        if (!utf8_decode(text.data + last, text.size - last, &code) || !char_is_space(code)) break;
        text.size = last;
    }
    return text;
}

static cadre_status put_said(script *s, string_view said)
{
    if (s->c->trim) said = trimmed(said);
    s->said[s->count++] = (text_range){ s->text.size, s->text.size + said.size };
    return byte_list_put(&s->text, said.data, said.size);
}

static cadre_status put_framed(script *s, chat_role role, string_view said)
{
    CADRE_TRY(put_words(s, s->c->frames[role].before));
    CADRE_TRY(put_said(s, said));
    return put_words(s, s->c->frames[role].after);
}

/* The first user's message with the system's inside it. */
static cadre_status put_both(script *s, string_view system, string_view said)
{
    CADRE_TRY(put_words(s, s->c->frames[CHAT_USER].before));
    CADRE_TRY(put_framed(s, CHAT_SYSTEM, system));
    CADRE_TRY(put_said(s, said));
    return put_words(s, s->c->frames[CHAT_USER].after);
}

static cadre_status put_messages(script *s, string_view system, const chat_message *messages, int count)
{
    bool inside = s->c->system_inside && system.size > 0;
    CADRE_TRY(put_words(s, s->c->begin));
    if (system.size > 0 && !inside) CADRE_TRY(put_framed(s, CHAT_SYSTEM, system));
    for (int i = 0; i < count; i++) {
        string_view said = { messages[i].text, messages[i].size };
        if (messages[i].role == CHAT_SYSTEM) return cadre_fail(CADRE_EARGUMENT, NULL,
                                                               "expected the system message first, found it later");
        if (inside && messages[i].role == CHAT_USER) {
            CADRE_TRY(put_both(s, system, said));
            inside = false;
        } else {
            CADRE_TRY(put_framed(s, messages[i].role, said));
        }
    }
    return put_words(s, s->c->answer);
}

cadre_status chat_encode(const chat_template *c, const tokenizer *t, const chat_message *messages, int count, token_list *ids)
{
    script s = { .c = c, .t = t, .said = MEM_ARRAY(text_range, count + 1) };
    string_view system = { c->system, c->system ? strlen(c->system) : 0 };
    if (!s.said) return CADRE_ENOMEM;
    if (count > 0 && messages[0].role == CHAT_SYSTEM) {
        system = (string_view){ messages[0].text, messages[0].size };
        messages++;
        count--;
    }
    cadre_status status = put_messages(&s, system, messages, count);
    if (status == CADRE_OK) status = tokenizer_encode_parts(t, s.text.data, s.text.size, s.said, s.count, ids);
    byte_list_free(&s.text);
    mem_free(s.said);
    return status;
}

bool chat_ends(const chat_template *c, const tokenizer *t, int32_t id)
{
    string_view piece = tokenizer_piece(t, id);
    if (id >= 0 && id == tokenizer_eos(t)) return true;
    for (const char *at = c->ends; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (length == piece.size && memcmp(at, piece.data, length) == 0) return true;
        at += length;
    }
    return false;
}
