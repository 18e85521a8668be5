/* chat_template.c - THE LIST of chat templates, and how a model's own template is recognised. */
#include "text/chat_template.h"

#include <string.h>

static const chat_mark think[] = { { "<think>", CHAT_MARK_THOUGHT },
    { "</think>", CHAT_MARK_ANSWER }, { NULL, 0 } };
static const chat_mark channels[] = { { "<|channel|>", CHAT_MARK_NAMES },
    { "<|message|>", CHAT_MARK_NAMED }, { "<|end|>", CHAT_MARK_NOTHING },
    { "<|start|>", CHAT_MARK_NOTHING }, { NULL, 0 } };

static const chat_mark turns[] = { { "<|channel>", CHAT_MARK_THOUGHT },
    { "<channel|>", CHAT_MARK_ANSWER }, { NULL, 0 } };

/* A template that always thinks. The marks are in the template itself. */
static const chat_thinking always[] = { { .how = "on", .thinks = true }, { 0 } };
#define WAYS(...)                                                                                  \
    (const chat_thinking[])                                                                        \
    {                                                                                              \
        __VA_ARGS__, { 0 }                                                                         \
    }

#define BAR "\xef\xbd\x9c"       /* DeepSeek's wide bar, ... */
#define UNDERLINE "\xe2\x96\x81" /* ... and its blank */

#define EVERYONE                                                                                   \
    {                                                                                              \
        true, true, true                                                                           \
    }
#define SYSTEM_SET "<|im_start|>system\nYou" /* a system's message by default */
#define PRESET "You are"

#define CHATML_FRAMES                                                                              \
    .frames = { { "<|im_start|>system\n", "<|im_end|>\n" },                                        \
        { "<|im_start|>user\n", "<|im_end|>\n" }, { "<|im_start|>assistant\n", "<|im_end|>\n" } }
#define CHATML_ENDS .ends = "<|im_end|> <|endoftext|>", .marks = think
#define CHATML CHATML_FRAMES, .answer = "<|im_start|>assistant\n", CHATML_ENDS

#define LLAMA3_USER                                                                                \
    {                                                                                              \
        "<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"                               \
    }
#define LLAMA3_ASSISTANT                                                                           \
    {                                                                                              \
        "<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"                          \
    }
#define LLAMA3_ENDS                                                                                \
    .answer = "<|start_header_id|>assistant<|end_header_id|>\n\n",                                 \
    .ends = "<|eot_id|> <|end_of_text|>", .trims = EVERYONE

#define GLM_ENDS .ends = "<|user|> <|observation|> <|endoftext|>"
#define DEEPSEEK_ENDS                                                                              \
    .ends = "<" BAR "end" UNDERLINE "of" UNDERLINE "sentence" BAR ">", .marks = think
#define DEEPSEEK_DENIALS                                                                           \
    {                                                                                              \
        "<think></think>", "enable_thinking"                                                       \
    }

#define HARMONY(effort)                                                                            \
    "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"       \
    "Knowledge cutoff: 2024-06\n\nReasoning: " effort "\n\n"                                       \
    "# Valid channels: analysis, commentary, final. Channel must be included for every "           \
    "message.<|end|>"

#define GRANITE                                                                                    \
    .frames = { { "<|start_of_role|>system<|end_of_role|>", "<|end_of_text|>\n" },                 \
        { "<|start_of_role|>user<|end_of_role|>", "<|end_of_text|>\n" },                           \
        { "<|start_of_role|>assistant<|end_of_role|>", "<|end_of_text|>\n" } },                    \
    .answer = "<|start_of_role|>assistant<|end_of_role|>", .ends = "<|end_of_text|>"

#define PHI                                                                                        \
    .frames = { { "<|system|>\n", "<|end|>\n" }, { "<|user|>\n", "<|end|>\n" },                    \
        { "<|assistant|>\n", "<|end|>\n" } },                                                      \
    .answer = "<|assistant|>\n", .ends = "<|end|> <|endoftext|>"

