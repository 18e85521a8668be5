/* cadre.h - Mixture-of-Experts in C: the public interface of libcadre.
 *
 * Conventions. Functions that can fail return a cadre_status, which is 0 for success, and write
 * their results (the last arguments) only on success. After a failure, cadre_last_error() holds one
 * sentence that names the file, what was expected and what was found. The library never prints,
 * exits or aborts because of its input. x_new/x_free and x_open/x_close come in pairs; freeing NULL
 * is fine. Pointers marked "borrowed" live as long as the object that they came from. Letters of
 * shapes: tokens T, width D, hidden H, experts E, picks per token K, batch B, vocabulary V.
 *
 * Sizes. A struct of choices that a program gives (cadre_moe_shape, cadre_opening, cadre_sampling
 * and the listeners), and one of answers that it gets (cadre_train_summary, cadre_model_info,
 * cadre_growth, cadre_memory, cadre_evaluation, cadre_chat_account, cadre_request_news,
 * cadre_batcher_cache), begins with `size`, which the program sets to sizeof of it before every
 * call. Later versions add fields at the end. Any size from that of the struct's first version on
 * is accepted: fields that an older program does not have are taken as zero, which always means
 * what was done before there was such a field; of a newer program's struct, fields that this
 * libcadre does not know are not read, and set to zero in answers. A smaller size, as of a struct
 * that was forgotten to be filled in, is CADRE_EARGUMENT. What is handed to a listener
 * (cadre_train_progress, cadre_verification) has its size filled in by libcadre. All other structs,
 * which stand in arrays, are returned by value or describe data, stay as they are.
 *
 * Threads. Any thread may call libcadre with objects of its own. A context computes for one thread
 * at a time, together with all models, sessions, conversations and layers that were made in it. A
 * call that would compute while another thread's does is refused with CADRE_EBUSY and changes
 * nothing. Threads that compute at the same time need a context each; a file that both open is in
 * memory only once. Each object says what more than one thread may do with it. Listeners are called
 * in the thread of the call that they listen to. They may call libcadre themselves, but not with
 * the session or conversation that is calling them. */
#ifndef CADRE_H
#define CADRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
    #define CADRE_API __attribute__((visibility("default")))
#else
    #define CADRE_API
#endif

#define CADRE_VERSION "0.1.0"

/* ---- status ---- */

typedef enum cadre_status {
    CADRE_OK = 0,
    CADRE_ENOMEM = -1,       /* memory, or an address space, that is not available */
    CADRE_EIO = -2,          /* a file or folder that cannot be read or written */
    CADRE_EFORMAT = -3,      /* malformed or inconsistent data in a file */
    CADRE_EUNSUPPORTED = -4, /* well-formed, known by name, not implemented */
    CADRE_EARGUMENT = -5,    /* an option or argument that is not possible */
    CADRE_EEXISTS = -6,      /* something would be overwritten */
    CADRE_EMISMATCH = -7,    /* two things that must agree do not: shapes, hashes, recipes */
    CADRE_EINTERRUPTED = -8, /* stopped on request */
    /* An object is being used by another thread, or by a call that has not returned */
    CADRE_EBUSY = -9,
    CADRE_EFULL = -10 /* a queue has no place now, but will have one */
} cadre_status;

/* This thread's last error: one line, perhaps a second of advice. Borrowed until the thread's next
 * failing call. */
CADRE_API const char *cadre_last_error(void);
CADRE_API const char *cadre_status_name(cadre_status status); /* static */
CADRE_API const char *cadre_version(void);                    /* static */

/* ---- interruption ---- */

/* Asks every long computation of this process to stop at a point from which it can continue later.
 * The calls then return CADRE_EINTERRUPTED. Safe in a signal handler. This request, and the names
 * for cadre_abandon_files, are the only state that libcadre shares between threads and objects. */
CADRE_API void cadre_interrupt(void);
CADRE_API bool cadre_interrupted(void);
CADRE_API void cadre_interrupt_clear(void);

/* Whether a request to stop is waiting for a call that cannot ask (a pattern that is matched with
 * one word of many megabytes). Nothing is lost by ending the process then. Safe in a signal
 * handler. */
CADRE_API bool cadre_interrupt_unheard(void);

/* For a signal handler that ends the process at once: removes the files that are being written and
 * have not got their final name. (Every file appears under its name complete, or not at all.) */
CADRE_API void cadre_abandon_files(void);

/* ---- options: named values with bounds, set by a command line, a file or a program ---- */

typedef enum cadre_option_kind {
    CADRE_OPTION_FLAG, /* yes or no */
    CADRE_OPTION_INT,
    CADRE_OPTION_REAL,
    CADRE_OPTION_TEXT,
    CADRE_OPTION_PATH,
    CADRE_OPTION_CHOICE,  /* one of a list of words */
    CADRE_OPTION_INTS,    /* "4" or "4,8,8": each within the bounds */
    CADRE_OPTION_CHOICES, /* "norms,biases", or "none" */
    CADRE_OPTION_PATHS,   /* one or more arguments */
    CADRE_OPTION_TEXTS,   /* may be given several times */
    CADRE_OPTION_REALS    /* "1.25" or "2,1.25,1": each within the bounds */
} cadre_option_kind;

/* A row of a table of options. */
typedef struct cadre_option {
    const char *name; /* "min-lr-ratio"; its key in a file is min_lr_ratio */
    cadre_option_kind kind;
    double min, max; /* of INT, REAL and each of INTS; both bounds are allowed */
    /* The default as text; NULL: there is none, or it is decided elsewhere, as `help` says */
    const char *fallback;
    const char *const *choices; /* CHOICE, CHOICES: the words, NULL after the last ... */
    /* ... or a function that gives them, for lists that are kept elsewhere */
    const char *(*choice)(int i);
    const char *value;   /* what a manual calls the value: "N", "FILE"; NULL: by its kind */
    const char *subject; /* the heading under which help shows it */
    const char *help;    /* one sentence, no full stop */
    char letter;         /* -p; 0: none */
    /* CHOICE: what word i means, in one line without a full stop; NULL: `help` says it */
    const char *(*meaning)(int i);
} cadre_option;

typedef struct cadre_option_table {
    const cadre_option *rows; /* static */
    int count;
} cadre_option_table;

CADRE_API cadre_option_table cadre_run_options(void);   /* threads, seed */
CADRE_API cadre_option_table cadre_model_options(void); /* recipe, sizes, router */
/* For sparse layers: routing, capacity, balancing */
CADRE_API cadre_option_table cadre_routing_options(void);
CADRE_API cadre_option_table cadre_train_options(void); /* data, length, optimiser */

/* One thread at a time may use the options, or many that only read values. */
typedef struct cadre_options cadre_options;

/* Makes a value, or its default, for every row of the tables. The tables' names must differ. */
CADRE_API cadre_status cadre_options_new(
    const cadre_option_table *tables, int count, cadre_options **options);
CADRE_API void cadre_options_free(cadre_options *o);

/* Replaces the value. An unknown name, or a value out of bounds, gives CADRE_EARGUMENT; the advice
 * is the nearest name. */
CADRE_API cadre_status cadre_options_set(cadre_options *o, const char *name, const char *value);
/* Adds one of PATHS or TEXTS. */
CADRE_API cadre_status cadre_options_add(cadre_options *o, const char *name, const char *value);
CADRE_API cadre_status cadre_options_load(
    cadre_options *o, const char *path); /* {"lr": 0.003, "warmup": 10} */
