/* cadre.h - Mixture-of-Experts in C: the public interface of libcadre.
 *
 * Conventions. Functions that can fail return a cadre_status, which is 0 for success, and write
 * their results (the last arguments) only on success. After a failure, cadre_last_error() holds one
 * sentence that names the file, what was expected and what was found. The library never prints,
 * exits or aborts because of its input. x_new/x_free and x_open/x_close come in pairs; freeing NULL
 * is fine. Pointers marked "borrowed" live as long as the object that they came from. Letters of
 * shapes: tokens T, width D, hidden H, experts E, picks per token K, batch B, vocabulary V.
 *
 * Sizes. A struct of choices that a program gives (cadre_moe_shape, cadre_opening, cadre_sampling,
 * cadre_server_options and the listeners), and one of answers that it gets (cadre_train_summary,
 * cadre_model_info, cadre_growth, cadre_memory, cadre_evaluation, cadre_chat_account,
 * cadre_request_news, cadre_batcher_cache, cadre_batcher_load), begins with `size`, which the
 * program sets to sizeof of it before every call. Later versions add fields at the end. Any size
 * from that of the struct's first version on is accepted: fields that an older program does not
 * have are taken as zero, which always means what was done before there was such a field; of a
 * newer program's struct, fields that this libcadre does not know are not read, and set to zero in
 * answers. A smaller size, as of a struct that was forgotten to be filled in, is CADRE_EARGUMENT.
 * What is handed to a listener (cadre_train_progress, cadre_verification) has its size filled in by
 * libcadre. All other structs, which stand in arrays, are returned by value or describe data, stay
 * as they are.
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
    /* Called with the bytes of weights that are written; NULL: not wanted */
    void (*progress)(void *arg, int64_t done, int64_t total);
    /* Called with what the file cannot say, or says in another way; NULL: not wanted */
    void (*note)(void *arg, const char *sentence);
    void *arg;
} cadre_output_listener;

/* The name of the i-th number format in which models are written, or of a mixture of formats
 * ("q4_k_m"); NULL: there are no more. */
CADRE_API const char *cadre_dtype_name(int i);

/* Writes a model with random weights, which are a function of --seed, to a folder or to NAME.gguf.
 * It follows the recipe and sizes in the options (those of the tables of cadre_train), or a
 * config.json if `config` is not NULL. dtype is as for cadre_convert; NULL: "f32". The model is
 * written piece by piece, so that one of any size takes a few megabytes of memory. CADRE_EEXISTS:
 * there is a model in `out`. */
CADRE_API cadre_status cadre_init(cadre_context *context, cadre_options *options,
    const char *config, const char *dtype, const char *out, const cadre_output_listener *listener);

/* ---- tokenizer ---- */

/* Turns text into token ids and back. It does not change once it is open, so any number of threads
 * may use one. */
typedef struct cadre_tokenizer cadre_tokenizer;

/* path: a tokenizer.json, a model's folder that contains one, or a GGUF file. CADRE_EUNSUPPORTED,
 * with the name, if the file asks for something that libcadre does not do. */
CADRE_API cadre_status cadre_tokenizer_open(const char *path, cadre_tokenizer **tokenizer);
CADRE_API void cadre_tokenizer_close(cadre_tokenizer *tokenizer);
/* One more than the highest id */
CADRE_API int32_t cadre_tokenizer_size(const cadre_tokenizer *tokenizer);

enum {
    /* encode: adds begin- and end-of-text tokens as the tokenizer's file says */
    CADRE_ADD_SPECIAL = 1,
    /* encode: control tokens that are spelt out in the text become their ids; otherwise they are
     * plain text */
    CADRE_PARSE_SPECIAL = 2,
    CADRE_SKIP_SPECIAL = 4 /* decode: control tokens leave no text */
};

/* Makes the ids [count] of a text of any bytes, freed by cadre_free. */
CADRE_API cadre_status cadre_tokenizer_encode(const cadre_tokenizer *tokenizer, const char *text,
    size_t size, unsigned flags, int32_t **ids, int64_t *count);

/* Makes the text [size] of `count` ids, with a NUL after it, freed by cadre_free. It need not be
 * UTF-8, because ids may stand for parts of a character. Ids outside the vocabulary are refused. */
CADRE_API cadre_status cadre_tokenizer_decode(const cadre_tokenizer *tokenizer, const int32_t *ids,
    int64_t count, unsigned flags, char **text, size_t *size);
CADRE_API void cadre_free(void *result); /* NULL is fine */

/* Refuses what is not text, by name and with the command that makes text of it: compressed files,
 * tables, PDF, UTF-16, pointers of Git LFS, and what is mostly no UTF-8. A few bytes that are no
 * UTF-8 are accepted. name: that of the file, for the error; NULL: unknown. */
CADRE_API cadre_status cadre_text_check(const char *name, const char *text, size_t size);

/* ---- chat ---- */

/* Conversations become the text that a family of models was trained on. The templates are built in.
 * A model's own template, which is a program, is only searched for signs of its family and never
 * run. */
typedef struct cadre_message {
    const char *role; /* "system" (first, if at all), "user" or "assistant" */
    const char *text; /* plain text, whatever control tokens it spells */
    size_t size;
} cadre_message;

CADRE_API const char *cadre_chat_template(int index); /* names; NULL after the last. Static */

/* Finds the name of the template that the tokenizer's model was trained with. CADRE_EUNSUPPORTED,
 * with the known names, if the model's files hold none, or one that is not known. */
