/* seeds.c - files to begin fuzzing from: seeds FOLDER writes FOLDER/TARGET/NAME for each target
 * that has some here. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "format/gguf.h"
#include "format/image_file.h"
#include "support/gguf_sample.h"
#include "support/tokenizer_sample.h"

static int failures;

static void put(
    const char *root, const char *target, const char *name, const void *data, size_t size)
{
    char *folder = file_join(root, target), *path = mem_printf("%s/%s/%s", root, target, name);
    if (!folder || !path || file_make_folder(folder) != CADRE_OK ||
        file_write(path, data, size) != CADRE_OK) {
        fprintf(stderr, "%s\n", cadre_last_error());
        failures++;
    }
    mem_free(folder);
    mem_free(path);
}

/* ---- GGUF ---- */

/* One tensor of 256 numbers in a type. */
static void put_blocks(const char *root, int type)
{
    uint8_t file[96 + 2048] = { 'G', 'G', 'U', 'F', 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 't', 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
        (uint8_t)type };
    const int64_t extent[] = { 256 };
    int64_t elements;
    size_t bytes;
    char name[24];
    gguf_tensor_size(type, 1, extent, &elements, &bytes);
    for (size_t i = 0; i < bytes; i++) file[64 + i] = (uint8_t)(i * 37 + 11);
    snprintf(name, sizeof name, "blocks-%s", gguf_tensor_type_name(type));
    put(root, "gguf", name, file, 64 + (bytes + 31) / 32 * 32);
}

static void put_gguf(const char *root)
{
    gguf_sample s;
    for (uint32_t version = 2; version <= 3; version++) {
        char name[16];
        snprintf(name, sizeof name, "version-%u", version);
        gguf_sample_make(&s, version);
        put(root, "gguf", name, s.data, s.size);
    }
    static const uint8_t empty[24] = { 'G', 'G', 'U', 'F', 3 };
    put(root, "gguf", "nothing-inside", empty, sizeof empty);
    static const uint8_t one_key[] = { 'G', 'G', 'U', 'F', 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0,
        0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 'k', 9, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0,
        0, 2, 0, 0, 0, 0, 0, 0, 0, 'o', 'k' };
    put(root, "gguf", "one-array", one_key, sizeof one_key);
    static const uint8_t one_tensor[96] = { 'G', 'G', 'U', 'F', 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 't', 1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
    put(root, "gguf", "one-tensor", one_tensor, 64 + 16);
    for (int type = 0; type < 64; type++)
        if (gguf_tensor_type_name(type)) put_blocks(root, type);
}

/* ---- safetensors ---- */

static void put_safetensors(const char *root, const char *name, const char *header, size_t data)
{
    uint8_t file[1024] = { 0 };
    size_t length = strlen(header);
    for (int i = 0; i < 8; i++) file[i] = (uint8_t)(length >> 8 * i);
    memcpy(file + 8, header, length);
    put(root, "safetensors", name, file, 8 + length + data);
}

static void put_all_safetensors(const char *root)
{
    put_safetensors(root, "empty", "{}", 0);
    put_safetensors(
        root, "scalar", "{\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}   ", 4);
    put_safetensors(root, "three",
        "{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_"
        "offsets\":[0,12]},"
        "\"n\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[12,12]},"
        "\"f\":{\"dtype\":\"F4\",\"shape\":[4],\"data_offsets\":[12,14]}}",
        14);
    put_safetensors(root, "hashes",
        "{\"__metadata__\":{},\"hashes\":{\"dtype\":\"U8\",\"shape\":[1,16],\"data_offsets\":[0,16]"
        "}}",
        16);
    put_safetensors(root, "escapes",
        "{\"\\u00e9\\n\\\"\":{\"dtype\":\"I64\",\"shape\":[1,1],\"data_offsets\":[0,8]}}", 8);
}

/* ---- JSON ---- */

static void put_config(const char *root, const char *name, const char *text)
{
    put(root, "config", name, text, strlen(text));
}

static void put_all_configs(const char *root)
{
    put_config(root, "numbers",
        "[0, -0, 1, -1.5, 1e-5, 1E+5, 9223372036854775807, -9223372036854775808, "
        "1000000000000000019884624838656]");
    put_config(root, "strings",
        "[\"\", \"\\u00e9\\ud83d\\ude00\\u0000\", \"\\\"\\\\\\/\\b\\f\\n\\r\\t\", "
        "\"\xc3\xa9\xf0\x9f\x98\x80\"]");
    put_config(root, "model",
        "{\"architectures\": [\"Qwen3MoeForCausalLM\"], \"num_experts\": 128, \"rope_scaling\": "
        "null,\n"
        " \"norm_topk_prob\": true, \"rms_norm_eps\": 1e-06, \"rope_theta\": 1000000.0, "
        "\"mlp_only_layers\": [],\n"
        " \"rope_parameters\": {\"factor\": 40, \"rope_type\": \"yarn\"}, \"torch_dtype\": "
        "\"bfloat16\"}");
    put_config(root, "literals",
        "{\"a\": [0.0, Infinity], \"b\": -Infinity,\"c\":NaN, \"d\": \"NaN\", \"e\": "
        "\"\\u0000NaN\", \"f\": [\"\\\"\", NaN]}");
    put_config(root, "deep",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]"
        "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
}

/* ---- schemas ---- */

static void put_schemas(const char *root)
{
    static const char *const schemas[] = {
        "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":-7,"
        "\"exclusiveMaximum\":120"
        "},\"b\":{\"type\":[\"string\",\"null\"],\"minLength\":1,\"maxLength\":9}},\"required\":["
        "\"a\"],"
        "\"additionalProperties\":{\"type\":\"number\",\"minimum\":0.25}}",
        "{\"$defs\":{\"t\":{\"anyOf\":[{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/"
        "t\"},\"maxItems\":3},{"
        "\"enum\":[\"x\",1,true]}]}},\"$ref\":\"#/$defs/t\"}",
        "{\"type\":\"string\",\"pattern\":\"^(ab|[c-f]{2,3})*\\\\.\\\\d+$\",\"maxLength\":20}",
        ("{\"allOf\":[{\"prefixItems\":[{\"const\":1},{\"format\":\"date\"}]},{\"items\":false,"
         "\"minItems\":1}]}"),
        "{\"type\":\"integer\",\"multipleOf\":7,\"minimum\":-50}",
    };
    for (int i = 0; i < (int)(sizeof schemas / sizeof *schemas); i++) {
        char name[16];
        snprintf(name, sizeof name, "schema-%d", i);
        put(root, "schema", name, schemas[i], strlen(schemas[i]));
    }
}

/* ---- tokenizers ---- */

static void put_tokenizers(const char *root)
{
    for (int i = 0; i < SAMPLES; i++) {
        char *text = tokenizer_sample_text((tokenizer_sample)i), name[16];
        snprintf(name, sizeof name, "sample-%d", i);
        put(root, "tokenizer_json", name, text, strlen(text));
        mem_free(text);
    }
    static const char *const texts[] = {
        "",
        "The experts' tokens, 1234567 of them; don't!",
        " \t\n  \r\n x",
        "\xe2\x96\x81the <0x41> <s></s><|endoftext|> word <l> <r>",
        ("A\xcc\x8a \xef\xac\x81 \xed\x95\x9c\xea\xb5\xad \xe4\xb8\xad\xe6\x96\x87 "
         "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd"),
        "\xff\xc3\x28\xe2\x96 a\xed\xa0\x80z",
    };
    for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++) {
        char name[16], bytes[128];
        for (char way = 0; way < 8; way++) {
            snprintf(name, sizeof name, "text-%d-%d", i, way);
            bytes[0] = way;
            memcpy(bytes + 1, texts[i], strlen(texts[i]));
            put(root, "encode", name, bytes, strlen(texts[i]) + 1);
        }
    }
}

