/*
 * Listening sockets. They are bound by the main thread before anything is
 * given up, and served by loop 0, which hands each client to the loop that
 * has least to do.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <stdbool.h>

#include "conf.h"

struct listener;
struct loop;

/* Binds all of conf's addresses; NULL and *error (caller frees) if one can't
 * be had. Main thread. */
struct listener *listener_open_all(const struct conf *, char **error);
/* Adds them to the loop, before its thread runs, and logs each address. */
void	 listener_serve(struct loop *, struct listener *);
/* Stops listening; the loop's thread. */
void	 listener_close_all(struct loop *);

#endif