/* Copies the values that were given under names that both have. */
CADRE_API cadre_status cadre_options_copy(cadre_options *to, const cadre_options *from);

/* NULL: there is no such option. */
CADRE_API const cadre_option *cadre_options_row(const cadre_options *o, const char *name);
/* Whether the value was given, and is not a default. */
CADRE_API bool cadre_options_given(const cadre_options *o, const char *name);

/* These read values. Asking for a name or a kind that the tables do not have is a bug in the
 * program. `i` is the index in a list. */
/* 0: there is neither a value nor a default. */
CADRE_API int cadre_options_count(const cadre_options *o, const char *name);
CADRE_API bool cadre_options_flag(const cadre_options *o, const char *name);
CADRE_API int64_t cadre_options_int(const cadre_options *o, const char *name, int i);
CADRE_API double cadre_options_real(const cadre_options *o, const char *name);
/* NULL: there is no value. Borrowed */
CADRE_API const char *cadre_options_text(const cadre_options *o, const char *name, int i);
/* Whether a word is among CHOICES. */
CADRE_API bool cadre_options_has(const cadre_options *o, const char *name, const char *word);

/* Word i; NULL: after the last */
CADRE_API const char *cadre_option_choice(const cadre_option *row, int i);

/* The candidate that a user who typed `word` may have meant; NULL: none is near. */
CADRE_API const char *cadre_nearest(const char *word, const char *const *candidates, int count);

/* ---- context: worker threads and the kernels that they run ---- */

/* A context computes for one thread at a time. While a call that computes in it has not returned,
 * such a call by another thread is refused with CADRE_EBUSY, even for another object that was made
 * in it. */
typedef struct cadre_context cadre_context;

/* threads 0: the cores that this process may use. variant NULL: CADRE_CPU if it is set, otherwise
 * the best that this machine has ("portable", "avx2", "avx512", "neon"). Results do not depend on
 * `threads`. */
CADRE_API cadre_status cadre_context_new(int threads, const char *variant, cadre_context **context);
CADRE_API void cadre_context_free(cadre_context *context);
CADRE_API const char *cadre_context_variant(const cadre_context *context); /* static */
CADRE_API int cadre_context_threads(const cadre_context *context);

/* ---- a sparse layer, for programs with a model of their own ---- */

/* The type of its arithmetic: float, except in a libcadre that was built with REAL=double */
#ifdef CADRE_REAL_DOUBLE
typedef double cadre_real;
#else
typedef float cadre_real;
#endif

/* A sparse layer has a router, E experts and perhaps a shared expert, with their weights and
 * gradients: y is the sum of w_e expert_e(x) over the K experts that the router picks for a token.
 * It computes forward and backward; the optimiser is the caller's. Results do not depend on the
 * number of threads. Without capacity, a token's result does not depend on the tokens beside it.
 *
 * One thread at a time may use a layer; layers of different contexts may be used at the same
 * time. */
typedef struct cadre_moe cadre_moe;

typedef struct cadre_moe_shape {
    size_t size;           /* sizeof(cadre_moe_shape) */
    int64_t width, hidden; /* D; H of one expert */
    int32_t experts, topk; /* E, K */
    int64_t shared;        /* hidden width of an expert that every token passes through; 0: none */
    bool shared_gated;     /* its output times sigmoid(w . x) (Qwen2-MoE) */
    bool expert_bias, router_bias;
    const char *router; /* as --router takes it: "softmax" (also NULL), "sigmoid-bias" ... */
    const char *form;   /* as --expert-form takes it: "swiglu" (also NULL), "relu" ... */
    double limit;       /* form gpt-oss: the clamp, 7 as published; 0: none */
    int32_t layer;      /* index in the caller's model, so that random numbers of layers differ */
    int64_t tokens, sequences; /* most tokens and sequences of a batch */
    int64_t latent;            /* width in which routed experts work; 0: D */
    int64_t residual;   /* hidden width of an expert that is mixed with the routed ones (PR-MoE) */
    int64_t vocabulary; /* router hash: token ids */
    int64_t projector;  /* router cosine: the width in which angles are measured; 0: the option's */
    bool residual_logits;       /* as the option of that name */
    const int64_t *bank_hidden; /* H of each bank's experts (option banks); NULL: H */
} cadre_moe_shape;

/* options: those of the table cadre_routing_options (jitter, capacity, balancing losses ...); NULL:
 * none. Weights start normal with deviation 0.02, as a function of `seed`; biases and noise weights
 * start at 0. Borrows the context. CADRE_EARGUMENT: the error names what is not possible. */
CADRE_API cadre_status cadre_moe_new(cadre_context *context, const cadre_moe_shape *shape,
    const cadre_options *options, uint64_t seed, cadre_moe **moe);
CADRE_API void cadre_moe_free(cadre_moe *moe);

/* A matrix or vector of the layer, for the caller's optimiser, files and sums. Pointers are
 * borrowed and never change. */
typedef struct cadre_moe_parameter {
    /* "router.weight", "experts.gate", "experts.down.bias" ...; in a bank "text.router.weight" */
    const char *name;
    int32_t expert;     /* index in its bank; -1: it belongs to no expert */
    int64_t rows, cols; /* [out, in]; a vector has rows 1 */
    cadre_real *values; /* [rows, cols] */
    /* [rows, cols]; NULL: a state, which cadre_moe_step_end changes, or nobody (a hash table) */
    cadre_real *gradient;
    /* The shape in files: 3 [slices, rows / slices, cols], 2 [rows, cols], 1 [cols] */
    int32_t rank;
    int64_t slices;
    bool integers;   /* files hold 32-bit integers */
    int32_t experts; /* in its bank; 0: it belongs to no expert */
} cadre_moe_parameter;

CADRE_API int64_t cadre_moe_parameters(const cadre_moe *moe); /* how many */
CADRE_API cadre_moe_parameter cadre_moe_parameter_at(const cadre_moe *moe, int64_t i);

/* Random numbers for the routing of a batch with train, if the program gives them; NULL: they are
 * drawn from the seed. A hierarchy has G groups of Ei experts. */
typedef struct cadre_moe_draws {
    const cadre_real *normal;   /* [T, E], hierarchical [T, G]: standard normal */
    const cadre_real *inner;    /* [T, G, Ei] hierarchical */
    const cadre_real *gumbel;   /* [K, T, E] sparsemixer */
    const cadre_real *uniform;  /* [K, T] sparsemixer: in [0, 1) */
    const cadre_real *logistic; /* [T, E] expert-choice by sigmoid */
} cadre_moe_draws;

typedef struct cadre_moe_batch {
    int64_t tokens;       /* T */
    int64_t sequences;    /* B; 0: all tokens are one sequence */
    const int64_t *start; /* [B + 1] the first token of each, then T; NULL where sequences is 0 */
    /* [T] false: padding, which is neither routed nor counted; NULL: all are valid */
    const bool *valid;
    /* Jitter, dropout, capacity and balancing are on, and backward may follow. */
    bool train;
    bool differentiate;           /* backward may follow although train is false */
    const cadre_moe_draws *draws; /* NULL: all are drawn */
    const int32_t *ids;           /* [T] of router hash: token ids */
    const int32_t *types;         /* [T] types of tokens, for banks and losses; NULL: all are 0 */
    const cadre_real *logits_before; /* [T, E] of the previous sparse layer, with residual-logits */
    cadre_real *logits_before_gradient; /* [T, E] which backward writes; NULL: not wanted */
} cadre_moe_batch;

