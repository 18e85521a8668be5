/* chat_template.c - THE LIST of chat templates, and which of them a model's own template is. */
#define _GNU_SOURCE /* memmem */
#include "text/chat_template.h"

#include <string.h>

static const chat_mark think[] = { { "<think>", CHAT_MARK_THOUGHT }, { "</think>", CHAT_MARK_ANSWER }, { NULL, 0 } };
static const chat_mark channels[] = { { "<|channel|>", CHAT_MARK_NAMES }, { "<|message|>", CHAT_MARK_NAMED },
                                      { "<|end|>", CHAT_MARK_NOTHING },   { "<|start|>", CHAT_MARK_NOTHING },
                                      { NULL, 0 } };

#define BAR "\xef\xbd\x9c"      /* DeepSeek's wide bar, ... */
#define UNDERLINE "\xe2\x96\x81" /* ... and its blank */

#define CHATML                                                                                                    \
    .frames = { { "<|im_start|>system\n", "<|im_end|>\n" }, { "<|im_start|>user\n", "<|im_end|>\n" },              \
                { "<|im_start|>assistant\n", "<|im_end|>\n" } },                                                  \
    .answer = "<|im_start|>assistant\n", .ends = "<|im_end|> <|endoftext|>", .marks = think

static const chat_template rows[] = {
    { .name = "gpt-oss", .signs = { "<|channel|>", "<|start|>" },
      .begin = "<|start|>system<|message|>You are ChatGPT, a large language model trained by OpenAI.\n"
               "Knowledge cutoff: 2024-06\n\nReasoning: medium\n\n"
               "# Valid channels: analysis, commentary, final. Channel must be included for every message.<|end|>",
      .frames = { { "<|start|>developer<|message|># Instructions\n\n", "\n\n<|end|>" }, { "<|start|>user<|message|>", "<|end|>" },
                  { "<|start|>assistant<|channel|>final<|message|>", "<|end|>" } },
      .answer = "<|start|>assistant", .ends = "<|return|> <|call|>", .marks = channels },
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
      .frames = { { "", "\n\n" }, { "[INST]", "[/INST]" }, { "", "{eos}" } }, .ends = "", .system_place = SYSTEM_IN_LAST },
    { .name = "mistral-v3", .signs = { "[AVAILABLE_TOOLS]" }, .begin = "{bos}",
      .frames = { { "", "\n\n" }, { "[INST] ", "[/INST]" }, { " ", "{eos}" } }, .ends = "", .system_place = SYSTEM_IN_LAST },
    { .name = "llama-2", .signs = { "<<SYS>>" },
      .frames = { { "<<SYS>>\n", "\n<</SYS>>\n\n" }, { "{bos}[INST] ", " [/INST]" }, { " ", " {eos}" } }, .ends = "",
      .system_place = SYSTEM_IN_FIRST, .trim = true },
    { .name = "mistral-v1", .signs = { " [INST] " }, .begin = "{bos}",
      .frames = { { "", "\n\n" }, { " [INST] ", " [/INST]" }, { " ", "{eos}" } }, .ends = "", .system_place = SYSTEM_IN_FIRST },
    { .name = "mistral", .signs = { "[INST]" }, .begin = "{bos}",
      .frames = { { "", "\n\n" }, { "[INST] ", " [/INST]" }, { "", "{eos}" } }, .ends = "", .system_place = SYSTEM_IN_FIRST },
    { .name = "deepseek-r1", .signs = { "<" BAR "Assistant" BAR "><think>" }, .begin = "{bos}",
      .frames = { { "", "" }, { "<" BAR "User" BAR ">", "" }, { "<" BAR "Assistant" BAR ">", "{eos}" } },
      .answer = "<" BAR "Assistant" BAR "><think>\n", .ends = "<" BAR "end" UNDERLINE "of" UNDERLINE "sentence" BAR ">",
      .marks = think, .thinks = true },
    { .name = "deepseek-v3.1", .signs = { "<" BAR "Assistant" BAR ">", "</think>", "thinking" }, .begin = "{bos}",
      .frames = { { "", "" }, { "<" BAR "User" BAR ">", "" }, { "<" BAR "Assistant" BAR "></think>", "{eos}" } },
      .answer = "<" BAR "Assistant" BAR "></think>", .ends = "<" BAR "end" UNDERLINE "of" UNDERLINE "sentence" BAR ">",
      .marks = think },
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
      .answer = "<|assistant|>", .ends = "<|user|> <|observation|> <|endoftext|>", .marks = think },
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
