/* chat_script.h - a conversation's text while it is written: a template's own words, in which
 * control tokens count, and what was said, in which they do not. Which messages follow each other
 * is chat.c's and chat_calls.c's to say. */
#ifndef CADRE_TEXT_CHAT_SCRIPT_H
#define CADRE_TEXT_CHAT_SCRIPT_H

#include "format/json.h"
#include "text/chat_template.h"

typedef struct chat_script {
    const chat_template *c;
    const tokenizer *t;
    byte_buffer text;
    text_range *said; /* [count] parts of the text, room for `room` */
    size_t count, room;
    text_range *answers; /* [answer_count] what the assistant says */
    size_t answer_count, answer_room;
    size_t answer_begin; /* of the next one: its thoughts, or its text */
} chat_script;

/* The template's own words; NULL: none. */
cadre_status script_words(chat_script *s, const char *words);
cadre_status script_said(chat_script *s, string_view said);
cadre_status script_said_text(chat_script *s, const char *said);
/* A value as JSON, as Python writes it. */
cadre_status script_said_json(chat_script *s, const json_node *value);

/* Without white space at both ends. */
string_view script_trimmed(string_view text);
/* What is left of a message where the template trims this role's. */
string_view script_message(const chat_script *s, chat_role role, string_view said);
/* The message with its frame, and with what a way of thinking adds to a user's. */
cadre_status script_framed(chat_script *s, chat_role role, string_view said);
/* given: it is not the template's own. */
cadre_status script_system_framed(chat_script *s, string_view said, bool given);

/* An answer that was given before. */
typedef struct script_answer_given {
    string_view text, thought; /* a thought may also stand in the text, between its marks */
    bool recent;               /* no message of a user follows */
    bool last;                 /* no message at all does */
    bool calls;                /* functions */
} script_answer_given;

/* Writes the words before an answer, with what is kept of its thoughts; *said: its text, without
 * them, for the caller to write. */
cadre_status script_answer_begin(chat_script *s, const script_answer_given *a, string_view *said);
/* Without the words before it, as it goes on in a message. */
cadre_status script_answer_within(chat_script *s, const script_answer_given *a, string_view *said);
/* What the assistant says begins anew here, behind something else in its message. */
cadre_status script_answer_continue(chat_script *s);
/* What was written since then is said by the assistant; script_put_answers knows it. */
cadre_status script_answer_ends(chat_script *s);

/* Appends where the answers stand in ids[first ..], those of the text, as places begin, end, begin,
 * end ... */
cadre_status script_put_answers(
    const chat_script *s, const token_list *ids, size_t first, token_list *answers);

/* Whether a message says itself how to think, by the first two words of the template's line. */
bool script_says_mode(string_view said, const char *mode);

/* Appends the text's ids. */
cadre_status script_encode(const chat_script *s, token_list *ids);
/* Appends those of its first `size` bytes alone. */
cadre_status script_encode_begin(const chat_script *s, size_t size, token_list *ids);
void script_free(chat_script *s);

#endif