/* An optimiser step:
 *     cadre_moe_step_begin(moe, step, sequences, tokens)   counts of the whole step: the valid
 *         tokens of all its batches
 *     for each batch: cadre_moe_forward, cadre_moe_backward
 *     cadre_moe_step_end(moe)                              counts, and moves the correction bias
 *         if the router has one
 * Evaluation is cadre_moe_forward alone, with train false. The gradients of a step's first backward
 * replace the old ones, later ones are added. They include the balancing losses of the options,
 * whose values cadre_moe_losses gives. Losses over a step (balance-over step) count the batches so
 * far, because what follows a batch is not known here. */
CADRE_API void cadre_moe_step_begin(
    cadre_moe *moe, uint64_t step, int64_t sequences, int64_t tokens);
CADRE_API cadre_status cadre_moe_step_end(cadre_moe *moe);

/* x [T, D] -> y [T, D], without the residual. x, start and valid must stay unchanged until
 * backward. */
CADRE_API cadre_status cadre_moe_forward(
    cadre_moe *moe, const cadre_moe_batch *batch, const cadre_real *x, cadre_real *y);

/* dy [T, D], the derivative of the loss by y, -> dx [T, D], and the parameters' gradients. Called
 * once after each forward with train or differentiate. With n tasks, y and dy are [n, T, D]. */
CADRE_API cadre_status cadre_moe_backward(cadre_moe *moe, const cadre_real *dy, cadre_real *dx);

/* The terms to add to the caller's loss, coefficients included, summed over the step's batches so
 * far */
CADRE_API void cadre_moe_losses(const cadre_moe *moe, double *aux, double *z);

/* The same terms one by one: name (static) and value of loss i. Returns false if there are no
 * more. */
CADRE_API bool cadre_moe_loss_at(const cadre_moe *moe, int i, const char **name, double *value);

/* Where the last forward sent its tokens: edges from tokens to experts, token after token. A token
 * has as many edges as its router gave it: K, fewer, or none (padding). Borrowed until the next
 * forward. */
typedef struct cadre_moe_routes {
    int64_t tokens, edges;     /* T, N */
    const int64_t *start;      /* [T + 1] the first edge of each token, then N */
    const int32_t *expert;     /* [N] a token's best first */
    const cadre_real *weight;  /* [N] by which the expert's output is multiplied */
    const int32_t *row;        /* [N] the edge's row among all experts' rows; -1: dropped */
    int64_t capacity;          /* most rows of an expert for the longest sequence; 0: no limit */
    int64_t dropped, rerouted; /* edges */
} cadre_moe_routes;
CADRE_API cadre_moe_routes cadre_moe_routes_get(const cadre_moe *moe);

/* What the router computed besides its routes: "transport" [T, E], "quantile" [E], "dispatch" and
 * "combine" [T, E, slots] of router soft ... Borrowed until the next forward. Returns false if
 * there are no more. */
typedef struct cadre_moe_tensor {
    const char *name; /* static */
    int32_t rank;
    int64_t shape[4];
    const cadre_real *values;
} cadre_moe_tensor;
CADRE_API bool cadre_moe_tensor_at(cadre_moe *moe, int i, cadre_moe_tensor *tensor);

/* Gives the edges of the last forward that found their expert full, in token order. *cursor starts
 * at 0. Returns false if there are no more. */
typedef struct cadre_moe_overflow {
    int64_t token;
    /* Which of the token's edges it is; the full expert; the expert that serves it instead, -1:
     * none */
    int32_t rank, wanted, instead;
} cadre_moe_overflow;
CADRE_API bool cadre_moe_next_overflow(
    const cadre_moe *moe, int64_t *cursor, cadre_moe_overflow *overflow);

/* How evenly and how decidedly a layer routes, over an optimiser step. Entropies are in nats. */
typedef struct cadre_moe_metrics {
    double max_vio;             /* max(count) / mean(count) - 1; 0 without tokens */
    double cv;                  /* deviation(count) / mean(count), population */
    double min_share;           /* smallest count / mean count */
    int32_t dead;               /* experts without a pick */
    double load_entropy;        /* entropy of the counts' shares */
    double effective_experts;   /* exp(load_entropy) */
    double token_entropy;       /* mean entropy of a token's normalised scores */
    double mean_entropy;        /* entropy of the mean of the normalised scores */
    double drop_rate;           /* dropped picks / picks */
    double picks_per_token;     /* differs from K if their number varies */
    double logit_max, lse_mean; /* of the router's logits, and the mean of their logsumexp */
} cadre_moe_metrics;

/* The metrics of the step that cadre_moe_step_end closed. count [E]: picks before capacity,
 * borrowed until the next step; NULL: not wanted. */
CADRE_API cadre_moe_metrics cadre_moe_metrics_get(const cadre_moe *moe, const int64_t **count);

/* Computes a sparse layer on given numbers, forward and backward, so that it can be compared with
 * what other software computed. path: a safetensors file with F32 "x" and "dy" [B, S, D], the
 * parameters under their names ("router.weight" [E, D], "experts.gate" [E, H, D] ...), I32 "valid"
 * [B, S] if tokens are padding, "ids" and "types" [B, S], and "draws.normal" [B S, E] and so on if
 * noise is given. options: those of the tables cadre_layer_options and cadre_routing_options. out:
 * a safetensors file that is written, with "y", "picks" and "weights" [B S, K] of the edges that
 * capacity left, by rising expert (then -1 and 0; K is E if their number varies), what the router
 * leaves (cadre_moe_tensor), "grad.NAME" of the sum of dy y and of all losses, and "loss.NAME" [1].
 * The listener (NULL: none) hears every loss. CADRE_EFORMAT and CADRE_EUNSUPPORTED name the
 * tensor. */
typedef void (*cadre_layer_listener)(void *arg, const char *loss, double value);
CADRE_API cadre_option_table cadre_layer_options(void);
CADRE_API cadre_status cadre_layer_run(cadre_context *context, const char *path,
    const cadre_options *options, const char *out, cadre_layer_listener listener, void *arg);

/* ---- training ---- */

/* The state of a run after a step */
typedef struct cadre_train_progress {
    size_t size;         /* filled in */
    int64_t step, steps; /* done, and in all (an estimate where --minutes decides) */
    double loss, tokens_per_second, seconds, seconds_left;
    double max_vio; /* mean over sparse layers of max load / mean load - 1, this step */
    int64_t dead;   /* experts without a token this step, over all sparse layers */
} cadre_train_progress;

typedef struct cadre_train_listener {
    size_t size; /* sizeof(cadre_train_listener) */
    /* Called after every step; NULL: not wanted */
    void (*progress)(void *arg, const cadre_train_progress *p);
    /* Called with a sentence that the user should know; NULL: not wanted */
    void (*note)(void *arg, const char *sentence);
    void *arg;
    /* With --dry-run: called with what the run would be. Names are those of options where there are
     * some, and numbers are decimal text. NULL: not wanted, and then nothing is measured. */
    void (*fact)(void *arg, const char *name, const char *value);
} cadre_train_listener;

