/* group.c - messages and working memory for the methods of communicators. */
#include "dist/group.h"

#include "base/memory.h"

cadre_status group_exchange(const comm *c, const comm_message *m)
{
    const group *g = group_of(c);
    comm_message all = *m; /* the same message with world ranks */
    if (m->to >= 0) all.to = g->member[m->to];
    if (m->from >= 0) all.from = g->member[m->from];
    return endpoint_exchange(endpoint_of(c), g->tag, &all);
}

void *group_scratch(const comm *c, size_t bytes)
{
    scratch *s = &group_of(c)->world->scratch;
    if (bytes <= s->size && s->data) return s->data;
    mem_free(s->data);
    s->data = mem_alloc(bytes, 1);
    s->size = s->data ? bytes : 0;
    return s->data;
}

fabric group_fabric(const comm *c) { return fabric_assumed(c->size, group_of(c)->per_node); }
