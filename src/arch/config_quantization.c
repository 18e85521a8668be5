/* config_quantization.c - refuses schemes of quantisation whose tensors would be read wrongly. */
#include "arch/config_quantization.h"

#include <string.h>

/* Refuses a string member that is neither absent nor one of `names`, which ends with NULL. */
static cadre_status expect_name(
    const json_node *object, const char *key, const char *const *names, const char *words)
{
    const char *found = NULL;
    CADRE_TRY(json_opt_string(object, key, &found));
    for (; found && *names; names++)
        if (!strcmp(found, *names)) return CADRE_OK;
    if (!found) return CADRE_OK;
    json_node node = json_member(object, key);
    return json_refuse(&node, "%s", words);
}

static cadre_status check_fp8(const json_node *home)
{
    json_node blocks;
    CADRE_TRY(json_opt_array(home, "weight_block_size", &blocks));
    for (size_t i = 0; blocks.value && i < json_count(&blocks); i++) {
        json_node item = json_item(&blocks, i);
        int64_t size;
        CADRE_TRY(json_as_int(&item, 128, 128, &size));
    }
    return CADRE_OK;
}

static cadre_status expect_four_bits(const json_node *home, const char *key)
{
    json_node node = json_member(home, key);
    int64_t bits;
    return json_has(home, key) ? json_as_int(&node, 4, 4, &bits) : CADRE_OK;
}

static cadre_status check_gptq(const json_node *home)
{
    static const char *const formats[] = { "gptq", NULL };
    CADRE_TRY(expect_four_bits(home, "bits"));
    return expect_name(
        home, "checkpoint_format", formats, "\"gptq\", whose zero points are stored less 1");
}

static cadre_status check_awq(const json_node *home)
{
    static const char *const versions[] = { "gemm", "GEMM", NULL };
    CADRE_TRY(expect_four_bits(home, "bits"));
    CADRE_TRY(expect_four_bits(home, "w_bit"));
    return expect_name(home, "version", versions, "\"gemm\"");
}

/* Rotated weights need rotated activations; sparse ones are stored in yet another form. */
static cadre_status check_compressed(const json_node *home)
{
    static const char *const formats[] = { "pack-quantized", "float-quantized",
        "nvfp4-pack-quantized", "naive-quantized", "mixed-precision", "dense", NULL },
                             *const sparsities[] = { "dense", NULL };
    json_node transform, sparsity;
    CADRE_TRY(expect_name(home, "format", formats,
        "pack-quantized, float-quantized, nvfp4-pack-quantized, naive-quantized or "
        "mixed-precision"));
    CADRE_TRY(json_opt_object(home, "transform_config", &transform));
    if (transform.value && json_count(&transform))
        return json_refuse(&transform, "no transforms of weights");
    CADRE_TRY(json_opt_object(home, "sparsity_config", &sparsity));
    if (!sparsity.value) return CADRE_OK;
    return expect_name(&sparsity, "format", sparsities, "\"dense\"");
}

static cadre_status check_modelopt(const json_node *home)
{
    static const char *const algorithms[] = { "NVFP4", "FP8", NULL };
    return expect_name(home, "quant_algo", algorithms, "NVFP4 or FP8");
}

static cadre_status check_nothing(const json_node *home)
{
    (void)home;
    return CADRE_OK;
}

static const struct scheme {
    const char *name;
    cadre_status (*check)(const json_node *home);
} schemes[] = {
    { "fp8", check_fp8 },
    { "mxfp4", check_nothing },
    { "compressed-tensors", check_compressed },
    { "awq", check_awq },
    { "gptq", check_gptq },
    { "modelopt", check_modelopt },
};

cadre_status config_quantization_check(const json_node *root)
{
    json_node home;
    const char *method;
    CADRE_TRY(json_opt_object(root, "quantization_config", &home));
    if (!home.value) return CADRE_OK;
    CADRE_TRY(json_get_string(&home, "quant_method", &method));
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (!strcmp(method, schemes[i].name)) return schemes[i].check(&home);
    json_node node = json_member(&home, "quant_method");
    return json_refuse(&node, "fp8, mxfp4, compressed-tensors, awq, gptq or modelopt");
}
