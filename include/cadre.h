/* cadre.h - Mixture-of-Experts in C: the public interface of libcadre.
 *
 * Conventions. Functions that can fail return a cadre_status, 0 for success, and write their results (the last arguments)
 * only on success; cadre_last_error() then holds one sentence that names the file, what was expected and what was found.
 * The library never prints, exits or aborts because of its input. x_new/x_free and x_open/x_close come in pairs; freeing NULL
 * is fine. Pointers marked "borrowed" live as long as the object that they came from. One vocabulary for shapes: tokens T,
 * width D, hidden H, experts E, picks per token K, batch B, vocabulary V. */
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
    CADRE_ENOMEM = -1,       /* memory, or an address space, that is not to be had */
    CADRE_EIO = -2,          /* a file or folder that cannot be read or written */
    CADRE_EFORMAT = -3,      /* malformed or inconsistent data in a file */
    CADRE_EUNSUPPORTED = -4, /* well-formed, known by name, not implemented */
    CADRE_EARGUMENT = -5,    /* an option or argument that cannot be */
    CADRE_EEXISTS = -6,      /* would overwrite */
    CADRE_EMISMATCH = -7,    /* two things that must agree do not: shapes, hashes, recipes */
    CADRE_EINTERRUPTED = -8, /* stopped on request */
} cadre_status;

/* This thread's last error: one line, perhaps a second of advice. Borrowed until the thread's next failing call. */
CADRE_API const char *cadre_last_error(void);
CADRE_API const char *cadre_status_name(cadre_status status); /* static */
CADRE_API const char *cadre_version(void);                    /* static */

/* ---- interruption ---- */

/* Asks every long computation of this process to stop where it can go on later; they then return CADRE_EINTERRUPTED.
 * Safe in a signal handler. The only state that libcadre shares between threads and objects. */
CADRE_API void cadre_interrupt(void);
CADRE_API bool cadre_interrupted(void);
CADRE_API void cadre_interrupt_clear(void);

/* ---- options: named values with bounds, as the command line, a JSON file or a program sets them ---- */

typedef enum cadre_option_kind {
    CADRE_OPTION_FLAG,    /* yes or no */
    CADRE_OPTION_INT,
    CADRE_OPTION_REAL,
    CADRE_OPTION_TEXT,
    CADRE_OPTION_PATH,
    CADRE_OPTION_CHOICE,  /* one of a list of words */
    CADRE_OPTION_INTS,    /* "4" or "4,8,8": each within the bounds */
    CADRE_OPTION_CHOICES, /* "norms,biases", or "none" */
    CADRE_OPTION_PATHS,   /* one or more arguments */
} cadre_option_kind;

/* A row of a table of options. */
typedef struct cadre_option {
    const char *name;               /* "min-lr-ratio"; its key in a file is min_lr_ratio */
    cadre_option_kind kind;
    double min, max;                /* of INT, REAL and every one of INTS, both allowed */
    const char *fallback;           /* the default as text; NULL: none, or decided elsewhere as `help` says */
    const char *const *choices;     /* CHOICE, CHOICES: the words, NULL after the last ... */
    const char *(*choice)(int i);   /* ... or a function that gives them, for lists that live elsewhere */
    const char *value;              /* what a manual calls the value: "N", "FILE"; NULL: by kind */
    const char *subject;            /* the heading it stands under */
    const char *help;               /* one sentence, no full stop */
    char letter;                    /* -p; 0: none */
} cadre_option;

typedef struct cadre_option_table {
    const cadre_option *rows; /* static */
    int count;
} cadre_option_table;

CADRE_API cadre_option_table cadre_run_options(void);   /* threads, seed */
CADRE_API cadre_option_table cadre_model_options(void); /* recipe, sizes, routing, capacity */
CADRE_API cadre_option_table cadre_train_options(void); /* data, length, optimiser, balancing */

typedef struct cadre_options cadre_options;

/* A value, or its default, for every row of the tables, whose names differ. */
CADRE_API cadre_status cadre_options_new(const cadre_option_table *tables, int count, cadre_options **options);
CADRE_API void cadre_options_free(cadre_options *o);

/* Replaces the value. An unknown name or a value out of bounds: CADRE_EARGUMENT, with the nearest name as advice. */
CADRE_API cadre_status cadre_options_set(cadre_options *o, const char *name, const char *value);
CADRE_API cadre_status cadre_options_add(cadre_options *o, const char *name, const char *value); /* one more of PATHS */
CADRE_API cadre_status cadre_options_load(cadre_options *o, const char *path); /* {"lr": 0.003, "warmup": 10} */

CADRE_API const cadre_option *cadre_options_row(const cadre_options *o, const char *name); /* NULL: unknown */
CADRE_API bool cadre_options_given(const cadre_options *o, const char *name); /* set by someone, not a default */

/* Values. Asking for a name or a kind that the tables do not have is a programmer's mistake. Lists: item i. */
CADRE_API int cadre_options_count(const cadre_options *o, const char *name); /* 0: no value and no default */
CADRE_API bool cadre_options_flag(const cadre_options *o, const char *name);
CADRE_API int64_t cadre_options_int(const cadre_options *o, const char *name, int i);
CADRE_API double cadre_options_real(const cadre_options *o, const char *name);
CADRE_API const char *cadre_options_text(const cadre_options *o, const char *name, int i); /* NULL: no value; borrowed */
CADRE_API bool cadre_options_has(const cadre_options *o, const char *name, const char *word); /* among CHOICES */

CADRE_API const char *cadre_option_choice(const cadre_option *row, int i); /* word i; NULL after the last */

/* The candidate that a person who typed `word` may have meant; NULL: none is near. */
CADRE_API const char *cadre_nearest(const char *word, const char *const *candidates, int count);

/* ---- report ---- */

/* Writes a self-contained web page to `out`. `run` is the folder of a training run (run.json, and what lies there of
 * metrics.jsonl, analysis.json and compare.json) or a file of recorded routes. The page replaces `out` whole or not at all. */
CADRE_API cadre_status cadre_report_write(const char *run, const char *out);

#ifdef __cplusplus
}
#endif
#endif