typedef struct cadre_train_summary {
    size_t size;            /* sizeof(cadre_train_summary) */
    const char *model_type; /* static */
    int64_t steps, tokens, parameters, active_parameters;
    int64_t memory_bytes; /* that the run needs at its peak */
    double seconds, loss; /* loss: mean of the last steps, up to 20; NaN: no step was taken */
    bool validation;      /* texts were kept apart: cadre_analyse has something to look at */
} cadre_train_summary;

/* Trains as the options say, which are the tables of run, model, routing and train in one object.
 * Leaves in the folder --out a model that generates, the state to resume from, metrics.jsonl and
 * run.json. Options that were not given are completed from the recipe. With --dry-run nothing is
 * written; only the sizes of the summary are set, and the listener is told what the run would be.
 * CADRE_EINTERRUPTED: the run stopped on request, after a checkpoint, and the summary is set. */
CADRE_API cadre_status cadre_train(cadre_context *context, cadre_options *options,
    const cadre_train_listener *listener, cadre_train_summary *summary);

typedef struct cadre_output_listener {
    size_t size; /* sizeof(cadre_output_listener) */
    /* Bytes of weights; NULL: not wanted */
    void (*progress)(void *arg, int64_t done, int64_t total);
    /* What the file cannot say, or has otherwise; NULL: not wanted */
    void (*note)(void *arg, const char *sentence);
    void *arg;
} cadre_output_listener;

/* The i-th number format that files of models are written in, or mixture of them ("q4_k_m"); NULL:
 * there are no more. */
CADRE_API const char *cadre_dtype_name(int i);

/* A folder, or NAME.gguf, with a model of random weights, a function of --seed: of the recipe and
 * sizes in the options (the tables of cadre_train), or of a config.json where `config` is not NULL.
 * dtype as for cadre_convert; NULL: "f32". Written piece by piece: a model of any size takes a few
 * megabytes of memory. CADRE_EEXISTS where there is a model in `out`. */
CADRE_API cadre_status cadre_init(cadre_context *context, cadre_options *options,
    const char *config, const char *dtype, const char *out, const cadre_output_listener *listener);

/* ---- tokenizer ---- */

/* Text to token ids and back. Does not change once open: any number of threads may use one. */
typedef struct cadre_tokenizer cadre_tokenizer;

/* PATH is a tokenizer.json, a model's folder with one in it, or a GGUF file. What the file asks for
 * and libcadre does not do is refused by name: CADRE_EUNSUPPORTED. */
CADRE_API cadre_status cadre_tokenizer_open(const char *path, cadre_tokenizer **tokenizer);
CADRE_API void cadre_tokenizer_close(cadre_tokenizer *tokenizer);
/* One more than the highest id */
CADRE_API int32_t cadre_tokenizer_size(const cadre_tokenizer *tokenizer);

enum {
    /* encode: begin- and end-of-text tokens as the tokenizer's file says */
    CADRE_ADD_SPECIAL = 1,
    /* encode: control tokens spelt out in the text become their ids; else they are plain text */
    CADRE_PARSE_SPECIAL = 2,
    CADRE_SKIP_SPECIAL = 4 /* decode: control tokens leave no text */
};

/* The ids [count] of a text of any bytes, to be freed by cadre_free. */
CADRE_API cadre_status cadre_tokenizer_encode(const cadre_tokenizer *tokenizer, const char *text,
    size_t size, unsigned flags, int32_t **ids, int64_t *count);

/* The text [size] of `count` ids, a NUL after it, to be freed by cadre_free. It need not be UTF-8:
 * ids may stand for parts of a character. Ids outside the vocabulary are refused. */
CADRE_API cadre_status cadre_tokenizer_decode(const cadre_tokenizer *tokenizer, const int32_t *ids,
    int64_t count, unsigned flags, char **text, size_t *size);
CADRE_API void cadre_free(void *result); /* NULL is fine */

/* Refuses by name, with the command that makes text of it, what is no text: compressed files,
 * tables, PDF, UTF-16, pointers of Git LFS, and what is mostly no UTF-8. Bytes that are no UTF-8
 * here and there are fine. name: of the file, for the error; NULL: not known. */
CADRE_API cadre_status cadre_text_check(const char *name, const char *text, size_t size);

/* ---- chat ---- */

/* Conversations as the text that a family of models was trained on. The templates are built in; a
 * model's own, which is a program, is only looked at for signs of its family and never run. */
typedef struct cadre_message {
    const char *role; /* "system" (first, if at all), "user" or "assistant" */
    const char *text; /* plain text, whatever control tokens it spells */
    size_t size;
} cadre_message;

CADRE_API const char *cadre_chat_template(int index); /* names; NULL after the last. Static */

/* The name of the template that the tokenizer's model was trained with. CADRE_EUNSUPPORTED, with
 * the names that there are: the model's files hold none, or one that is not known. */
CADRE_API cadre_status cadre_chat_recognise(const cadre_tokenizer *tokenizer, const char **name);

/* The ids [id_count] of a conversation up to where the next answer begins, to be freed by
 * cadre_free. */
CADRE_API cadre_status cadre_chat_encode(const cadre_tokenizer *tokenizer, const char *name,
    const cadre_message *messages, int message_count, int32_t **ids, int64_t *id_count);

/* Whether this token ends an answer. */
CADRE_API bool cadre_chat_ends(const cadre_tokenizer *tokenizer, const char *name, int32_t id);

/* ---- texts that stop ---- */

/* Finds the first of some texts in one that comes piece by piece, however it is cut into pieces,
 * and holds back what may yet turn out to be one: no byte of it is told. For the listeners of text
 * below. Used by one thread at a time. */
typedef struct cadre_stop cadre_stop;

/* None may be empty */
CADRE_API cadre_status cadre_stop_new(const char *const *texts, int count, cadre_stop **stop);
CADRE_API void cadre_stop_free(cadre_stop *stop);

/* Takes the next piece. told [told_size]: what can be told now, all before the text that was found
 * where *found; borrowed until the next call. After that the object is as new. */
CADRE_API cadre_status cadre_stop_take(cadre_stop *stop, const char *text, size_t size,
    const char **told, size_t *told_size, bool *found);

/* What was held back and is told after all, because nothing more comes. The object is then as
 * new. */
CADRE_API void cadre_stop_rest(cadre_stop *stop, const char **told, size_t *told_size);

/* ---- models ---- */

/* Its numbers never change. Any number of threads may ask for them and for its tokenizer; one at a
 * time computes with it or with sessions of it, others are refused with CADRE_EBUSY meanwhile. */
typedef struct cadre_model cadre_model;

/* A Hugging Face folder or a GGUF file. Weights are mapped, not copied, where they can be used as
 * they lie. Borrows the context. */
CADRE_API cadre_status cadre_model_open(
    cadre_context *context, const char *path, cadre_model **model);

/* Ways of opening that are not the usual ones. */
typedef struct cadre_opening {
    size_t size; /* sizeof(cadre_opening) */
    /* Quantised weights are copied into memory in the order of this machine's kernels, which are
     * faster then; the file's pages are let go. Results are the same. */
    bool repack;
} cadre_opening;
CADRE_API cadre_status cadre_model_open_with(
    cadre_context *context, const char *path, const cadre_opening *how, cadre_model **model);
CADRE_API void cadre_model_close(cadre_model *model);

typedef struct cadre_format_share {
    char name[12]; /* "Q4_K" */
    int64_t bytes; /* in the file */
} cadre_format_share;

