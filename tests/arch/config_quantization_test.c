/* config_quantization_test.c - schemes of quantisation in config.json: what is read, and what is
 * refused by its key, because its tensors would be read wrongly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/config.h"
#include "support/family.h"
#include "support/refusal.h"

static cadre_status read_with(const char *method, const char *members, model_config *c)
{
    char text[1024];
    snprintf(
        text, sizeof text, "\"quantization_config\": {\"quant_method\": %s%s}", method, members);
    return family_read("qwen3_moe", text, NULL, c);
}

static void schemes_that_are_read(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "\"fp8\"", "" },
        { "\"fp8\"", ", \"weight_block_size\": [128, 128]" },
        { "\"mxfp4\"", ", \"modules_to_not_convert\": [\"lm_head\"]" },
        { "\"awq\"", ", \"bits\": 4, \"version\": \"gemm\"" },
        { "\"awq\"", ", \"w_bit\": 4, \"version\": \"GEMM\"" },
        { "\"gptq\"", ", \"bits\": 4, \"desc_act\": true" },
        { "\"gptq\"", ", \"bits\": 4, \"checkpoint_format\": \"gptq\"" },
        { "\"compressed-tensors\"", ", \"format\": \"nvfp4-pack-quantized\"" },
        { "\"compressed-tensors\"", ", \"format\": \"pack-quantized\", \"transform_config\": {}, "
                                    "\"sparsity_config\": {\"format\": \"dense\"}" },
        { "\"modelopt\"", ", \"quant_algo\": \"NVFP4\"" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        if (read_with(cases[i][0], cases[i][1], &c) != CADRE_OK)
            fail_msg("%s%s: %s", cases[i][0], cases[i][1], cadre_last_error());
        model_config_free(&c);
    }
}

static void schemes_that_are_refused_by_key(void **state)
{
    (void)state;
    static const struct {
        const char *method, *members, *phrase;
    } cases[] = {
        { "\"aqlm\"", "", "quant_method: expected fp8, mxfp4, compressed-tensors, awq, gptq or" },
        { "\"FP8\"", "", "quant_method: expected" },
        { "\"bitsandbytes\"", ", \"load_in_4bit\": true", "quant_method: expected" },
        { "8", "", "quant_method" },
        { "null", "", "quant_method" },
        { "\"fp8\"", ", \"weight_block_size\": [128, 64]", "weight_block_size[1]" },
        { "\"fp8\"", ", \"weight_block_size\": 128", "weight_block_size" },
        { "\"fp8\"", ", \"weight_block_size\": [\"128\"]", "weight_block_size[0]" },
        { "\"awq\"", ", \"bits\": 8", "quantization_config.bits" },
        { "\"awq\"", ", \"w_bit\": 3", "quantization_config.w_bit" },
        { "\"awq\"", ", \"bits\": \"4\"", "quantization_config.bits" },
        { "\"awq\"", ", \"version\": \"gemv\"", "version: expected \"gemm\"" },
        { "\"awq\"", ", \"version\": 1", "quantization_config.version" },
        { "\"gptq\"", ", \"bits\": 2", "quantization_config.bits" },
        { "\"gptq\"", ", \"bits\": 4, \"checkpoint_format\": \"gptq_v2\"",
            "checkpoint_format: expected \"gptq\"" },
        { "\"gptq\"", ", \"checkpoint_format\": \"marlin\"", "checkpoint_format" },
        { "\"compressed-tensors\"", ", \"format\": \"marlin-24\"",
            "format: expected pack-quantized, float-quantized, nvfp4-pack-quantized" },
        { "\"compressed-tensors\"", ", \"format\": \"int-quantized\"",
            "quantization_config.format" },
        { "\"compressed-tensors\"", ", \"transform_config\": {\"R1\": {\"type\": \"hadamard\"}}",
            "transform_config: expected no transforms of weights" },
        { "\"compressed-tensors\"", ", \"transform_config\": [1]", "transform_config" },
        { "\"compressed-tensors\"", ", \"sparsity_config\": {\"format\": \"sparse-24-bitmask\"}",
            "sparsity_config.format: expected \"dense\"" },
        { "\"compressed-tensors\"", ", \"sparsity_config\": \"dense\"", "sparsity_config" },
        { "\"modelopt\"", ", \"quant_algo\": \"W4A8_AWQ\"", "quant_algo: expected NVFP4 or FP8" },
        { "\"modelopt\"", ", \"quant_algo\": 4", "quant_algo" },
    };
    int bad = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        model_config c;
        cadre_status status = read_with(cases[i].method, cases[i].members, &c);
        bad += !refusal_is_good(cases[i].phrase, status, "config.json", cases[i].phrase);
        if (status == CADRE_OK) model_config_free(&c);
    }
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schemes_that_are_read),
        cmocka_unit_test(schemes_that_are_refused_by_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
