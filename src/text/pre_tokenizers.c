/* pre_tokenizers.c - the rows of the list. */
#include "text/pre_tokenizers.h"

#include <string.h>

#include "text/byte_level.h"

#define SUFFIXES "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define SPACES "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define BEFORE_WORD "[^\\r\\n\\p{L}\\p{N}]?"

#define LLAMA3 SUFFIXES "|" BEFORE_WORD "\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES
#define QWEN2 SUFFIXES "|" BEFORE_WORD "\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES
#define QWEN35                                                                                     \
    SUFFIXES "|" BEFORE_WORD "[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" SPACES
#define GPT4O                                                                                      \
    BEFORE_WORD UPPER "*" LOWER "+" SUFFIXES "?|" BEFORE_WORD UPPER "+" LOWER "*" SUFFIXES         \
                      "?|\\p{N}{1,3}"                                                              \
                      "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES
#define TEKKEN                                                                                     \
    BEFORE_WORD UPPER "*" LOWER "+|" BEFORE_WORD UPPER "+" LOWER                                   \
                      "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES
#define BAILING                                                                                    \
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| "                                \
    "?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"

/* Cased letters, as the file spells them out */
#define DEEPSEEK_LETTERS                                                                           \
    "\\s?[A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-"    \
    "\u02af\u0370-\u0373"                                                                          \
    "\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-"    \
    "\u0481\u048a-\u052f"                                                                          \
    "\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-"        \
    "\u1d2b\u1d6b-\u1d77"                                                                          \
    "\u1d79-\u1d9a\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-"                     \
    "\u1f57\u1f59\u1f5b\u1f5d"                                                                     \
    "\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-"  \
    "\u1fdb"                                                                                       \
    "\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-"                \
    "\u211d\u2124\u2126\u2128"                                                                     \
    "\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-"          \
    "\u2c7b\u2c7e-\u2ce4"                                                                          \
    "\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-"         \
    "\ua78e\uab70-\uabbf"                                                                          \
    "\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-"         \
    "\U000104d3"                                                                                   \
    "\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-"                   \
    "\U000118df\U0001e900-\U0001e943]+"
#define DEEPSEEK_PUNCTUATION "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"
#define DEEPSEEK_CJK "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
#define DEEPSEEK3_CJK "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
#define DEEPSEEK3                                                                                  \
    "[!\\\"#$%&'()*+,\\-./"                                                                        \
    ":;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"               \
    "| ?[\\p{P}\\p{S}]+[\\r\\n]*|" SPACES

/* Digits in threes from the right */
#define AFMOE_DIGITS "\\p{Nd}{1,3}(?=(?:\\p{Nd}{3})*(?:\\P{Nd}|$))"
#define AFMOE_SCRIPTS                                                                              \
    "[\u4e00-\u9fff\u3400-\u4dbf\u8c48-\ufaff\u3040-\u309f\u30a0-\u30ff\uff65-\uff9f\u2f00-"       \
    "\u2fdf\u0e40-\u0e7f\u0e80-\u0eff\u1780-\u17ff\u1000-\u109f\uaa60-\uaa7f\ua9e0-\ua9ff"         \
    "\uac00-\ud7af\u1100-\u11ff]+"

#define SPARK                                                                                      \
    "[!\\\"#$%&'()*+,\\-./"                                                                        \
    ":;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\\r\\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"               \
    "| ?[\\p{P}\\p{S}]+|[\\r\\n]|\\s+(?!\\S)|\\s+"

#define SEED SUFFIXES "|" BEFORE_WORD "\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|" SPACES
#define EXAONE_MOE                                                                                 \
    SUFFIXES "|" BEFORE_WORD "(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| "                      \
             "?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|\\s*[\\r\\n]"                                         \
             "|\\s+(?!\\S)|\\s+"
#define UFAKZEKA BEFORE_WORD "\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES
#define MINICPM5 SUFFIXES "|" BEFORE_WORD "\\p{L}+|\\p{N}+| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES
#define BLOOM " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"

/* Cased letters that are not Chinese: Kimi's pattern uses intersections of sets, which PCRE2
 * lacks. */
#define NOT_HAN(set) "(?:(?!\\p{Han})" set ")"
#define KIMI                                                                                       \
    "\\p{Han}+|" BEFORE_WORD NOT_HAN(UPPER) "*" NOT_HAN(LOWER) "+" SUFFIXES "?|" BEFORE_WORD       \
    NOT_HAN(UPPER) "+" NOT_HAN(LOWER) "*" SUFFIXES                                                 \
                                      "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" SPACES