CADRE_API cadre_status cadre_chat_recognise(const cadre_tokenizer *tokenizer, const char **name);

/* Makes the ids [id_count] of a conversation up to where the next answer begins, freed by
 * cadre_free. */
CADRE_API cadre_status cadre_chat_encode(const cadre_tokenizer *tokenizer, const char *name,
    const cadre_message *messages, int message_count, int32_t **ids, int64_t *id_count);

/* Whether this token ends an answer. */
CADRE_API bool cadre_chat_ends(const cadre_tokenizer *tokenizer, const char *name, int32_t id);

/* ---- texts that stop ---- */

/* Finds the first of some stop texts in a text that comes piece by piece, in any pieces, and holds
 * back what may still become one, so that no byte of it is shown. It is meant for the listeners of
 * text below. One thread at a time may use it. */
typedef struct cadre_stop cadre_stop;

/* No text may be empty. */
CADRE_API cadre_status cadre_stop_new(const char *const *texts, int count, cadre_stop **stop);
CADRE_API void cadre_stop_free(cadre_stop *stop);

/* Takes the next piece. told [told_size]: what may be shown now, which is everything before the
 * stop text if *found; borrowed until the next call. After *found the object is as new. */
CADRE_API cadre_status cadre_stop_take(cadre_stop *stop, const char *text, size_t size,
    const char **told, size_t *told_size, bool *found);

/* Gives what was held back and may be shown after all, because nothing more comes. The object is
 * then as new. */
CADRE_API void cadre_stop_rest(cadre_stop *stop, const char **told, size_t *told_size);

/* ---- models ---- */

/* A model never changes. Any number of threads may ask about it and use its tokenizer. One thread
 * at a time computes with it or with sessions of it; others are refused with CADRE_EBUSY
 * meanwhile. */
typedef struct cadre_model cadre_model;

/* Opens a Hugging Face folder or a GGUF file. Weights are mapped, not copied, if they can be used
 * as they lie. Borrows the context. */
CADRE_API cadre_status cadre_model_open(
    cadre_context *context, const char *path, cadre_model **model);

/* Options of opening */
typedef struct cadre_opening {
    size_t size; /* sizeof(cadre_opening) */
    /* Quantised weights are copied into memory, in the order in which this machine's kernels read
     * them faster, and the file's pages may leave memory. Results are the same. */
    bool repack;
    /* What keys and values of sessions, batchers and all other runs of this model are kept in: one
     * of cadre_cache_format_name's; NULL: "f32". Half and a quarter of the memory, for results
     * that differ by what is rounded. Heads that are not whole blocks of it are refused. */
    const char *cache;
} cadre_opening;
/* "f32", "f16", "q8_0" in turn; NULL after the last. */
CADRE_API const char *cadre_cache_format_name(int i);
CADRE_API cadre_status cadre_model_open_with(
    cadre_context *context, const char *path, const cadre_opening *how, cadre_model **model);
CADRE_API void cadre_model_close(cadre_model *model);

typedef struct cadre_format_share {
    char name[12]; /* "Q4_K" */
    int64_t bytes; /* in the file */
} cadre_format_share;

enum { CADRE_TOKEN_TYPES = 8 };

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
} cadre_model_info;

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
/* Keys and values of one sequence */
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

/* ---- running models ---- */

/* What a model computes must be finite. If its logits or losses are not (NaN in a tensor, sums
 * beyond what a float holds), these functions return CADRE_EFORMAT, and the error names the tensor
 * at fault if one is found. */

/* Writes logits and routing of every position to a safetensors file: tokens [T] i32, logits [T, V]
 * f32, routes [S, T, K] i32 sorted by id, weights [S, T, K] f32 in the same order; -1 and 0 stand
 * where a token has fewer picks. S counts sparse layers.
 *
 * A model with an encoder reads `tokens` [T] there, and `decoder` [U] in its decoder; NULL: the
 * model has no encoder. Its file also has decoder_tokens [U]; logits are [U, V]; and tensors
 * routes.i and weights.i [T or U, K] are for the encoder's sparse layers, then the decoder's. */
CADRE_API cadre_status cadre_logits(cadre_model *model, const int32_t *tokens, int64_t count,
    const int32_t *decoder, int64_t decoder_count, const char *out);

/* What a text must be: JSON, valid for a schema. Only tokens with which it can still become that
 * are chosen, by their logits as they are; the tokens that end a text are where it is whole, and
 * not before. A text that its limit or the context cuts is the beginning of one. A vocabulary in
 * which no token goes on is an error of the text that comes there.
 *
 * Any number of texts of the model that it was made for, in any threads, may have the same one, and
 * share what is found out about its vocabulary. Those that have it keep it: it may be freed as soon
 * as a text was given it. */
typedef struct cadre_constraint cadre_constraint;

/* schema [size]: a JSON schema; NULL: any object. name: in errors. Of JSON Schema are done: type
 * (and OpenAPI's nullable), properties, required, additionalProperties, minProperties and
 * maxProperties that properties keep; items, prefixItems, minItems, maxItems; enum, const; minimum,
 * maximum, both exclusive ones; minLength, maxLength, pattern, and format; anyOf, allOf, oneOf
 * (taken as anyOf); $ref within the document. CADRE_EUNSUPPORTED: another word that changes what is
 * valid, with the way to it; a pattern that is no regular language; a schema that is too large.
 * CADRE_EFORMAT: no schema. CADRE_EARGUMENT: nothing is valid for it.
 *
 * What comes is valid, and not all that is valid can come: properties come in the order of the
 * schema, those that it does not name only where additionalProperties says so or it names none, and
 * numbers have at most 15 digits before and after the point. */