static const chat_template rows[] = {
    { .name = "gpt-oss",
        .signs = { "<|channel|>", "<|start|>" },
        .begin = HARMONY("medium"),
        .frames = { { "<|start|>developer<|message|># Instructions\n\n", "\n\n<|end|>" },
            { "<|start|>user<|message|>", "<|end|>" },
            { "<|start|>assistant<|channel|>final<|message|>", "<|end|>" } },
        .answer = "<|start|>assistant",
        .ends = "<|return|> <|call|>",
        .marks = channels,
        .headed = true,
        .ways = WAYS({ .how = "medium" }, { .how = "low", .begin = HARMONY("low") },
            { .how = "high", .begin = HARMONY("high") }) },
    { .name = "qwen2.5",
        .signs = { "<|im_start|>", "You are Qwen, created by Alibaba Cloud" },
        CHATML,
        .system = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant." },
    { .name = "qwen2",
        .signs = { "<|im_start|>", "You are a helpful assistant.<" },
        CHATML,
        .system = "You are a helpful assistant." },
    { .name = "qwen1.5",
        .signs = { "<|im_start|>", "You are a helpful assistant<" },
        CHATML,
        .system = "You are a helpful assistant" },
    /* Tools come with a system message. */
    { .name = "qwen3-coder",
        .signs = { "<|im_start|>", "You are Qwen, a helpful AI assistant" },
        CHATML },
    { .name = "qwen3-thinking",
        .signs = { "<|im_start|>assistant\n<think>\n'" },
        .denials = { SYSTEM_SET, "bos_token", "enable_thinking" },
        CHATML_FRAMES,
        .answer = "<|im_start|>assistant\n<think>\n",
        CHATML_ENDS,
        .thinks = true,
        .ways = always },
    { .name = "qwen3.5",
        .signs = { "<|im_start|>", "'<think>\n\n</think>\n\n'", "'<think>\n'" },
        .denials = { SYSTEM_SET, "bos_token" },
        CHATML_FRAMES,
        .answer = "<|im_start|>assistant\n<think>\n",
        CHATML_ENDS,
        .thinks = true,
        .ways = WAYS({ .how = "on", .thinks = true },
            { .how = "off", .answer = "<|im_start|>assistant\n<think>\n\n</think>\n\n" }) },
    { .name = "qwen3",
        .signs = { "<|im_start|>", "'<think>\n\n</think>\n\n'", "enable_thinking" },
        .denials = { SYSTEM_SET, "bos_token", "'<think>\n'", "assistant\n<think>" },
        CHATML,
        .ways = WAYS({ .how = "on" },
            { .how = "off", .answer = "<|im_start|>assistant\n<think>\n\n</think>\n\n" }) },
    { .name = "chatml-bos",
        .signs = { "<|im_start|>", "bos_token" },
        .denials = { SYSTEM_SET, "'<think>\n'", "assistant\n<think>", "Knowledge Cutoff" },
        .begin = "{bos}",
        CHATML },
    { .name = "chatml",
        .signs = { "<|im_start|>" },
        .denials = { SYSTEM_SET, "'<think>\n'", "assistant\n<think>", "Knowledge Cutoff" },
        CHATML },
    { .name = "llama-3.1",
        .signs = { "<|start_header_id|>", "'Cutting Knowledge Date: December 2023\n",
            "26 Jul 2024" },
        .begin = "{bos}",
        .frames = { { "<|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: "
                      "December 2023\n"
                      "Today Date: 26 Jul 2024\n\n",
                        "<|eot_id|>" },
            LLAMA3_USER, LLAMA3_ASSISTANT },
        LLAMA3_ENDS,
        .system = "" },
    { .name = "llama-3",
        .signs = { "<|start_header_id|>" },
        .denials = { "Knowledge Date", "recipient" },
        .begin = "{bos}",
        .frames = { { "<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>" }, LLAMA3_USER,
            LLAMA3_ASSISTANT },
        LLAMA3_ENDS },
    { .name = "mistral-v7",
        .signs = { "[SYSTEM_PROMPT] " },
        .denials = { "default_system_message" },
        .begin = "{bos}",
        .frames = { { "[SYSTEM_PROMPT] ", "[/SYSTEM_PROMPT]" }, { "[INST] ", "[/INST]" },
            { " ", "{eos}" } },
        .ends = "" },
    { .name = "mistral-v3-tekken",
        .signs = { "[AVAILABLE_TOOLS]", "'[INST]'" },
        .denials = { "[SYSTEM_PROMPT]" },
        .begin = "{bos}",
        .frames = { { "", "\n\n" }, { "[INST]", "[/INST]" }, { "", "{eos}" } },
        .ends = "",
        .system_place = SYSTEM_IN_LAST },
    { .name = "mistral-v3",
        .signs = { "[AVAILABLE_TOOLS]" },
        .denials = { "[SYSTEM_PROMPT]" },
        .begin = "{bos}",
        .frames = { { "", "\n\n" }, { "[INST] ", "[/INST]" }, { " ", "{eos}" } },
        .ends = "",
        .system_place = SYSTEM_IN_LAST,
        .trims = { [CHAT_ASSISTANT] = true } },
    { .name = "llama-2",
        .signs = { "<<SYS>>" },
        .frames = { { "<<SYS>>\n", "\n<</SYS>>\n\n" }, { "{bos}[INST] ", " [/INST]" },
            { " ", " {eos}" } },
        .ends = "",
        .system_place = SYSTEM_IN_FIRST,
        .trims = EVERYONE },
    { .name = "mistral-v1",
        .signs = { " [INST] " },
        .denials = { "[SYSTEM_PROMPT]" },
        .begin = "{bos}",
        .frames = { { "", "\n\n" }, { " [INST] ", " [/INST]" }, { " ", "{eos}" } },
        .ends = "",
        .system_place = SYSTEM_IN_FIRST },
    { .name = "mistral",
        .signs = { "[INST]" },
        .denials = { "[SYSTEM_PROMPT]" },
        .begin = "{bos}",
        .frames = { { "", "\n\n" }, { "[INST] ", " [/INST]" }, { "", "{eos}" } },
        .ends = "",
        .system_place = SYSTEM_IN_FIRST },
    { .name = "deepseek-r1",
        .signs = { "<" BAR "Assistant" BAR "><think>\n" },
        .denials = DEEPSEEK_DENIALS,
        .begin = "{bos}",
        .frames = { { "", "" }, { "<" BAR "User" BAR ">", "" },
            { "<" BAR "Assistant" BAR ">", "{eos}" } },
        .answer = "<" BAR "Assistant" BAR "><think>\n",
        DEEPSEEK_ENDS,
        .thinks = true,
        .ways = always },
    { .name = "deepseek-v3.1",
        .signs = { "<" BAR "Assistant" BAR ">", "</think>", "thinking" },
        .denials = DEEPSEEK_DENIALS,
        .begin = "{bos}",
        .frames = { { "", "" }, { "<" BAR "User" BAR ">", "" },
            { "<" BAR "Assistant" BAR "></think>", "{eos}" } },
        .answer = "<" BAR "Assistant" BAR "></think>",
        DEEPSEEK_ENDS,
        .ways = WAYS({ .how = "off" },
            { .how = "on", .answer = "<" BAR "Assistant" BAR "><think>", .thinks = true }) },
    { .name = "deepseek-v3",
        .signs = { "<" BAR "Assistant" BAR ">" },
        .denials = DEEPSEEK_DENIALS,
        .begin = "{bos}",
        .frames = { { "", "" }, { "<" BAR "User" BAR ">", "" },
            { "<" BAR "Assistant" BAR ">", "{eos}" } },
        .answer = "<" BAR "Assistant" BAR ">",
        DEEPSEEK_ENDS },
    { .name = "deepseek",
        .signs = { "'User: '", "'Assistant: '", "eos_token" },
        .begin = "{bos}",
        .frames = { { "", "\n\n" }, { "User: ", "\n\n" }, { "Assistant: ", "{eos}" } },
        .answer = "Assistant:",
        DEEPSEEK_ENDS },
    { .name = "gemma4", /* asked for no thought, as its own template does if nobody says more */
        .signs = { "<|turn>", "<turn|>" },
        .begin = "{bos}",
        .frames = { { "<|turn>system\n", "<turn|>\n" }, { "<|turn>user\n", "<turn|>\n" },
            { "<|turn>model\n", "<turn|>\n" } },
        .answer = "<|turn>model\n<|channel>thought\n<channel|>",
        .ends = "<turn|> <eos>",
        .trims = EVERYONE,
        .marks = turns },
    { .name = "granite-3.1",
        .signs = { "<|start_of_role|>", "Knowledge Cutoff Date: April 2024.\nToday" },
        GRANITE,
        .system = "Knowledge Cutoff Date: April 2024.\nYou are Granite, developed by IBM. You are "
                  "a helpful AI assistant." },
    { .name = "granite-3.3",
        .signs = { "<|start_of_role|>", "Knowledge Cutoff Date: April 2024. Today" },
        GRANITE,
        .system = "Knowledge Cutoff Date: April 2024. You are Granite, developed by IBM. You are a "
                  "helpful AI assistant." },
    { .name = "granite",
        .signs = { "<|start_of_role|>" },
        .denials = { "Knowledge Cutoff", "accurate, and safe" },
        GRANITE },
    { .name = "glm4.7",
        .signs = { "[gMASK]<sop>", "<|user|>{{", "'<think>'" },
        .begin = "[gMASK]<sop>",
        .frames = { { "<|system|>", "" }, { "<|user|>", "" }, { "<|assistant|></think>", "" } },
        .answer = "<|assistant|><think>",
        GLM_ENDS,
        .trims = { [CHAT_ASSISTANT] = true },
        .marks = think,
        .thinks = true,
        .ways = WAYS(
            { .how = "on", .thinks = true }, { .how = "off", .answer = "<|assistant|></think>" }) },
    { .name = "glm4.5",
        .signs = { "[gMASK]<sop>", "<think>" },
        .denials = { "<|user|>{{" },
        .begin = "[gMASK]<sop>",
        .frames = { { "<|system|>\n", "" }, { "<|user|>\n", "" },
            { "<|assistant|>\n<think></think>\n", "" } },
        .answer = "<|assistant|>",
        GLM_ENDS,
        .trims = { [CHAT_ASSISTANT] = true },
        .marks = think,
        .ways = WAYS({ .how = "on" },
            { .how = "off", .answer = "<|assistant|>\n<think></think>", .suffix = "/nothink" }) },
    { .name = "glm4",
        .signs = { "[gMASK]<sop>" },
        .denials = { "<|user|>{{" },
        .begin = "[gMASK]<sop>",
        .frames = { { "<|system|>\n", "" }, { "<|user|>\n", "" }, { "<|assistant|>\n", "" } },
        .answer = "<|assistant|>\n",
        GLM_ENDS },
    { .name = "phi-3",
        .signs = { "<|user|>", "<|end|>", "bos_token" },
        .denials = { PRESET },
        .begin = "{bos}",
        PHI },
    { .name = "phi-3.5",
        .signs = { "<|user|>", "<|end|>" },
        .denials = { PRESET, "bos_token" },
        PHI },
    { .name = "tulu",
        .signs = { "<|user|>", "<|assistant|>", "bos_token" },
        .denials = { PRESET, "<|end|>" },
        .begin = "{bos}",
        .frames = { { "<|system|>\n", "\n" }, { "<|user|>\n", "\n" },
            { "<|assistant|>\n", "{eos}\n" } },
        .answer = "<|assistant|>\n",
        .ends = "" },
    { .name = "zephyr",
        .signs = { "<|user|>", "<|assistant|>", "eos_token" },
        .denials = { PRESET, "<|end|>" },
        .frames = { { "<|system|>\n", "{eos}\n" }, { "<|user|>\n", "{eos}\n" },
            { "<|assistant|>\n", "{eos}\n" } },
        .answer = "<|assistant|>\n",
        .ends = "" },
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

bool chat_template_think(const chat_template *c, const char *how, chat_template *thinking)
{
    const chat_thinking *w = c->ways;
    while (w && w->how && strcmp(w->how, how) != 0) w++;
    if (!w || !w->how) return false;
    chat_template made = *chat_template_find(c->name);
    if (w->begin) made.begin = w->begin;
    if (w->answer) made.answer = w->answer;
    made.thinks = w->thinks;
    made.way = w;
    *thinking = made;
    return true;
}

/* Whether the sign stands at the start of the text. A line feed of the sign may be written \n
 * there. */
static bool begins_with(string_view text, const char *sign)
{
    for (size_t at = 0; *sign; sign++, at++) {
        if (at == text.size) return false;
        bool escaped = *sign == '\n' && text.size - at > 1 && text.data[at] == '\\' &&
                       text.data[at + 1] == 'n';
        if (escaped) at++;
        else if (text.data[at] != *sign && !(*sign == '\'' && text.data[at] == '"')) return false;
    }
    return true;
}

static bool contains(string_view text, const char *sign)
{
    for (size_t at = 0; at < text.size; at++)
        if (begins_with((string_view){ text.data + at, text.size - at }, sign)) return true;
    return false;
}

static bool is_of(const chat_template *c, string_view program)
{
    for (int i = 0; i < SIGNS_MAX && c->signs[i]; i++)
        if (!contains(program, c->signs[i])) return false;
    for (int i = 0; i < DENIALS_MAX && c->denials[i]; i++)
        if (contains(program, c->denials[i])) return false;
    return true;
}

const chat_template *chat_template_recognise(string_view program)
{
    const chat_template *c;
    for (int i = 0; program.size && (c = chat_template_at(i)); i++)
        if (is_of(c, program)) return c;
    return NULL;
}