#define YOUTU_SCRIPTS                                                                              \
    "[\uac00-\ud7a3\u3131-\u318e]+|["                                                              \
    "\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f\ufe30-\ufe4f]+"     \
    "|[\u3105-\u312f]+|" DEEPSEEK3_CJK
#define YOUTU                                                                                      \
    BEFORE_WORD UPPER "*" LOWER "+" SUFFIXES "?|" BEFORE_WORD UPPER "+" LOWER "*" SUFFIXES         \
                      "?|\\p{N}"                                                                   \
                      "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" SPACES

static const pre_tokenizer rows[] = {
    { .names = "gpt-2 phi-2 exaone4 granite-docling trillion jais jina-es jina-de jina-v2-es "
               "jina-v2-de gigachat a.x-4.0 mellum "
               "modern-bert",
        .steps = { { PRE_GPT2, NULL } } },
    { .names = "olmo mpt", .steps = { { PRE_GPT2, NULL } }, .nfc = true },
    { .names = "refact starcoder smollm codeshell exaone minerva-7b mellum2",
        .steps = { { PRE_DIGITS, NULL }, { PRE_GPT2, NULL } } },
    { .names = "command-r", .steps = { { PRE_DIGITS, NULL }, { PRE_GPT2, NULL } }, .nfc = true },
    { .names = "falcon",
        .steps = { { PRE_PUNCTUATION, NULL }, { PRE_GPT2, NULL }, { PRE_DIGIT_RUNS, NULL },
            { PRE_SPLIT, "[0-9][0-9][0-9]" } } },
    { .names = "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2 jina-v5-nano",
        .steps = { { PRE_SPLIT, LLAMA3 } },
        .ignore_merges = true,
        .add_bos = true },
    { .names = "glm4 glm5", .steps = { { PRE_SPLIT, LLAMA3 } }, .ignore_merges = true },
    { .names = "dbrx smaug-bpe chatglm-bpe", .steps = { { PRE_SPLIT, LLAMA3 } } },
    { .names = "qwen2 deepseek-r1-qwen megrez f2llmv2",
        .steps = { { PRE_SPLIT, QWEN2 } },
        .nfc = true },
    { .names = "stablelm2 grok-2 hunyuan solar-open kormo", .steps = { { PRE_SPLIT, QWEN2 } } },
    { .names = "qwen35", .steps = { { PRE_SPLIT, QWEN35 } }, .nfc = true },
    { .names = "gpt-4o llama4 kanana2 minimax-m2 talkie", .steps = { { PRE_SPLIT, GPT4O } } },
    { .names = "tekken",
        .steps = { { PRE_SPLIT, TEKKEN } },
        .ignore_merges = true,
        .add_bos = true },
    { .names = "bailingmoe bailingmoe2 llada-moe", .steps = { { PRE_SPLIT, BAILING } } },
    { .names = "deepseek-llm",
        .steps = { { PRE_SPLIT, "[\\r\\n]" }, { PRE_SPLIT, DEEPSEEK_LETTERS },
            { PRE_SPLIT, DEEPSEEK_PUNCTUATION }, { PRE_SPLIT, "\\s+$" },
            { PRE_SPLIT, DEEPSEEK_CJK }, { PRE_DIGITS, NULL } } },
    { .names = "deepseek-coder",
        .steps = { { PRE_SPLIT, "[\\r\\n]" }, { PRE_SPLIT, "\\s?\\p{L}+" },
            { PRE_SPLIT, "\\s?\\p{P}+" }, { PRE_SPLIT, DEEPSEEK_CJK }, { PRE_DIGITS, NULL } } },
    { .names = "deepseek-v3 hunyuan-dense joyai-llm hy_v4",
        .steps = { { PRE_SPLIT, "\\p{N}{1,3}" }, { PRE_SPLIT, DEEPSEEK3_CJK },
            { PRE_SPLIT, DEEPSEEK3 } } },
    { .names = "spark2_5",
        .steps = { { PRE_SPLIT, "\\p{N}{1,3}" }, { PRE_SPLIT, DEEPSEEK3_CJK }, { PRE_SPLIT, SPARK },
            { PRE_DIGITS, NULL } } },
    { .names = "afmoe",
        .steps = { { PRE_SPLIT, AFMOE_DIGITS }, { PRE_SPLIT, AFMOE_SCRIPTS },
            { PRE_SPLIT, DEEPSEEK3 } } },
    { .names = "kimi-k2", .steps = { { PRE_SPLIT, KIMI } } },
    { .names = "youtu",
        .steps = { { PRE_SPLIT, YOUTU_SCRIPTS }, { PRE_SPLIT, YOUTU } },
        .ignore_merges = true },
    { .names = "seed-coder", .steps = { { PRE_SPLIT, SEED } } },
    { .names = "exaone-moe", .steps = { { PRE_SPLIT, EXAONE_MOE } } },
    { .names = "ufakzeka", .steps = { { PRE_SPLIT, UFAKZEKA } } },
    { .names = "minicpm5",
        .steps = { { PRE_SPLIT, "\\p{N}{1,3}" }, { PRE_SPLIT, MINICPM5 } },
        .ignore_merges = true },
    { .names = "laguna", .steps = { { PRE_SPLIT, "[^\\n]+|[\\n]+" }, { PRE_SPLIT, QWEN2 } } },
    { .names = "bloom poro-chat gpt3-finnish", .steps = { { PRE_SPLIT, BLOOM } } },
    { .names = "viking", .steps = { { PRE_SPLIT, BLOOM }, { PRE_DIGITS, NULL } } },
    { .names = "default", /* of files older than the names */
        .steps = { { PRE_SPLIT, "[\\p{P}$+<=>^~|]+" }, { PRE_SPLIT, BYTE_LEVEL_PATTERN },
            { PRE_SPLIT, "\\p{N}+" }, { PRE_SPLIT, "[0-9][0-9][0-9]" } } },
};