CADRE_API cadre_status cadre_constraint_json(cadre_model *model, const char *name,
    const char *schema, size_t size, cadre_constraint **constraint);
CADRE_API void cadre_constraint_free(cadre_constraint *constraint);

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
    /* What the text must be, from its first token on; NULL: anything */
    struct cadre_constraint *constraint;
    /* Taken from the logit of each token that was written before (not of the prompt's): once, and
     * for every time; -2 to 2 */
    double presence_penalty, frequency_penalty;
    const struct cadre_bias *biases; /* [bias_count] */
    int64_t bias_count;
} cadre_sampling;

/* What is added to a token's logit, -100 to 100; -100: it is never chosen. */
typedef struct cadre_bias {
    int32_t token;
    float bias;
} cadre_bias;

/* As likely as the model says, with seed 0. It is also what NULL means wherever a cadre_sampling is
 * asked for. */
static inline cadre_sampling cadre_sampling_default(void)
{
    cadre_sampling sampling = { sizeof(cadre_sampling), 1.0, 0, 1.0, 0.0, 1.0, 0, NULL, 0.0, 0.0,
        NULL, 0 };
    return sampling;
}

/* Replaces what the model's own files say of how to sample (generation_config.json, or the keys
 * general.sampling of a GGUF), and leaves the rest as it is. *said: whether they say anything. A
 * value that cannot be is CADRE_EFORMAT. */
CADRE_API cadre_status cadre_model_sampling(
    const cadre_model *model, cadre_sampling *sampling, bool *said);

/* Hears each generated token: its id, and the text that it completed (size may be 0). Returns false
 * to stop. */
typedef bool (*cadre_token_listener)(void *arg, int32_t id, const char *text, size_t size);

/* Continues `count` tokens (at least 1) by up to `limit`, until an end-of-text token, which is
 * reported too, without text. routes: NULL, or a file that records every routing decision for
 * cadre_report_write. */
CADRE_API cadre_status cadre_generate(cadre_model *model, const int32_t *tokens, int64_t count,
    int64_t limit, const cadre_sampling *sampling, const char *routes,
    cadre_token_listener listener, void *arg);

/* A sequence whose keys and values are kept, so that a text that begins like the last one costs
 * only what is new in it, as the turns of a conversation do. Holds up to `capacity` tokens, and
 * takes memory as they come. Borrows the model. One thread at a time may use it. CADRE_EBUSY:
 * another thread computes with the same model, or its own listener calls back. */
typedef struct cadre_session cadre_session;
CADRE_API cadre_status cadre_session_new(
    cadre_model *model, int64_t capacity, cadre_session **session);
CADRE_API void cadre_session_free(cadre_session *session);

/* Gives the same tokens as cadre_generate for the whole text. count + limit <= capacity. */
CADRE_API cadre_status cadre_session_generate(cadre_session *session, const int32_t *tokens,
    int64_t count, int64_t limit, const cadre_sampling *sampling, cadre_token_listener listener,
    void *arg);

/* What it holds: how many tokens, how many there is room for, and which [length], borrowed until
 * the session is used again. After cadre_session_generate these are the given text and what was
 * generated, except for the last token. */
CADRE_API int64_t cadre_session_length(const cadre_session *session);
CADRE_API int64_t cadre_session_capacity(const cadre_session *session);
CADRE_API const int32_t *cadre_session_tokens(const cadre_session *session);

/* Forgets all but the first `length` tokens. */
CADRE_API cadre_status cadre_session_truncate(cadre_session *session, int64_t length);

/* Makes another session that holds the first `length` tokens of this one, whose keys and values are
 * not computed again: texts that begin alike. They are shared block by block, and only a block that
 * one of the two writes is copied. Each continues independently, and either may be freed first. */
CADRE_API cadre_status cadre_session_fork(
    cadre_session *from, int64_t length, int64_t capacity, cadre_session **session);

/* ---- many sequences in one pass ---- */

/* The working memory of passes that advance several sessions of one model together: each attends to
 * its own past, and the weights are read once for all. A session's results are the same bits
 * whatever else is in the pass, in whatever pieces its tokens come, and for any number of threads.
 * Borrows the model. One thread at a time may use it. CADRE_EBUSY: another thread computes with the
 * same model. */
typedef struct cadre_pass cadre_pass;

/* For passes of up to `tokens` tokens of up to `sessions` sessions, each of at most this capacity.
 * Passes allocate nothing, except that the sessions' caches grow. */
CADRE_API cadre_status cadre_pass_new(
    cadre_model *model, int64_t tokens, int64_t sessions, int64_t capacity, cadre_pass **pass);
CADRE_API void cadre_pass_free(cadre_pass *pass);

/* What one session takes next. */
typedef struct cadre_pass_part {
    cadre_session *session; /* stands in one part of a pass */
    const int32_t *tokens;  /* [count] */
    int64_t count;          /* at least 1 */
    /* Of how many of these tokens logits are wanted; 0: of none, as for all pieces of a prompt but
     * the last */
    int64_t row_count;
    const int64_t *rows; /* [row_count] which ones, 0 to count - 1; NULL: the last ones */
    cadre_status status; /* filled in: whether this part is possible */
} cadre_pass_part;

