/* options.h - named values with bounds, set by a command line, a file or a program.
 * A part of cadre.h, which says what holds for all of it. */
#ifndef CADRE_OPTIONS_PUBLIC_H
#define CADRE_OPTIONS_PUBLIC_H

#include "cadre/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum cadre_option_kind {
    CADRE_OPTION_FLAG, /* yes or no */
    CADRE_OPTION_INT,
    CADRE_OPTION_REAL,
    CADRE_OPTION_TEXT,
    CADRE_OPTION_PATH,
    CADRE_OPTION_CHOICE,  /* one of a list of words */
    CADRE_OPTION_INTS,    /* "4" or "4,8,8": each within the bounds */
    CADRE_OPTION_CHOICES, /* "norms,biases", or "none" for an empty list */
    CADRE_OPTION_PATHS,   /* one or more arguments */
    CADRE_OPTION_TEXTS,   /* may be given several times */
    CADRE_OPTION_REALS,   /* "1.25" or "2,1.25,1": each within the bounds */
    CADRE_OPTION_SIZE,    /* bytes: "512M", "6.5G" or "1000000", read as an INT */
    CADRE_OPTION_FLAGS    /* "yes", which may be left out, or "yes,no,yes" */
} cadre_option_kind;

/* A row of a table of options. */
typedef struct cadre_option {
    const char *name; /* "min-lr-ratio"; its key in a file is min_lr_ratio */
    cadre_option_kind kind;
    double min, max; /* of INT, REAL, SIZE and each of INTS; both bounds are allowed */
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
/* Sets the values in a file, a JSON object such as {"lr": 0.003, "warmup": 10}. CADRE_EFORMAT: it
 * is no such object. */
CADRE_API cadre_status cadre_options_load(cadre_options *o, const char *path);
/* Copies the values that were given under names that both have. */
CADRE_API cadre_status cadre_options_copy(cadre_options *to, const cadre_options *from);

/* The row of an option; static; NULL: there is no such option */
CADRE_API const cadre_option *cadre_options_row(const cadre_options *o, const char *name);
/* Whether the value was given, and is not a default. */
CADRE_API bool cadre_options_given(const cadre_options *o, const char *name);

/* These read values. Asking for a name or a kind that the tables do not have is a bug in the
 * program. `i` is the index in a list. */

/* How many values there are; 0: there is neither a value nor a default. */
CADRE_API int cadre_options_count(const cadre_options *o, const char *name);
/* The value of a FLAG, an INT or SIZE (or value i of INTS), or a REAL */
CADRE_API bool cadre_options_flag(const cadre_options *o, const char *name);
CADRE_API int64_t cadre_options_int(const cadre_options *o, const char *name, int i);
CADRE_API double cadre_options_real(const cadre_options *o, const char *name);
/* The value as text, or value i of a list; NULL: there is no value. Borrowed until the option is
 * set again */
CADRE_API const char *cadre_options_text(const cadre_options *o, const char *name, int i);
/* Whether a word is among CHOICES. */
CADRE_API bool cadre_options_has(const cadre_options *o, const char *name, const char *word);

/* The i-th of the words that a CHOICE or CHOICES takes, static; NULL after the last */
CADRE_API const char *cadre_option_choice(const cadre_option *row, int i);

/* Whether the option is a FLAG or FLAGS, whose name alone says yes. */
CADRE_API bool cadre_option_is_flag(const cadre_option *row);

/* The candidate that a user who typed `word` may have meant; NULL: none is near. */
CADRE_API const char *cadre_nearest(const char *word, const char *const *candidates, int count);

#ifdef __cplusplus
}
#endif
#endif