const pre_tokenizer *pre_tokenizer_at(int index)
{
    return index < (int)(sizeof rows / sizeof *rows) ? &rows[index] : NULL;
}

static bool has_name(const char *names, const char *name, size_t size)
{
    for (const char *at = names; *at; at += strspn(at, " ")) {
        size_t length = strcspn(at, " ");
        if (length == size && memcmp(at, name, size) == 0) return true;
        at += length;
    }
    return false;
}

const pre_tokenizer *pre_tokenizer_find(const char *name, size_t size)
{
    const pre_tokenizer *row;
    for (int i = 0; (row = pre_tokenizer_at(i)); i++)
        if (has_name(row->names, name, size)) return row;
    return NULL;
}

/* ---- a row, written as in tokenizer.json ---- */

static void write_split(json_writer *w, const char *pattern)
{
    json_put_string(w, "type", "Split");
    json_put_object(w, "pattern");
    json_put_string(w, "Regex", pattern);
    json_put_close(w, '}');
    json_put_string(w, "behavior", "Isolated");
    json_put_bool(w, "invert", false);
}

static void write_byte_level(json_writer *w, bool split)
{
    json_put_string(w, "type", "ByteLevel");
    json_put_bool(w, "add_prefix_space", false);
    json_put_bool(w, "trim_offsets", true);
    json_put_bool(w, "use_regex", split);
}

static void write_step(json_writer *w, const pre_step *step)
{
    json_put_object(w, NULL);
    switch (step->kind) {
    case PRE_SPLIT: write_split(w, step->pattern); break;
    case PRE_DIGITS:
    case PRE_DIGIT_RUNS:
        json_put_string(w, "type", "Digits");
        json_put_bool(w, "individual_digits", step->kind == PRE_DIGITS);
        break;
    case PRE_PUNCTUATION:
        json_put_string(w, "type", "Punctuation");
        json_put_string(w, "behavior", "Contiguous");
        break;
    case PRE_GPT2:
    case PRE_END: write_byte_level(w, step->kind == PRE_GPT2); break;
    }
    json_put_close(w, '}');
}

void pre_tokenizer_write(const pre_tokenizer *row, json_writer *w, const char *key)
{
    bool visible = false;
    json_put_object(w, key);
    json_put_string(w, "type", "Sequence");
    json_put_array(w, "pretokenizers");
    for (int i = 0; i < PRE_STEPS_MAX && row->steps[i].kind != PRE_END; i++) {
        write_step(w, &row->steps[i]);
        if (row->steps[i].kind == PRE_GPT2) visible = true;
    }
    if (!visible) write_step(w, &(pre_step){ PRE_END, NULL });
    json_put_close(w, ']');
    json_put_close(w, '}');
}
