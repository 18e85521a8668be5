/* cadre.h - Mixture-of-Experts in C: the public interface of libcadre.
 *
 * Include this header; each of its parts, in cadre/, can also be included alone.
 *
 * Conventions. Functions that can fail return a cadre_status, which is 0 for success, and write
 * their results (the last arguments) only on success. After a failure, cadre_last_error() holds one
 * sentence that names the file, what was expected and what was found. The library never prints,
 * exits or aborts because of its input. x_new/x_free and x_open/x_close come in pairs; freeing NULL
 * is fine. Pointers marked "borrowed" live as long as the object that they came from. Letters of
 * shapes: tokens T, width D, hidden H, experts E, picks per token K, batch B, vocabulary V.
 *
 * Sizes. A struct of choices that a program gives (cadre_moe_shape, cadre_open_options,
 * cadre_sampling, cadre_generation, cadre_batcher_limits, cadre_request, cadre_server_options and
 * the listeners), and one of answers that it gets (cadre_train_summary, cadre_model_info,
 * cadre_image_form, cadre_growth, cadre_memory, cadre_store, cadre_evaluation, cadre_chat_account,
 * cadre_request_news, cadre_batcher_cache, cadre_batcher_load, cadre_placed, cadre_mixture_info,
 * cadre_simulation), begins with `size`, which the program sets to sizeof of it before every call.
 * Later versions add fields at the end. Any size from that of the struct's first version on is
 * accepted: fields that an older program does not have are taken as zero, which always means what
 * was done before there was such a field; of a newer program's struct, fields that this libcadre
 * does not know are not read, and set to zero in answers. A smaller size, as of a struct that was
 * forgotten to be filled in, is CADRE_EARGUMENT. What is handed to a listener
 * (cadre_train_progress, cadre_mixture_progress, cadre_mixture_prediction, cadre_plan_basis,
 * cadre_plan_layout, cadre_verification) has its size filled in by libcadre. All other structs,
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

/* what holds for all */
#include "cadre/context.h"
#include "cadre/options.h"
#include "cadre/ranks.h"
#include "cadre/status.h"

/* layers, training, models */
#include "cadre/grow.h"
#include "cadre/image.h"
#include "cadre/layer.h"
#include "cadre/model.h"
#include "cadre/store.h"
#include "cadre/text.h"
#include "cadre/train.h"
#include "cadre/write.h"

/* running them */
#include "cadre/batcher.h"
#include "cadre/conversation.h"
#include "cadre/server.h"
#include "cadre/session.h"

/* measures, plans, and mixtures on tables */
#include "cadre/evaluate.h"
#include "cadre/measure.h"
#include "cadre/mixture.h"
#include "cadre/plan.h"

#endif
