/* event_library.h - declares libevent's functions as weak references, so that a program that links
 * cadre's archive without using the server needs no libevent. */
#ifndef CADRE_SERVE_EVENT_LIBRARY_H
#define CADRE_SERVE_EVENT_LIBRARY_H

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <stdbool.h>
#include <stddef.h>

#pragma weak bufferevent_enable
#pragma weak bufferevent_free
#pragma weak bufferevent_get_input
#pragma weak bufferevent_get_output
#pragma weak bufferevent_getfd
#pragma weak bufferevent_setcb
#pragma weak bufferevent_setwatermark
#pragma weak bufferevent_socket_new
#pragma weak bufferevent_trigger
#pragma weak bufferevent_write
#pragma weak evbuffer_add_cb
#pragma weak evbuffer_drain
#pragma weak evbuffer_get_contiguous_space
#pragma weak evbuffer_get_length
#pragma weak evbuffer_pullup
#pragma weak evconnlistener_disable
#pragma weak evconnlistener_enable
#pragma weak evconnlistener_free
#pragma weak evconnlistener_get_fd
#pragma weak evconnlistener_new_bind
#pragma weak evconnlistener_set_error_cb
#pragma weak event_add
#pragma weak event_base_dispatch
#pragma weak event_base_free
#pragma weak event_base_loopbreak
#pragma weak event_base_new
#pragma weak event_free
#pragma weak event_new
#pragma weak evutil_closesocket

/* Whether this program is linked with libevent. */
static inline bool event_library_is_here(void) { return event_base_new != NULL; }

#endif
