/* model.h - models in files: opened, described, made, converted.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_MODEL_PUBLIC_H
#define CADRE_MODEL_PUBLIC_H

#include "cadre/write.h"
#include "cadre/text.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A model never changes. Any number of threads may ask about it and use its tokenizer. One thread
 * at a time computes with it or with sessions of it; others are refused with CADRE_EBUSY
 * meanwhile. */
typedef struct cadre_model cadre_model;

/* Opens a Hugging Face folder or a GGUF file. Weights are mapped, not copied, if they can be used
 * as they lie. Borrows the context. CADRE_EUNSUPPORTED: libcadre does not implement the model, and
 * the error says what of it. */
CADRE_API cadre_status cadre_model_open(
    cadre_context *context, const char *path, cadre_model **model);

/* Options of opening a model */
typedef struct cadre_open_options {
    size_t size; /* sizeof(cadre_open_options) */
    /* Quantised weights are copied into memory, in the order in which this machine's kernels read
     * them faster, and the file's pages may leave memory. Results are the same. */
    bool repack;
    /* What keys and values of sessions, batchers and all other runs of this model are kept in: one
     * of cadre_cache_format_name's; NULL: "f32". Half and a quarter of the memory, for results
     * that differ by what is rounded. Heads that are not whole blocks of it are refused. */
    const char *cache;
    /* Bytes that weights may take in memory. Where the model is larger, experts are read from the
     * file when they are needed, past the system's page cache, and everything else stays in
     * memory; too little for that is refused. Results are the same. 0: no limit */
    int64_t memory;
    /* A folder of an adapter (LoRA, as the peft package has it) that is added where the model runs:
     * weights stay in the formats of their file. Refused if it is of another model, or more than
     * pairs of matrices, and where several ranks run the model. NULL: none */
    const char *adapter;
} cadre_open_options;
/* "f32", "f16", "q8_0" in turn; NULL after the last. */
CADRE_API const char *cadre_cache_format_name(int i);
/* Opens a model as cadre_model_open does, with these options; NULL: none. */
CADRE_API cadre_status cadre_model_open_with(
    cadre_context *context, const char *path, const cadre_open_options *how, cadre_model **model);
/* Closes a model. What borrows it (sessions, conversations, batchers, passes) is freed before. */
CADRE_API void cadre_model_close(cadre_model *model);

/* In a context of several ranks, all of them open a model together, and each has a part of it. Rank
 * 0 then uses it as a single process does. The other ranks follow: they compute their part of all
 * that rank 0 runs, until rank 0 closes the model or a rank fails. */
CADRE_API bool cadre_model_follows(const cadre_model *model); /* this rank is one of the others */
/* Computes this rank's part until rank 0 has closed the model. CADRE_EARGUMENT: this rank does not
 * follow. */
CADRE_API cadre_status cadre_model_follow(cadre_model *model);
/* How its ranks divide the model, as cadre_context_join takes it ("expert=2,tensor=2"), which was
 * given there or chosen; "" where one process runs it. Borrowed */
CADRE_API const char *cadre_model_layout(const cadre_model *model);

typedef struct cadre_format_share {
    char name[12]; /* "Q4_K" */
    int64_t bytes; /* in the file */
} cadre_format_share;

enum { CADRE_TOKEN_TYPES = 8, CADRE_LAYER_KINDS = 8 };

typedef struct cadre_model_info {
    size_t size;              /* sizeof(cadre_model_info) */
    const char *architecture; /* "olmoe"; static */
    const char *router;       /* in words; static */
    /* [format_count] the formats of its weights, most bytes first; borrowed */
    const cadre_format_share *formats;
    int format_count;
    int64_t vocabulary, width, layers, sparse_layers, heads, kv_heads, context;
    int64_t experts, experts_per_token, expert_width, shared_width; /* of most sparse layers */
    int64_t parameters, active_parameters;
    int64_t weight_bytes;     /* in the file */
    int64_t copied_bytes;     /* of weights that had to be copied */
    int64_t repack_bytes;     /* that opening with .repack copies, or did */
    int64_t recurrent_layers; /* layers that do not attend; heads 0: all of them */
    /* Types of tokens, such as text and image; 0: all tokens are alike */
    int64_t types;
    struct {
        const char *name; /* borrowed */
        int64_t tokens;   /* of the vocabulary */
        int64_t experts;  /* of its bank in every sparse layer; 0: all are open to all types */
    } type[CADRE_TOKEN_TYPES];
    /* Kinds of layers by how tokens read those before them, in the order of the first of each; of
     * more than there is room for, the last has all others */
    int64_t layer_kinds;
    struct {
        const char *name; /* "attention", "latent attention", "mamba2" ...; static */
        int64_t window;   /* tokens that it sees; 0: all before it */
        int64_t layers;
    } layer_kind[CADRE_LAYER_KINDS];
} cadre_model_info;

/* Describes a model. What the description points to is static or borrowed from the model. */
CADRE_API cadre_status cadre_model_info_get(const cadre_model *model, cadre_model_info *info);

/* The memory, besides the file's pages, that one sequence of at most `context` tokens takes. It
 * does not include what the program itself takes, about 1 MB, nor what a benchmark uses to measure
 * the machine. Opens the tokenizer, if there is one. */
typedef struct cadre_memory {
    size_t size;       /* sizeof(cadre_memory) */
    int64_t copied;    /* weights that had to be copied */
    int64_t names;     /* names, places and views of weights */
    int64_t tokenizer; /* 0: there is none */
    int64_t cache;     /* keys and values; taken as the sequence grows */
    int64_t working;   /* for passes of up to 512 tokens, and for each thread */
    int64_t total;
} cadre_memory;
CADRE_API cadre_status cadre_model_memory(
    cadre_model *model, int64_t context, cadre_memory *memory);
/* The bytes that keys and values of one sequence of so many tokens take, which is read in passes of
 * at most 512 tokens: of layers with a window, what such a pass sees */
CADRE_API int64_t cadre_model_cache_bytes(const cadre_model *model, int64_t tokens);

/* The model's own tokenizer, borrowed. It is an error if its folder has none. */
CADRE_API cadre_status cadre_model_tokenizer(cadre_model *model, const cadre_tokenizer **tokenizer);

/* Turns a folder into a GGUF file or a GGUF file into a folder (`out` ends in .gguf: a GGUF file),
 * or into the same kind in other number formats. dtype is the format of the matrices, experts_dtype
 * that of the experts' alone: one of cadre_dtype_name's, for a folder "f32", "f16" or "bf16". NULL:
 * as they are, and as dtype says. Vectors, and the routers of a GGUF file, stay float32. Rows that
 * do not divide into blocks become q8_0 or f16, which the listener is told. CADRE_EEXISTS: `out`
 * exists. A failure leaves no file under a final name. */
CADRE_API cadre_status cadre_convert(cadre_context *context, const char *in, const char *out,
    const char *dtype, const char *experts_dtype, const cadre_output_listener *listener);

/* Writes a model with an adapter's pairs added to its matrices, as cadre_convert writes one. dtype
 * NULL: as the model has them, where the kind of `out` can. */
CADRE_API cadre_status cadre_merge_adapter(cadre_context *context, const char *in,
    const char *adapter, const char *out, const char *dtype, const cadre_output_listener *listener);

#ifdef __cplusplus
}
#endif
#endif
