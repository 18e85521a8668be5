/* respond.h - sends whole responses: JSON and errors. Streamed responses are sent in completion.c
 * and feed.c. */
#ifndef CADRE_SERVE_RESPOND_H
#define CADRE_SERVE_RESPOND_H

#include "format/json_writer.h"
#include "serve/api_error.h"
#include "serve/connection.h"

/* Makes the head of a response, with its CORS fields. */
http_response response_head(const connection *c, int status, const char *type);

/* Sends the JSON and frees the writer. If there was no memory for the JSON, the connection is
 * dropped. */
void respond_json(connection *c, json_writer *w);

/* Sends an error. allow: the methods of the path, for status 405; NULL: no such field. */
void respond_error(connection *c, const api_error *e, const char *allow);

#endif
