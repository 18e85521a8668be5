/* number.c - THE LIST of number formats, and how one is found. */
#include "kernel/number.h"

#include <string.h>
#include <strings.h>

static const number_format *const formats[] = {
    &number_f32,
    &number_f16,
    &number_bf16,
    &number_f8_e4m3,
    &number_e2m1,
    &number_q8_0,
    &number_q4_0,
    &number_q4_1,
    &number_q5_0,
    &number_q5_1,
    &number_q2_k,
    &number_q3_k,
    &number_q4_k,
    &number_q5_k,
    &number_q6_k,
    &number_iq4_nl,
    &number_iq4_xs,
    &number_mxfp4,
    &number_nvfp4,
    &number_iq3_s,
    &number_iq3_xxs,
    &number_iq2_s,
    &number_iq2_xs,
    &number_iq2_xxs,
    &number_iq1_m,
    &number_iq1_s,
    &number_tq2_0,
    &number_tq1_0,
    &number_int4,
    &number_int4_zero,
    &number_nvfp4_whole,
};

enum { FORMATS = sizeof formats / sizeof *formats };

const number_format *const *number_list(int *count)
{
    *count = FORMATS;
    return formats;
}

/* In letters of any case: others write Q4_K. */
const number_format *number_by_name(const char *name)
{
    for (int i = 0; i < FORMATS; i++)
        if (strcasecmp(formats[i]->name, name) == 0) return formats[i];
    return NULL;
}

const number_format *number_by_safetensors(const char *dtype)
{
    for (int i = 0; i < FORMATS; i++)
        if (formats[i]->safetensors && strcmp(formats[i]->safetensors, dtype) == 0)
            return formats[i];
    return NULL;
}

const number_format *number_by_gguf(int type)
{
    for (int i = 0; i < FORMATS; i++)
        if (formats[i]->gguf >= 0 && formats[i]->gguf == type) return formats[i];
    return NULL;
}
