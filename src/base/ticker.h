/* ticker.h - a thread that calls a function again and again, beside whatever else the process does:
 * it answers other ranks while this one computes. */
#ifndef CADRE_BASE_TICKER_H
#define CADRE_BASE_TICKER_H

typedef struct ticker ticker;

/* Calls tick(arg) every `seconds`, never while the ticker is held. No signal is delivered to its
 * thread. Returns NULL on failure, with the last error set. */
ticker *ticker_new(double seconds, void (*tick)(void *arg), void *arg);
void ticker_free(ticker *t); /* after the last call has returned; NULL is fine */

/* Between the two, the function is not called: what it uses may be used here. */
void ticker_hold(ticker *t);
void ticker_release(ticker *t);

#endif
