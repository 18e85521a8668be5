/* reply.h - answers that are whole when they are sent: JSON, and what is wrong. Answers that come
 * piece by piece are completion.c's and feed.c's. */
#ifndef CADRE_SERVE_REPLY_H
#define CADRE_SERVE_REPLY_H

#include "format/json_writer.h"
#include "serve/api_error.h"
#include "serve/connection.h"

/* The head of an answer, which tells whose pages may read it. */
http_answer reply_head(const connection *c, int status, const char *type);

/* Frees the writer. What could not be written drops the connection. */
void reply_json(connection *c, json_writer *w);

/* allow: the methods of a path that was asked for by another one; NULL: not said. */
void reply_error(connection *c, const api_error *e, const char *allow);

#endif