/* Runs one pass through the model. logits [sum of row_count, V] is the caller's memory for the
 * parts' rows, one after another; NULL: none are wanted. Everything is checked before anything is
 * done. If a part is impossible, such as one whose session has no room, its status says so, the
 * first such status is returned, and no session has changed. cadre_interrupt does not stop it. */
CADRE_API cadre_status cadre_pass_run(
    cadre_pass *pass, cadre_pass_part *parts, int64_t count, cadre_real *logits);

/* ---- many requests ---- */

/* Texts that are continued beside each other, as a server does. Requests are submitted at any time,
 * wait in order in a bounded queue, and are advanced together by the thread that calls
 * cadre_batcher_run again and again. A pass writes one token of every text that is being written,
 * and reads a bounded piece of the waiting prompts. A request writes what cadre_generate writes for
 * it, to the bit, whatever else is in a pass and whichever requests are cancelled.
 *
 * One thread runs; any number of others submit, poll and cancel meanwhile, and never wait for a
 * pass. Borrows the model. Passes allocate nothing.
 *
 * The caches of all requests lie in one pool of blocks of 64 tokens each, as many as were asked for
 * when the batcher was made. A request waits until the blocks that its prompt and its limit may
 * need are free, or are kept for nobody who is being served, so it never runs out of them later.
 * Requests that begin alike, by a whole block or more, share its memory and read it once. What was
 * read is kept until another request needs the room; what was used last is kept longest. */
typedef struct cadre_batcher cadre_batcher;

typedef struct cadre_batcher_limits {
    size_t size;     /* sizeof(cadre_batcher_limits) */
    int64_t slots;   /* requests that are advanced at a time, at least 1 */
    int64_t queue;   /* further requests: those that wait, or have ended and are still known */
    int64_t context; /* tokens of a request, its prompt's included; 0: the model's own */
    int64_t chunk;   /* tokens of prompts that a pass reads; 0: 512 */
    int64_t beside;  /* the same while other requests write and wait for the pass; 0: 64 */
    /* Tokens that the caches of all requests hold together, including those that are kept: at least
     * the context; 0, and at most: slots times the context */
    int64_t cache;
} cadre_batcher_limits;

/* Allocates the memory of its passes, of at most chunk + slots - 1 tokens, and logits [slots, V].
 * The caches' memory is taken when it is first used. It is at most cadre_model_cache_bytes of
 * `cache` tokens, or with cache 0 slots times that of the context. */
CADRE_API cadre_status cadre_batcher_new(
    cadre_model *model, const cadre_batcher_limits *limits, cadre_batcher **batcher);
/* Frees it with all its requests. No other thread may be using it. */
CADRE_API void cadre_batcher_free(cadre_batcher *batcher);

typedef struct cadre_request {
    size_t size;           /* sizeof(cadre_request) */
    const int32_t *tokens; /* [count] the prompt: at least 1, fewer than the context */
    int64_t count;
    int64_t limit; /* tokens to write, at least 0; it also ends at the context's end */
    const cadre_sampling *sampling; /* NULL: cadre_sampling_default */
    const char *const *stops;       /* [stop_count] texts that end it, as cadre_stop finds them */
    int stop_count;
    const int32_t *ends; /* [end_count] tokens that end it, beside the model's own */
    int64_t end_count;
    /* How likely each token was that is written, and the `top` most likely ones (0 to 20), as the
     * model says before anything is done to its logits */
    bool logprobs;
    int32_t top;
    /* The same of the prompt's tokens but the first. All of the prompt is read for it, also what
     * was read before */
    bool prompt_logprobs;
    /* Which experts each token that is read went to; the prompt is read as above */
    bool routes;
    /* 0, or a request with the same beginning: this one waits until that one has read its prompt,
     * which is then read once */
    int64_t after;
    bool load; /* How many of its tokens each expert takes: cadre_batcher_request_load */
} cadre_request;

/* Copies the request. id: its name from now on, a number above 0 that is never used again.
 * CADRE_EFULL: slots and queue are taken. */
CADRE_API cadre_status cadre_batcher_submit(
    cadre_batcher *batcher, const cadre_request *request, int64_t *id);

/* Runs one pass. Free slots are first given to the requests that have waited longest. idle: no
 * request is waiting, read or written, and nothing was done. CADRE_EBUSY: another thread computes
 * in the same context. A fault of one request belongs to that request (CADRE_REQUEST_FAILED) and is
 * not returned here. cadre_interrupt does not stop it. */
CADRE_API cadre_status cadre_batcher_run(cadre_batcher *batcher, bool *idle);

typedef enum cadre_request_state {
    CADRE_REQUEST_WAITS,
    CADRE_REQUEST_READS,   /* its prompt */
    CADRE_REQUEST_WRITES,  /* those below have ended: */
    CADRE_REQUEST_ENDED,   /* by a token that ends a text */
    CADRE_REQUEST_STOPPED, /* by a stop text */
    CADRE_REQUEST_LIMIT,   /* by its limit, or at the end of the context */
    CADRE_REQUEST_FAILED   /* `status` and `sentence` say why */
} cadre_request_state;

typedef struct cadre_logprob {
    int32_t token;
    float logprob; /* natural logarithm of its share */
} cadre_logprob;