typedef struct cadre_model_info {
    size_t size;              /* sizeof(cadre_model_info) */
    const char *architecture; /* "olmoe"; static */
    const char *router;       /* in words; static */
    /* [format_count] of its weights, most bytes first; borrowed */
    const cadre_format_share *formats;
    int format_count;
    int64_t vocabulary, width, layers, sparse_layers, heads, kv_heads, context;
    int64_t experts, experts_per_token, expert_width, shared_width; /* of most sparse layers */
    int64_t parameters, active_parameters;
    int64_t weight_bytes;     /* in the file */
    int64_t copied_bytes;     /* of weights that are not used where they lie */
    int64_t repack_bytes;     /* that opening with .repack copies, or has */
    int64_t recurrent_layers; /* of the layers, those that do not attend; heads 0: all */
} cadre_model_info;

CADRE_API cadre_status cadre_model_info_get(const cadre_model *model, cadre_model_info *info);

/* Memory beside the file's pages, for one sequence of at most `context` tokens. What the program
 * itself takes, about 1 MB, and what a benchmark measures the machine with, are not in it. Opens
 * the tokenizer where there is one. */
typedef struct cadre_memory {
    size_t size;       /* sizeof(cadre_memory) */
    int64_t copied;    /* weights that are not used where they lie */
    int64_t names;     /* names, places and views of weights */
    int64_t tokenizer; /* 0: there is none */
    int64_t cache;     /* keys and values; taken as the sequence grows */
    int64_t working;   /* what passes of up to 512 tokens at a time take, and each thread */
    int64_t total;
} cadre_memory;
CADRE_API cadre_status cadre_model_memory(
    cadre_model *model, int64_t context, cadre_memory *memory);
/* Keys and values of one sequence */
CADRE_API int64_t cadre_model_cache_bytes(const cadre_model *model, int64_t tokens);

/* The model's own tokenizer, borrowed; an error where its folder has none. */
CADRE_API cadre_status cadre_model_tokenizer(cadre_model *model, const cadre_tokenizer **tokenizer);

/* A folder or a GGUF file made into the other (OUT ends in .gguf: a GGUF), or the same in other
 * numbers: dtype of the matrices, and of the experts' alone, one of cadre_dtype_name's, in a folder
 * "f32", "f16" or "bf16"; NULL: as they are, and as dtype says. Vectors, and a GGUF's routers, stay
 * float32; rows that are not whole blocks become q8_0 or f16, which is noted. CADRE_EEXISTS where
 * OUT is there; a failure leaves no file under a final name. */
CADRE_API cadre_status cadre_convert(cadre_context *context, const char *in, const char *out,
    const char *dtype, const char *experts_dtype, const cadre_output_listener *listener);

/* ---- running models ---- */

/* What a model computes must be numbers: where its logits or losses are not (NaN in a tensor, sums
 * beyond what a float holds), these functions return CADRE_EFORMAT, and the sentence names the
 * tensor at fault if one is found. */

/* Logits and routing of every position, written to a safetensors file: tokens [T] i32, logits [T,
 * V] f32, routes [S, T, K] i32 sorted by id, weights [S, T, K] f32 in the same order; -1 and 0
 * where a token has fewer picks. S: sparse layers.
 *
 * A model with an encoder reads `tokens` [T] there and `decoder` [U] in its decoder; NULL: a model
 * without. Its file also has decoder_tokens [U], logits are [U, V], and there are tensors routes.i
 * and weights.i [T or U, K] for the encoder's sparse layers, then the decoder's. */
CADRE_API cadre_status cadre_logits(cadre_model *model, const int32_t *tokens, int64_t count,
    const int32_t *decoder, int64_t decoder_count, const char *out);

/* How tokens are chosen. Zero is neutral everywhere: a struct of zeros and its size takes the most
 * likely token each time. What is out of bounds, or no number, is CADRE_EARGUMENT. */
typedef struct cadre_sampling {
    size_t size;               /* sizeof(cadre_sampling) */
    double temperature;        /* at least 0; 0: greedy, always the most likely token */
    int64_t top_k;             /* 0: all */
    double top_p;              /* 0 to 1, a share of what top_k leaves; 0 and 1: all */
    double min_p;              /* 0 to 1; 0: all */
    double repetition_penalty; /* at least 0; 0 and 1: none */
    uint64_t seed;
} cadre_sampling;

/* As likely as the model says, with seed 0. It is also what NULL means wherever a cadre_sampling is
 * asked for. */
static inline cadre_sampling cadre_sampling_default(void)
{
    cadre_sampling sampling = { sizeof(cadre_sampling), 1.0, 0, 1.0, 0.0, 1.0, 0 };
    return sampling;
}

/* Replaces what the model's own files say of how to sample (generation_config.json, or the keys
 * general.sampling of a GGUF), and leaves the rest as it is. *said: whether they say anything. A
 * value that cannot be is CADRE_EFORMAT. */
CADRE_API cadre_status cadre_model_sampling(
    const cadre_model *model, cadre_sampling *sampling, bool *said);

/* A token as it is generated: its id, and the text that became whole with it (size may be 0). false
 * stops. */
typedef bool (*cadre_token_listener)(void *arg, int32_t id, const char *text, size_t size);

/* Continues `count` tokens (at least 1) by up to `limit`, until an end-of-text token, which is
 * reported too, with no text. routes NULL, or a file that records every routing decision for
 * cadre_report_write. */
CADRE_API cadre_status cadre_generate(cadre_model *model, const int32_t *tokens, int64_t count,
    int64_t limit, const cadre_sampling *sampling, const char *routes,
    cadre_token_listener listener, void *arg);

/* A sequence whose keys and values are kept, so that a text that begins as the last one did costs
 * only what is new in it: the turns of a conversation. Holds up to `capacity` tokens; takes memory
 * as they come. Borrows the model. Used by one thread at a time; CADRE_EBUSY while another computes
 * with the same model, and when its own listener calls back. */
typedef struct cadre_session cadre_session;
CADRE_API cadre_status cadre_session_new(
    cadre_model *model, int64_t capacity, cadre_session **session);
CADRE_API void cadre_session_free(cadre_session *session);

/* As cadre_generate of the whole text: the same tokens come. count + limit <= capacity. */
CADRE_API cadre_status cadre_session_generate(cadre_session *session, const int32_t *tokens,
    int64_t count, int64_t limit, const cadre_sampling *sampling, cadre_token_listener listener,
    void *arg);

/* What it holds: how many tokens, how many there is room for, and which [length], borrowed until
 * the session goes on. After cadre_session_generate these are the text that was given and what was
 * generated, but for the last token. */
CADRE_API int64_t cadre_session_length(const cadre_session *session);
CADRE_API int64_t cadre_session_capacity(const cadre_session *session);
CADRE_API const int32_t *cadre_session_tokens(const cadre_session *session);

/* Forgets all but the first `length` tokens. */
CADRE_API cadre_status cadre_session_truncate(cadre_session *session, int64_t length);

/* Another session that holds the first `length` tokens of this one, whose keys and values are not
 * computed again: texts that begin alike. They are shared, block by block, and only a block that
 * one of the two writes is copied. Each goes on without the other, and may be freed first. */
CADRE_API cadre_status cadre_session_fork(
    cadre_session *from, int64_t length, int64_t capacity, cadre_session **session);

/* ---- many sequences in one pass ---- */

