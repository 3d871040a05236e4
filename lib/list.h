/* SPDX-License-Identifier: Apache-2.0 */
/* Circular doubly linked lists whose links are embedded in the elements. The caller does the locking. */
#ifndef LIB_LIST_H
#define LIB_LIST_H

#include "lib/compiler.h"

struct list {
    struct list *next, *prev;
};

#define LIST_INIT(name) { &(name), &(name) }

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_insert_between(struct list *e, struct list *prev, struct list *next)
{
    e->prev = prev;
    e->next = next;
    prev->next = e;
    next->prev = e;
}

static inline void list_push_front(struct list *head, struct list *e)
{
    list_insert_between(e, head, head->next);
}

static inline void list_push_back(struct list *head, struct list *e)
{
    list_insert_between(e, head->prev, head);
}

/* Take e out of its list; e is then an empty list, so that a second removal does nothing. */
static inline void list_remove(struct list *e)
{
    e->prev->next = e->next;
    e->next->prev = e->prev;
    list_init(e);
}

#define list_entry(e, type, member) container_of(e, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)

/* Visit each element; the element may not be removed meanwhile. */
#define list_for_each(p, head, member)                                     \
    for (p = list_entry((head)->next, __typeof__(*p), member);             \
         &p->member != (head);                                             \
         p = list_entry(p->member.next, __typeof__(*p), member))

/* Visit each element; the one visited may be removed. */
#define list_for_each_safe(p, n, head, member)                             \
    for (p = list_entry((head)->next, __typeof__(*p), member),             \
         n = list_entry(p->member.next, __typeof__(*p), member);           \
         &p->member != (head);                                             \
         p = n, n = list_entry(n->member.next, __typeof__(*n), member))

#endif