/* The news of a request since it was last polled */
typedef struct cadre_request_news {
    size_t size; /* sizeof(cadre_request_news) */
    cadre_request_state state;
    const int32_t *ids; /* [id_count] written since; with the end-of-text token */
    int64_t id_count;
    const char *text; /* [text_size] text since then: whole characters, nothing of a stop text */
    size_t text_size;
    int64_t prompt_tokens,
        cached_tokens;    /* tokens of the prompt, and those of them that were not read again */
    int64_t tokens;       /* written in all */
    cadre_status status;  /* CADRE_OK unless the request has failed */
    const char *sentence; /* "" */
    /* Where they were asked for: [id_count] of `ids`, and [id_count, top] the most likely first */
    const float *logprobs;
    const cadre_logprob *top;
    /* Of the prompt, once it is read: [prompt_tokens], the first of no meaning, and
     * [prompt_tokens, top] */
    const float *prompt_logprobs;
    const cadre_logprob *prompt_top;
    /* [route_tokens, S, K] of the tokens read so far, all of the prompt and what was written but
     * the last one: experts in each sparse layer, the heaviest first, -1 where a token has fewer
     * than the K of the layer with most */
    const int16_t *routes;
    int64_t route_tokens, route_layers, route_picks;
} cadre_request_news;

/* Pointers are borrowed until the request is polled again or cancelled. CADRE_EARGUMENT: there is
 * no such request. */
CADRE_API cadre_status cadre_batcher_poll(
    cadre_batcher *batcher, int64_t id, cadre_request_news *news);

/* The caches of all requests, after the last pass. */
typedef struct cadre_batcher_cache {
    size_t size;          /* sizeof(cadre_batcher_cache) */
    int64_t block_tokens; /* of each block; 0, like all below, for a model with an encoder */
    int64_t blocks;       /* in all */
    int64_t used;         /* by requests that are read or written */
    int64_t kept;         /* of texts that were read before; they make room when it is needed */
    /* The prompts' tokens of all requests so far, and those of them that were found in the cache */
    int64_t prompt_tokens, cached_tokens;
    int64_t evicted; /* shared blocks that had to make room so far */
} cadre_batcher_cache;

/* Does not wait for a pass. */
CADRE_API cadre_status cadre_batcher_cache_get(cadre_batcher *batcher, cadre_batcher_cache *cache);

/* What the experts had to do in all passes so far. Waits for no pass. */
typedef struct cadre_batcher_load {
    size_t size;             /* sizeof(cadre_batcher_load) */
    int64_t layers, experts; /* sparse layers S; E, the most of any layer */
    int64_t passes;
    /* Tokens that each expert took: [S, E]; borrowed until the next such call, which one thread at
     * a time makes */
    const int64_t *rows;
    /* [S] the largest expert's share of each pass, added up: E of a layer times this over all its
     * rows is how many times the mean the busiest expert had to do */
    const int64_t *largest;
    const int64_t *layer_experts; /* [S] E of each */
} cadre_batcher_load;

CADRE_API cadre_status cadre_batcher_load_get(cadre_batcher *batcher, cadre_batcher_load *load);

/* Adds the tokens of one request that each expert has taken so far to rows [S, E], where `load` was
 * asked for. Waits for no pass. CADRE_EARGUMENT as of cadre_batcher_poll. */
CADRE_API cadre_status cadre_batcher_request_load(
    cadre_batcher *batcher, int64_t id, int64_t *rows);

/* Lets go of a request, at once of one that waits or has ended, before the next pass of one that is
 * written. Every request is cancelled once: it keeps its place until then, also when it has ended.
 * CADRE_EARGUMENT as above. */
CADRE_API cadre_status cadre_batcher_cancel(cadre_batcher *batcher, int64_t id);

/* ---- a server ---- */

/* The interface that OpenAI's clients speak, over HTTP/1.1, on an open port: completions and chats,
 * whole and streamed, for a model that is opened in a thread of its own, with a batcher in which
 * all requests are taken further together (docs/serving.md). */
typedef struct cadre_server cadre_server;

typedef struct cadre_server_options {
    size_t size;        /* sizeof(cadre_server_options) */
    const char *host;   /* NULL: 127.0.0.1. Another than a loopback one only with a key */
    int port;           /* 0: one that is free */
    const char *alias;  /* what the model is called; NULL: the last part of its path */
    int64_t streams;    /* requests that are written at a time; 0: 8 */
    int64_t queue;      /* that wait beside them before others are refused; -1: none; 0: 64 */
    int64_t context;    /* tokens of a request, its prompt's included; 0: the model's own */
    const char *key;    /* that clients have to name; NULL: none */
    const char *origin; /* whose pages may read answers, "https://app.example"; NULL: none */
    double timeout;     /* seconds for a request to arrive, and for an answer to be read; 0: 60 */
    int64_t body_limit; /* bytes of a request; 0: 8 MiB */
    const char *template_name; /* of chats; NULL: recognised */
    bool repack;               /* as cadre_opening has it */
    const char *cache;         /* as cadre_opening has it */
    /* Called in the thread that runs the server; each NULL: not wanted */
    void (*listening)(void *arg, const char *url); /* it can answer now: "http://127.0.0.1:8080" */
    /* A request was answered: one line with its method, path, status and counts, and nothing of
     * what was asked or answered */
    void (*log)(void *arg, const char *line);
    void *arg;
} cadre_server_options;

/* Listens, and answers nothing yet. Borrows the context, in which nobody else is to compute.
 * CADRE_EIO: the address is not to be had, as of a port that is in use. CADRE_EARGUMENT: what
 * cannot be, as a host that others reach without a key. CADRE_EUNSUPPORTED: the program was linked
 * with the archive and without libevent's core, which it may leave out where it does not serve. */