/* The working memory of passes that take several sessions of one model on together: each attends to
 * its own past, and one reading of the weights serves them all. A session's numbers are the same
 * bits whatever stands beside it, in whatever pieces its tokens come, for any number of threads.
 * Borrows the model. Used by one thread at a time; CADRE_EBUSY while another one computes with the
 * same model. */
typedef struct cadre_pass cadre_pass;

/* For passes of up to `tokens` tokens of up to `sessions` sessions, each of at most this capacity.
 * Passes allocate nothing but what the sessions' caches grow by. */
CADRE_API cadre_status cadre_pass_new(
    cadre_model *model, int64_t tokens, int64_t sessions, int64_t capacity, cadre_pass **pass);
CADRE_API void cadre_pass_free(cadre_pass *pass);

/* What one session takes next. */
typedef struct cadre_pass_part {
    cadre_session *session; /* stands in one part of a pass */
    const int32_t *tokens;  /* [count] */
    int64_t count;          /* at least 1 */
    /* Of how many of these tokens logits are wanted; 0: none, as of all but a prompt's last
     * piece */
    int64_t row_count;
    const int64_t *rows; /* [row_count] of which, 0 to count - 1; NULL: of the last ones */
    cadre_status status; /* filled in: whether this part can be */
} cadre_pass_part;

/* One pass through the model. logits [sum of row_count, V], the caller's memory: the parts' rows
 * one after another; NULL where none are wanted. All is checked before anything is done: where a
 * part cannot be, as of a session that has no room, its status says so, the first such status is
 * returned, and no session has moved. cadre_interrupt does not stop it. */
CADRE_API cadre_status cadre_pass_run(
    cadre_pass *pass, cadre_pass_part *parts, int64_t count, cadre_real *logits);

/* ---- many requests ---- */

/* Texts that are continued beside each other, as a server does. Requests are submitted at any time,
 * wait in order in a bounded queue, and are taken further together by whoever calls
 * cadre_batcher_run again and again: a pass takes every text that is being written one token
 * further, and reads a bounded piece of the prompts that have come. What a request writes is what
 * cadre_generate writes for it, to the bit, whatever else is in a pass and whoever is cancelled.
 *
 * One thread runs; any number of others submit, poll and cancel meanwhile, and wait for no pass.
 * Borrows the model. Passes allocate nothing.
 *
 * The caches of all requests lie in one pool of blocks, each of 64 tokens, as many as were asked
 * for when the batcher was made. A request waits until the blocks that its prompt and its limit may
 * come to need are free, or kept for nobody who is being served: it never runs out of them later.
 * Requests that begin alike, to a whole block, share its memory and read it once. What has been
 * read is kept until another request needs the room, what was used last the longest. */
typedef struct cadre_batcher cadre_batcher;

typedef struct cadre_batcher_limits {
    size_t size;     /* sizeof(cadre_batcher_limits) */
    int64_t slots;   /* requests that are read and written at a time, at least 1 */
    int64_t queue;   /* requests held beside these: that wait, or have ended and are still known */
    int64_t context; /* tokens of a request, its prompt's included; 0: the model's own */
    int64_t chunk;   /* tokens of prompts that a pass reads; 0: 512 */
    int64_t beside;  /* the same while others write and wait for the pass; 0: 64 */
    /* Tokens that the caches of all requests hold together, those that are kept among them: at
     * least the context; 0, and at most: slots times the context */
    int64_t cache;
} cadre_batcher_limits;

/* Takes the memory of its passes, of at most chunk + slots - 1 tokens, and logits [slots, V]. The
 * caches' memory is taken as it is first used, and is at most cadre_model_cache_bytes of `cache`
 * tokens, or with cache 0 slots times that of the context. */
CADRE_API cadre_status cadre_batcher_new(
    cadre_model *model, const cadre_batcher_limits *limits, cadre_batcher **batcher);
/* With all its requests. Nobody else may be using it. */
CADRE_API void cadre_batcher_free(cadre_batcher *batcher);

typedef struct cadre_request {
    size_t size;           /* sizeof(cadre_request) */
    const int32_t *tokens; /* [count] the prompt: at least 1, fewer than the context */
    int64_t count;
    int64_t limit; /* tokens to write, at least 0; those beyond the context are not written */
    const cadre_sampling *sampling; /* NULL: cadre_sampling_default */
    const char *const *stops;       /* [stop_count] texts that end it, as cadre_stop finds them */
    int stop_count;
    const int32_t *ends; /* [end_count] tokens that end it, beside the model's own */
    int64_t end_count;
} cadre_request;

/* Copies the request. id: what it is called from now on, a number above 0 that does not come
 * again. CADRE_EFULL: slots and queue are taken. */
CADRE_API cadre_status cadre_batcher_submit(
    cadre_batcher *batcher, const cadre_request *request, int64_t *id);

/* One pass. Where slots are free, those who wait longest take them first. idle: no request is
 * waiting, read or written, and nothing was done. CADRE_EBUSY: another thread computes in the same
 * context. A request's own fault is its own (CADRE_REQUEST_FAILED) and not returned here;
 * cadre_interrupt does not stop it. */
CADRE_API cadre_status cadre_batcher_run(cadre_batcher *batcher, bool *idle);

typedef enum cadre_request_state {
    CADRE_REQUEST_WAITS,
    CADRE_REQUEST_READS,   /* its prompt */
    CADRE_REQUEST_WRITES,  /* what follows have ended: */
    CADRE_REQUEST_ENDED,   /* by a token that ends a text */
    CADRE_REQUEST_STOPPED, /* by a stop text */
    CADRE_REQUEST_LIMIT,   /* by its limit, or at the end of the context */
    CADRE_REQUEST_FAILED   /* `status` and `sentence` say why */
} cadre_request_state;

/* What has become of a request since it was last polled. */
typedef struct cadre_request_news {
    size_t size; /* sizeof(cadre_request_news) */
    cadre_request_state state;
    const int32_t *ids; /* [id_count] written since; with the end-of-text token */
    int64_t id_count;
    const char *text; /* [text_size] told since: whole characters, nothing of a stop text */
    size_t text_size;
    int64_t prompt_tokens, cached_tokens; /* of the prompt: all; and those not read again */
    int64_t tokens;                       /* written in all */
    cadre_status status;                  /* CADRE_OK, but of a request that has failed */
    const char *sentence;                 /* "" */
} cadre_request_news;

/* Pointers are borrowed until the request is polled again or cancelled. CADRE_EARGUMENT: no request
 * is called so. */
CADRE_API cadre_status cadre_batcher_poll(
    cadre_batcher *batcher, int64_t id, cadre_request_news *news);

/* The caches of all requests, after the last pass. */
typedef struct cadre_batcher_cache {
    size_t size;          /* sizeof(cadre_batcher_cache) */
    int64_t block_tokens; /* of each block; 0, as all below: of a model with an encoder */
    int64_t blocks;       /* in all */
    int64_t used;         /* by requests that are read or written */
    int64_t kept;         /* of texts that were read before: they make room where it is needed */
    /* Of the prompts of all requests so far: all, and those that were found in the cache */
    int64_t prompt_tokens, cached_tokens;
    int64_t evicted; /* shared blocks that had to make room, so far */
} cadre_batcher_cache;

/* Waits for no pass. */
CADRE_API cadre_status cadre_batcher_cache_get(cadre_batcher *batcher, cadre_batcher_cache *cache);

/* Lets go of a request, at once of one that waits or has ended, before the next pass of one that is
 * written. Every request is cancelled once: it keeps its place until then, also when it has ended.
 * CADRE_EARGUMENT as above. */