/* ---- images ---- */

static void put_png(const char *root, const char *name, int64_t width, int64_t height)
{
    uint8_t rgb[64 * 64 * 3];
    char *folder = mem_printf("%s/image", root), *path = mem_printf("%s/image/%s", root, name);
    for (size_t i = 0; i < sizeof rgb; i++) rgb[i] = (uint8_t)(i * i >> 3);
    if (!folder || !path || file_make_folder(folder) != CADRE_OK ||
        image_write_png(path, rgb, width, height) != CADRE_OK)
        failures++;
    mem_free(folder);
    mem_free(path);
}

static void put_images(const char *root)
{
    static const char *const texts[] = { "P2 # grey\n2 1\n9\n0 9\n", "P3\n1 2\n255 1 2 3 4 5 6",
        "P5 2 1 255\n\x10\x20", "P6\n1 1\n255\nabc", "P6 1 1 65535\nabcdef", "P6 16384 2048 255\n",
        "P2 9999 1 255\n1 2 3" };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char name[16];
        snprintf(name, sizeof name, "pnm-%zu", i);
        put(root, "image", name, texts[i], strlen(texts[i]));
    }
    put_png(root, "png-large", 64, 64);
    put_png(root, "png-small", 1, 1);
    put_png(root, "png-row", 64, 1);
}

/* ---- requests ---- */

static void put_text(const char *root, const char *target, const char *name, const char *text)
{
    put(root, target, name, text, strlen(text));
}

static void put_requests(const char *root)
{
    put_text(root, "http_request", "get", "GET /health HTTP/1.1\r\nHost: a:8080\r\n\r\n");
    put_text(root, "http_request", "post",
        "POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
        "GET / HTTP/1.0\r\n\r\n");
    put_text(root, "http_request", "chunks",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n"
        "\r\n5;a=b\r\nhello\r\nb\r\n, you there\r\n0\r\nA: b\r\n\r\n");
    put_text(root, "api_request", "chat",
        "{\"model\": \"tiny\", \"messages\": [{\"role\": \"system\", \"content\": \"s\"}, "
        "{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"a\"}]}, "
        "{\"role\": \"assistant\", \"content\": \"b\"}], \"max_completion_tokens\": 5, "
        "\"temperature\": 0.5, \"top_p\": 0.9, \"stop\": [\"x\"], \"stream\": true, "
        "\"stream_options\": {\"include_usage\": true}, \"logprobs\": true, "
        "\"top_logprobs\": 3, \"logit_bias\": {\"5\": -100}, \"seed\": 7, "
        "\"reasoning_effort\": \"low\"}");
    put_text(root, "api_request", "text",
        "{\"prompt\": [\"a\", \"b\"], \"n\": 2, \"echo\": true, \"logprobs\": 3, "
        "\"max_tokens\": 0, \"best_of\": 2, \"suffix\": null, \"return_routes\": true}");
    put_text(root, "api_request", "ids", "{\"prompt\": [[1, 2], [3]], \"tools\": []}");
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    put_gguf(argv[1]);
    put_all_safetensors(argv[1]);
    put_all_configs(argv[1]);
    put_schemas(argv[1]);
    put_tokenizers(argv[1]);
    put_images(argv[1]);
    put_requests(argv[1]);
    return failures > 0;
}