CADRE_API cadre_status cadre_server_new(cadre_context *context, const char *model,
    const cadre_server_options *options, cadre_server **server);

/* Opens the model and answers until it is stopped, or the model cannot be opened. While it is
 * being opened clients are told so. */
CADRE_API cadre_status cadre_server_run(cadre_server *server);

/* Lets what runs be finished and takes nothing new; a second call ends at once. Safe in a signal
 * handler, and in any thread. */
CADRE_API void cadre_server_stop(cadre_server *server);

CADRE_API void cadre_server_free(cadre_server *server); /* when it does not run */

/* ---- conversations ---- */

/* A conversation of up to `capacity` tokens with a model, by the template of this name; NULL: by
 * the one that is recognised (see cadre_chat_recognise). One thread at a time may use it.
 * CADRE_EBUSY: another thread computes with the same model, or its own listener calls back. */
typedef struct cadre_chat cadre_chat;
CADRE_API cadre_status cadre_chat_new(
    cadre_model *model, const char *template_name, int64_t capacity, cadre_chat **chat);
CADRE_API void cadre_chat_free(cadre_chat *chat);
CADRE_API const char *cadre_chat_template_of(const cadre_chat *chat); /* its name; static */
/* Forgets everything except a system message. */
CADRE_API void cadre_chat_clear(cadre_chat *chat);

/* Says whether, or how much, the model thinks before its next answers: "on", "off", "low", "medium"
 * or "high". Few templates know any of these words, and none knows all. CADRE_EARGUMENT: this
 * template does not know it, and the advice says which words it knows. */
CADRE_API cadre_status cadre_chat_think(cadre_chat *chat, const char *how);
/* The chosen word; NULL: the template offers no choice. Static */
CADRE_API const char *cadre_chat_thinking(const cadre_chat *chat);
/* All words of that kind; NULL after the last. Static */
CADRE_API const char *cadre_thinking(int index);

CADRE_API cadre_status cadre_chat_add(
    cadre_chat *chat, const char *role, const char *text, size_t size);

/* Generates the model's answer to what was added, up to `limit` tokens (0: as many as there is room
 * for). It is reported as it comes and added to the conversation, even if it is interrupted.
 * Thoughts, which some models mark, are reported but not kept. If a model ends its turn in a
 * thought that it did not close, all of the thought is the answer and is reported again as such.
 * The listener returns false to stop.
 *
 * If less room is left than `limit` and than a quarter of the capacity, the oldest turns are
 * dropped first. CADRE_ENOMEM: the last message does not fit even then; it is taken back, and the
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
    bool answered;            /* false: there were only thoughts */
    bool unclosed;            /* the model did not close its thoughts, which are the answer */
    int64_t let_go;           /* messages that were dropped to make room */
    int64_t prompt_tokens;    /* of the whole conversation before the answer */
    int64_t tokens;           /* of the answer, including thoughts and marks */
    double tokens_per_second; /* of the tokens after the first; 0: there are none */
} cadre_chat_account;

CADRE_API cadre_status cadre_chat_account_get(const cadre_chat *chat, cadre_chat_account *account);

typedef struct cadre_evaluation {
    size_t size; /* sizeof(cadre_evaluation) */
    int64_t bytes, tokens;
    double bits_per_byte, perplexity; /* bits per byte are of what is not an image */
    /* A model whose tokens are of several types, such as text and image, has one item for each
     * type */
    int32_t types; /* 0: all tokens are of one type */
    struct {
        const char *name; /* borrowed from the model */
        int64_t tokens;
        double bits_per_token; /* 0 without tokens */
    } type[CADRE_TOKEN_TYPES];
} cadre_evaluation;

/* The work that is done, and all work; NULL: not wanted */
typedef void (*cadre_progress_listener)(void *arg, int64_t done, int64_t total);

/* Measures how well the model predicts a text, in windows that overlap by half, so that every token
 * after the first half window has at least half a window before it. The first token is charged log2
 * V bits. context: tokens of a window, at most the model's own; 0: the model's own, or 2048 if that
 * is more. progress counts tokens.
 *
 * A model with an encoder is asked for what is taken out of the text, as in its training: 15 % of
 * each window of `context` tokens (0: its own, or 512 where that is more), in spans of 3 tokens on
 * average, which are the same at every call. Then bytes are those that were taken out, and tokens
 * those that the decoder predicted: they, the sentinels before them and the ends. */
CADRE_API cadre_status cadre_evaluate(cadre_model *model, const char *text, size_t size,
    int64_t context, cadre_progress_listener progress, void *arg, cadre_evaluation *result);

/* Analyses a finished run on its held-out texts: bits per byte, load by domain and expert, passages
 * with their experts, and a sample in each domain. Writes these to analysis.json in the run's
 * folder. */
CADRE_API cadre_status cadre_analyse(
    cadre_context *context, const char *run, const cadre_train_listener *listener);

/* ---- images ---- */

/* Images are tokens: a picture is scaled to fit into a square and the square is cut into patches;
 * for each patch, row by row, there is one token, the id of the nearest patch in the model's code
 * book. In text, an image is written as "<|image|>", codes such as "<|image:0007|>", and
 * "<|/image|>". */
typedef struct cadre_image_form {
    size_t size;         /* sizeof(cadre_image_form) */
    int32_t side, patch; /* in pixels; side 0: the model knows no images */
    int32_t codes;       /* in the code book */
    int32_t begin, end;  /* ids before and after an image ... */
    int32_t first_code;  /* ... and the id of code 0; the other codes follow it */
    int32_t patches;     /* in an image */
} cadre_image_form;