CADRE_API cadre_status cadre_batcher_cancel(cadre_batcher *batcher, int64_t id);

/* ---- conversations ---- */

/* A conversation of up to `capacity` tokens with a model. Its template by name; NULL: recognised,
 * see cadre_chat_recognise. Used by one thread at a time; CADRE_EBUSY while another computes with
 * the same model, and when its own listener calls back. */
typedef struct cadre_chat cadre_chat;
CADRE_API cadre_status cadre_chat_new(
    cadre_model *model, const char *template_name, int64_t capacity, cadre_chat **chat);
CADRE_API void cadre_chat_free(cadre_chat *chat);
CADRE_API const char *cadre_chat_template_of(const cadre_chat *chat); /* its name; static */
/* Forgets all that was said but a system message */
CADRE_API void cadre_chat_clear(cadre_chat *chat);

/* Whether, or how much, the model thinks before its next answers: "on", "off", "low", "medium" or
 * "high", of which few templates know any and none knows all. CADRE_EARGUMENT: this one does not,
 * and the advice says which it knows. */
CADRE_API cadre_status cadre_chat_think(cadre_chat *chat, const char *how);
/* NULL: the template leaves no choice. Static */
CADRE_API const char *cadre_chat_thinking(const cadre_chat *chat);
/* The words that there are; NULL after the last. Static */
CADRE_API const char *cadre_thinking(int index);

CADRE_API cadre_status cadre_chat_add(
    cadre_chat *chat, const char *role, const char *text, size_t size);

/* The model's answer to what was added, up to `limit` tokens (0: as many as there is room for),
 * reported as it comes and added to the conversation, also when it is interrupted. Thoughts, which
 * some models mark, are reported and not kept; where a model ends its turn in a thought that it did
 * not close, all of the thought is the answer and reported again as such. false stops.
 *
 * Where less room than `limit` and than a quarter of the capacity is left, the oldest turns are let
 * go first. CADRE_ENOMEM: the last message does not fit even so; it is taken back, and the
 * conversation is as it was before. */
typedef bool (*cadre_chat_listener)(void *arg, bool thought, const char *text, size_t size);
CADRE_API cadre_status cadre_chat_answer(cadre_chat *chat, int64_t limit,
    const cadre_sampling *sampling, cadre_chat_listener listener, void *arg);

typedef enum cadre_chat_end {
    CADRE_CHAT_ENDED,  /* by the model itself */
    CADRE_CHAT_LIMIT,  /* cut: `limit` tokens have come */
    CADRE_CHAT_FULL,   /* cut: so has the conversation's capacity */
    CADRE_CHAT_STOPPED /* cut: by the listener, or interrupted */
} cadre_chat_end;

/* How the last answer went. */
typedef struct cadre_chat_account {
    size_t size; /* sizeof(cadre_chat_account) */
    cadre_chat_end end;
    bool answered;            /* false: what came was thoughts alone */
    bool unclosed;            /* the model did not close its thoughts, which are the answer */
    int64_t let_go;           /* messages that were let go to make room */
    int64_t prompt_tokens;    /* of the whole conversation before the answer */
    int64_t tokens;           /* of the answer, with thoughts and marks */
    double tokens_per_second; /* of those after the first; 0: there are none */
} cadre_chat_account;

CADRE_API cadre_status cadre_chat_account_get(const cadre_chat *chat, cadre_chat_account *account);

typedef struct cadre_evaluation {
    size_t size; /* sizeof(cadre_evaluation) */
    int64_t bytes, tokens;
    double bits_per_byte, perplexity;
} cadre_evaluation;

/* Work that is behind and in all; NULL: not wanted. */
typedef void (*cadre_progress_listener)(void *arg, int64_t done, int64_t total);

/* How well the model predicts a text, in windows that overlap by half, so that every token but
 * those of the first half window has at least half a window before it; the first token is charged
 * log2 V bits. context: tokens of a window, at most the model's own; 0: the model's own, or 2048
 * where that is more. progress: in tokens. */
CADRE_API cadre_status cadre_evaluate(cadre_model *model, const char *text, size_t size,
    int64_t context, cadre_progress_listener progress, void *arg, cadre_evaluation *result);

/* Looks at a finished run's held-out texts: bits per byte, load by domain and expert, passages with
 * their experts, and a sample in each domain; writes them to analysis.json in the run's folder. */
CADRE_API cadre_status cadre_analyse(
    cadre_context *context, const char *run, const cadre_train_listener *listener);

/* ---- models made of models ---- */

/* A model on disk (a folder, or a GGUF file) becomes another one in `out` (a GGUF where it ends in
 * .gguf), with more experts or fewer. It is read and written tensor by tensor, in the number
 * formats that it has, and appears whole or not at all; tokenizer and companions go along. Where no
 * published family's files can say what it is, it has the layout "cadre". CADRE_EEXISTS: there is a
 * model in `out`. CADRE_EUNSUPPORTED: what cannot be done, by name.
 *
 * Options are of the table named beside each function and of cadre_run_options, in one object. The
 * two models then read the texts of --text, in windows of up to 512 tokens, each by itself; where
 * there are none, 256 tokens drawn at random, a function of --seed. */
typedef struct cadre_growth {
    size_t size;                        /* sizeof(cadre_growth) */
    const char *model_type;             /* of the new model; static */
    int64_t experts, experts_per_token; /* of most of its sparse layers */
    int64_t parameters, active_parameters;
    int64_t tokens;       /* that both models have read */
    bool same_bits;       /* all logits are the same numbers */
    double difference;    /* the largest of any logit; infinity: one is no number */
    double largest_logit; /* of the old model, without its sign */
    double agreement;     /* share of tokens after which both expect the same one */
    /* Mean over tokens that another one precedes, in nats */
    double loss_before, loss_after;
} cadre_growth;

/* A sparse model of a dense one, whose feed-forwards become experts: cadre_upcycle_options. With
 * --method copy and granular it computes what the dense one does. */
CADRE_API cadre_option_table cadre_upcycle_options(void);
CADRE_API cadre_status cadre_upcycle(cadre_context *context, const char *dense, const char *out,
    const cadre_options *options, const cadre_output_listener *listener, cadre_growth *growth);

/* A sparse model with more experts, copies that are held back so that it computes what it did, to
 * the bit or nearly: cadre_grow_options. */
CADRE_API cadre_option_table cadre_grow_options(void);
CADRE_API cadre_status cadre_grow(cadre_context *context, const char *model, const char *out,
    const cadre_options *options, const cadre_output_listener *listener, cadre_growth *growth);

/* A sparse model with fewer experts, those that are of most use on the texts of --text or in the
 * recorded routes of --routes: cadre_prune_options. */
CADRE_API cadre_option_table cadre_prune_options(void);
CADRE_API cadre_status cadre_prune(cadre_context *context, const char *model, const char *out,
    const cadre_options *options, const cadre_output_listener *listener, cadre_growth *growth);

/* One sparse model of `count` dense ones with the same numbers, 2 at least, that were trained apart
 * from one beginning: the feed-forward of each becomes an expert, the rest their mean, the router
 * new: cadre_merge_options. It is compared with the first. */
CADRE_API cadre_option_table cadre_merge_options(void);
CADRE_API cadre_status cadre_merge(cadre_context *context, const char *const *models, int32_t count,
    const char *out, const cadre_options *options, const cadre_output_listener *listener,
    cadre_growth *growth);

