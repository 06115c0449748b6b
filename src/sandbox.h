/*
 * The sandbox: from the first client on the daemon reaches only the files it
 * needs (Landlock) and makes only the system calls it needs (seccomp). Both are
 * for good, for all threads made afterwards, and for what they execute: an
 * upgraded daemon finds itself in the sandbox of the one before, and leaves it
 * at that. What the kernel or the build lacks is left out, and said. Main
 * thread, while there is no other.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "privileges.h"

/* What may be done to the files beneath a path, or to the file there. */
enum sandbox_access {
	MAY_READ = 1,		/* and look through directories */
	MAY_WRITE = 2,		/* and cut */
	MAY_MAKE = 4,		/* files and directories */
	MAY_LISTEN = 8,		/* make sockets */
	MAY_REMOVE = 16,
	MAY_RMDIR = 32,
	MAY_EXECUTE = 64
};

struct sandbox_path {
	char		*path;
	unsigned	 access;
};

struct sandbox_paths {
	struct sandbox_path *list;
	size_t		 n;
};

/*
 * Everything that the daemon may reach: what this configuration names, read
 * from file (NULL: none), and what it and the C library take for granted.
 */
void	 sandbox_paths_make(struct sandbox_paths *, const struct conf *,
	    const char *file);
void	 sandbox_paths_add(struct sandbox_paths *, const char *, unsigned);
void	 sandbox_paths_free(struct sandbox_paths *);

/* Whether an earlier program of this process has entered it. */
bool	 sandbox_inherited(void);
/* Whether it keeps this file, which is there, from being executed because it
 * does not lie *where (caller frees) programs may. Any time, any thread. */
bool	 sandbox_bars(const char *file, char **where);
/* Enters it, unless conf says no; what came of it goes into privileges. */
void	 sandbox_enter(const struct conf *, const char *file,
	    struct privileges *);

/* Of each: "yes", with what there is to add, or "no: " and why; the caller
 * frees. landlock.c, and seccomp.c or what stands in its place. */
char	*landlock_enter(const struct sandbox_paths *);
char	*seccomp_enter(bool tell);	/* refusals to the kernel's log */
/* For a process that only computes: its memory, children like itself, and the
 * sockets it has; or for the parent of such, which may end them. */
char	*seccomp_enter_bare(bool parent);

/* What a build needs that the sanitizers are in; sandbox-plain.c, or
 * sandbox-sanitizer.c. */
extern const char *const sandbox_extra_calls[];	/* ended by NULL */
void	 sandbox_extra_paths(struct sandbox_paths *);

#endif