CADRE_API cadre_status cadre_model_image_form(const cadre_model *model, cadre_image_form *form);

/* Writes the ids of a PNG or PNM file, begin and end included, to ids, which must have room for
 * [patches + 2]. */
CADRE_API cadre_status cadre_image_encode(cadre_model *model, const char *path, int32_t *ids);
CADRE_API bool cadre_image_named(const char *path); /* .png .pnm .ppm .pgm */

/* Writes an image as a PNG file from the ids of its codes, without begin and end. Patches that are
 * missing, or whose id is not a code, become white. */
CADRE_API cadre_status cadre_image_write(
    const cadre_model *model, const int32_t *ids, int64_t count, const char *path);

/* ---- models made of models ---- */

/* A model on disk (a folder, or a GGUF file) becomes another one in `out` (a GGUF file if its name
 * ends in .gguf), with more experts or fewer. It is read and written tensor by tensor, keeps its
 * number formats, and appears complete or not at all; tokenizer and companions are copied. If no
 * published family's files can describe it, it gets the layout "cadre". CADRE_EEXISTS: there is a
 * model in `out`. CADRE_EUNSUPPORTED: it cannot be done, with the reason.
 *
 * The options are those of the table that each function names and of cadre_run_options, in one
 * object. The two models then read the texts of --text, in windows of up to 512 tokens, each by
 * itself. Without texts they read 256 tokens that are drawn at random, as a function of --seed. */
typedef struct cadre_growth {
    size_t size;                        /* sizeof(cadre_growth) */
    const char *model_type;             /* of the new model; static */
    int64_t experts, experts_per_token; /* of most of its sparse layers */
    int64_t parameters, active_parameters;
    int64_t tokens;       /* that both models have read */
    bool same_bits;       /* all logits are the same numbers */
    double difference;    /* the largest of any logit; infinity: one is not finite */
    double largest_logit; /* of the old model; absolute value */
    double agreement;     /* the share of tokens after which both expect the same token */
    /* In nats, the mean over tokens with a token before them */
    double loss_before, loss_after;
} cadre_growth;

/* Makes a sparse model of a dense one, whose feed-forwards become experts. Options:
 * cadre_upcycle_options. With --method copy and granular it computes what the dense model does. */
CADRE_API cadre_option_table cadre_upcycle_options(void);
CADRE_API cadre_status cadre_upcycle(cadre_context *context, const char *dense, const char *out,
    const cadre_options *options, const cadre_output_listener *listener, cadre_growth *growth);

/* Adds experts to a sparse model. They are copies that are held back, so that the model computes
 * what it did, to the bit or nearly. Options: cadre_grow_options. */
CADRE_API cadre_option_table cadre_grow_options(void);
CADRE_API cadre_status cadre_grow(cadre_context *context, const char *model, const char *out,
    const cadre_options *options, const cadre_output_listener *listener, cadre_growth *growth);

/* Makes a sparse model with fewer experts: those that are most useful on the texts of --text or in
 * the recorded routes of --routes. Options: cadre_prune_options. */
CADRE_API cadre_option_table cadre_prune_options(void);
CADRE_API cadre_status cadre_prune(cadre_context *context, const char *model, const char *out,
    const cadre_options *options, const cadre_output_listener *listener, cadre_growth *growth);

/* Makes one sparse model of `count` dense ones, at least 2, which have the same sizes and were
 * trained apart from one common model. The feed-forward of each becomes an expert, the rest becomes
 * their mean, and the router is new. Options: cadre_merge_options. The result is compared with the
 * first. */
CADRE_API cadre_option_table cadre_merge_options(void);
CADRE_API cadre_status cadre_merge(cadre_context *context, const char *const *models, int32_t count,
    const char *out, const cadre_options *options, const cadre_output_listener *listener,
    cadre_growth *growth);

/* ---- mixtures of local experts on tables ---- */

/* A soft mixture of experts (Jacobs et al. 1991, Jordan & Jacobs 1994) on a table of numbers in a
 * CSV file. For each row a gate says how much the answer of each of E experts counts, the experts
 * are linear or small networks, and all of them answer: y = sum of p_i(x) o_i(x). It computes in
 * double precision and in one thread. It does not change once it is fitted or open, so any number
 * of threads may use one. */
typedef struct cadre_mixture cadre_mixture;

/* Columns, experts, method, files */
CADRE_API cadre_option_table cadre_mixture_options(void);

/* The state of a fit, before the first iteration and after each */
typedef struct cadre_mixture_progress {
    size_t size;                   /* filled in */
    int64_t iteration, iterations; /* done, and in all */
    /* Of all rows, constants included; under --method em it never falls */
    double log_likelihood;
    double loss; /* the loss of gradient descent, a mean over rows; NaN: the method has none */
} cadre_mixture_progress;

/* NULL: not wanted. */
typedef void (*cadre_mixture_listener)(void *arg, const cadre_mixture_progress *p);

/* Fits a mixture to the table `data` as the options say, which are the tables of run and mixture in
 * one object. Writes it to the folder --out, and its course to the file --trace, if these are
 * given. CADRE_EEXISTS: there is a mixture in that folder. CADRE_EFORMAT: this is not a table to
 * which such a mixture can be fitted; the error says where. */