/* ---- mixtures of local experts on tables ---- */

/* A soft mixture of experts (Jacobs et al. 1991, Jordan & Jacobs 1994) on a table of numbers in a
 * CSV file: a gate says for each row how much each of E experts has to say, the experts are linear
 * or small networks, and all of them answer: y = sum of p_i(x) o_i(x). Computes in double precision
 * and in one thread; does not change once it is fitted or open, so any number of threads may use
 * one. */
typedef struct cadre_mixture cadre_mixture;

/* Columns, experts, method, files */
CADRE_API cadre_option_table cadre_mixture_options(void);

/* Where a fit stands: before the first iteration, and after each. */
typedef struct cadre_mixture_progress {
    size_t size;                   /* filled in */
    int64_t iteration, iterations; /* done, and in all */
    /* Of all rows, constants included; under --method em it never falls */
    double log_likelihood;
    double loss; /* that gradient descent follows, mean over rows; NaN: the method has none */
} cadre_mixture_progress;

/* NULL: not wanted. */
typedef void (*cadre_mixture_listener)(void *arg, const cadre_mixture_progress *p);

/* Fits a mixture on the table `data` as the options say (the tables of run and mixture in one
 * object), and writes it to the folder --out and its course to the file --trace where these are
 * given. CADRE_EEXISTS: there is a mixture in that folder. CADRE_EFORMAT: not a table that such a
 * mixture can be fitted on; the sentence says where. */
CADRE_API cadre_status cadre_mixture_fit(const char *data, const cadre_options *options,
    cadre_mixture_listener listener, void *arg, cadre_mixture **mixture);
CADRE_API void cadre_mixture_free(cadre_mixture *mixture);

/* A folder that cadre_mixture_fit wrote; freed by cadre_mixture_free. */
CADRE_API cadre_status cadre_mixture_open(const char *folder, cadre_mixture **mixture);

typedef struct cadre_mixture_info {
    size_t size;             /* sizeof(cadre_mixture_info) */
    const char *method;      /* as --method takes it; static */
    bool classify;           /* the one target is a class */
    int64_t inputs, targets; /* columns of the table */
    int64_t outputs;         /* numbers of a prediction: a target each, or a class each */
    int64_t experts, groups; /* groups 0: there is no hierarchy */
    int64_t hidden;          /* units of an expert's hidden layer; 0: experts are linear */
    int64_t parameters, rows, iterations;
    double log_likelihood; /* after the last iteration */
} cadre_mixture_info;

CADRE_API cadre_status cadre_mixture_info_get(
    const cadre_mixture *mixture, cadre_mixture_info *info);

/* The i-th column's name, inputs first, then targets; NULL: there are no more. Borrowed */
CADRE_API const char *cadre_mixture_column(const cadre_mixture *mixture, int64_t i);

/* How much of the rows an expert answered for at the end of the fit: the mean of its gate, which of
 * all experts together is 1. */
CADRE_API double cadre_mixture_share(const cadre_mixture *mixture, int64_t expert);

/* What a mixture makes of a row; borrowed for the call. */
typedef struct cadre_mixture_prediction {
    size_t size;         /* filled in */
    int64_t row;         /* from 0 */
    const double *input; /* [inputs] as they stand in the table */
    /* [outputs] the targets, or the probability of each class */
    const double *output;
    int64_t best;       /* of classes the most probable; -1: the targets are no classes */
    const double *gate; /* [experts] p_i, their sum 1; with a gate a task of the first target */
} cadre_mixture_prediction;

typedef void (*cadre_mixture_answer)(void *arg, const cadre_mixture_prediction *p);

/* Predicts each row of a table that has the columns of the mixture's inputs, by name, in any order,
 * perhaps among others. All of the table is read and checked before the first answer. */
CADRE_API cadre_status cadre_mixture_predict(
    const cadre_mixture *mixture, const char *data, cadre_mixture_answer answer, void *arg);

/* ---- benchmarks ---- */

/* Each writes lines of one JSON object, as it gets them. Limits (FMA peak, read bandwidth) are
 * measured in the same run. */
typedef void (*cadre_line_listener)(void *arg, const char *line);

/* {"what": "square" or "grouped", "m", "n", "k", "experts", "mean_rows", "gflops",
 * "ratio_openblas", "peak_fraction"}: matrix products of the forward pass, and the time that
 * OpenBLAS (a loop over experts) takes for the same over ours; null where it is not installed, as
 * mean_rows is where nothing is grouped. */
CADRE_API cadre_status cadre_bench_gemm(
    cadre_context *context, cadre_line_listener line, void *arg);

/* {"tokens_per_second", "active_parameters", "parameters", "gflops", "peak_fraction"} of a training
 * step of the options' recipe, sizes, batch and context on random tokens; gflops counts 6
 * operations a token and active parameter. */
CADRE_API cadre_status cadre_bench_train(
    cadre_context *context, cadre_options *options, cadre_line_listener line, void *arg);

/* {"tokens", "ratio_dense"}: time of a training step of a sparse layer (width 512, 64 experts of
 * width 256, 8 picks; routing and dispatch included) over that of a dense feed-forward of equal
 * active work, a line for each number of tokens. */
CADRE_API cadre_status cadre_bench_layer(
    cadre_context *context, cadre_line_listener line, void *arg);

/* {"streams", "steps", "depth", "tokens_per_second", "bytes_per_token", "bandwidth",
 * "bandwidth_fraction"} of `streams` sequences that hold `depth` tokens and take `steps` more, one
 * a pass, all together. Bytes: of the weights that the passes read, an expert's once a pass however
 * many sequences chose it, and of the cache. bandwidth: bytes a second that this machine reads. */
CADRE_API cadre_status cadre_bench_decode(cadre_model *model, int64_t steps, int64_t streams,
    int64_t depth, cadre_line_listener line, void *arg);

/* {"tokens", "tokens_per_second", "gflops", "peak_fraction"} of reading a prompt of `tokens`;
 * gflops counts 2 operations a token and active weight. */
CADRE_API cadre_status cadre_bench_prefill(
    cadre_model *model, int64_t tokens, cadre_line_listener line, void *arg);

/* ---- verification ---- */

/* One check on this machine: a reference number, a gradient, a kernel. Strings are borrowed for the
 * call. */
typedef struct cadre_verification {
    size_t size; /* filled in */
    const char *group, *name;
    bool passed;
    const char *detail; /* what was found */
} cadre_verification;

typedef void (*cadre_verify_listener)(void *arg, const cadre_verification *v);

/* Runs every check and tells of each. threads 0: the cores that this process may use. */
CADRE_API cadre_status cadre_verify(int threads, cadre_verify_listener listener, void *arg);

/* ---- report ---- */

/* Writes a self-contained web page to `out`. `run` is the folder of a training run (run.json, and
 * what lies there of metrics.jsonl, analysis.json and compare.json), a file of recorded routes, or
 * the folder of a mixture on a table.
 * The page replaces `out` whole or not at all. */
CADRE_API cadre_status cadre_report_write(const char *run, const char *out);

/* The same of two training runs side by side: losses and balance over the steps, bits per byte by
 * domain, loads, what domain and expert share, and the settings in which they differ. */
CADRE_API cadre_status cadre_report_compare(const char *first, const char *second, const char *out);

#ifdef __cplusplus
}
#endif
#endif