CADRE_API cadre_status cadre_mixture_fit(const char *data, const cadre_options *options,
    cadre_mixture_listener listener, void *arg, cadre_mixture **mixture);
CADRE_API void cadre_mixture_free(cadre_mixture *mixture);

/* Opens a folder that cadre_mixture_fit wrote. cadre_mixture_free frees it. */
CADRE_API cadre_status cadre_mixture_open(const char *folder, cadre_mixture **mixture);

typedef struct cadre_mixture_info {
    size_t size;             /* sizeof(cadre_mixture_info) */
    const char *method;      /* as --method takes it; static */
    bool classify;           /* the one target is a class */
    int64_t inputs, targets; /* columns of the table */
    int64_t outputs;         /* numbers of a prediction: one for each target, or for each class */
    int64_t experts, groups; /* groups 0: there is no hierarchy */
    int64_t hidden;          /* units of an expert's hidden layer; 0: experts are linear */
    int64_t parameters, rows, iterations;
    double log_likelihood; /* after the last iteration */
} cadre_mixture_info;

CADRE_API cadre_status cadre_mixture_info_get(
    const cadre_mixture *mixture, cadre_mixture_info *info);

/* The name of the i-th column: inputs first, then targets; NULL: there are no more. Borrowed */
CADRE_API const char *cadre_mixture_column(const cadre_mixture *mixture, int64_t i);

/* The share of the rows that an expert answered for at the end of the fit: the mean of its gate.
 * The shares of all experts sum to 1. */
CADRE_API double cadre_mixture_share(const cadre_mixture *mixture, int64_t expert);

/* What a mixture predicts for a row; borrowed for the call */
typedef struct cadre_mixture_prediction {
    size_t size;         /* filled in */
    int64_t row;         /* from 0 */
    const double *input; /* [inputs] as they stand in the table */
    /* [outputs] the targets, or the probability of each class */
    const double *output;
    int64_t best; /* the most probable class; -1: the targets are no classes */
    /* [experts] p_i, which sum to 1; with a gate for each task, those of the first target */
    const double *gate;
} cadre_mixture_prediction;

typedef void (*cadre_mixture_answer)(void *arg, const cadre_mixture_prediction *p);

/* Predicts each row of a table that has the columns of the mixture's inputs, by name, in any order,
 * perhaps among others. The whole table is read and checked before the first answer. */
CADRE_API cadre_status cadre_mixture_predict(
    const cadre_mixture *mixture, const char *data, cadre_mixture_answer answer, void *arg);

/* ---- benchmarks ---- */

/* Each benchmark reports lines of one JSON object, as it gets them. Limits (FMA peak, read
 * bandwidth) are measured in the same run. */
typedef void (*cadre_line_listener)(void *arg, const char *line);

/* {"what": "square" or "grouped", "m", "n", "k", "experts", "mean_rows", "gflops",
 * "ratio_openblas", "peak_fraction"}: matrix products of the forward pass. ratio_openblas is
 * OpenBLAS's time for the same (with a loop over experts) divided by ours; null if it is not
 * installed. mean_rows is null if nothing is grouped. */
CADRE_API cadre_status cadre_bench_gemm(
    cadre_context *context, cadre_line_listener line, void *arg);

/* {"tokens_per_second", "active_parameters", "parameters", "gflops", "peak_fraction"} of a training
 * step on random tokens, with the options' recipe, sizes, batch and context. gflops counts 6
 * operations for each token and active parameter. */
CADRE_API cadre_status cadre_bench_train(
    cadre_context *context, cadre_options *options, cadre_line_listener line, void *arg);

/* {"tokens", "ratio_dense"}, a line for each number of tokens: the time of a training step of a
 * sparse layer (width 512, 64 experts of width 256, 8 picks; including routing and dispatch)
 * divided by that of a dense feed-forward with the same active work. */
CADRE_API cadre_status cadre_bench_layer(
    cadre_context *context, cadre_line_listener line, void *arg);

/* {"streams", "steps", "depth", "tokens_per_second", "bytes_per_token", "bandwidth",
 * "bandwidth_fraction"} of `streams` sequences that hold `depth` tokens and get `steps` more, one
 * in each pass, all together. Bytes are those of the weights that the passes read (an expert's
 * count once in a pass, however many sequences chose it) and of the cache. bandwidth: bytes per
 * second that this machine reads. */
CADRE_API cadre_status cadre_bench_decode(cadre_model *model, int64_t steps, int64_t streams,
    int64_t depth, cadre_line_listener line, void *arg);

/* {"tokens", "tokens_per_second", "gflops", "peak_fraction"} of reading a prompt of `tokens`.
 * gflops counts 2 operations for each token and active weight. */
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

/* Runs every check and reports each. threads 0: the cores that this process may use. */
CADRE_API cadre_status cadre_verify(int threads, cadre_verify_listener listener, void *arg);

/* ---- report ---- */

/* Writes a self-contained web page to `out`. `run` is the folder of a training run (run.json and,
 * as far as they exist, metrics.jsonl, analysis.json and compare.json), a file of recorded routes,
 * or the folder of a mixture on a table. The page replaces `out` completely or not at all. */
CADRE_API cadre_status cadre_report_write(const char *run, const char *out);

/* Does the same for two training runs side by side: losses and balance over the steps, bits per
 * byte by domain, loads, what domain and expert share, and the settings in which they differ. */
CADRE_API cadre_status cadre_report_compare(const char *first, const char *second, const char *out);

#ifdef __cplusplus
}
#endif
#endif
