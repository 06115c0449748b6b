/*
 * A build with sanitizers: they look at the process from outside when it ends,
 * read whatever a report quotes, execute what makes it readable, and write it
 * where the environment says. No client is kept from anything by that build.
 */
#include <stdlib.h>
#include <string.h>

#include "sandbox.h"
#include "util.h"

const char *const sandbox_extra_calls[] = {
	"chdir", "fchdir", "mincore", "mmap", "mprotect",
	"personality", "process_vm_readv", "ptrace", "sched_setaffinity",
	"setrlimit", NULL
};

void
sandbox_extra_paths(struct sandbox_paths *p)
{
	static const char *const names[] = { "ASAN_OPTIONS", "LSAN_OPTIONS",
	    "TSAN_OPTIONS", "UBSAN_OPTIONS" };
	static const char option[] = "log_path=";
	const char *s;
	char *path, *dir;
	size_t i;

	sandbox_paths_add(p, "/", MAY_READ | MAY_EXECUTE);
	for (i = 0; i < NITEMS(names); i++) {
		if ((s = getenv(names[i])) == NULL ||
		    (s = strstr(s, option)) == NULL)
			continue;
		s += strlen(option);
		path = xasprintf("%.*s", (int)strcspn(s, ":"), s);
		dir = path_dir(path);
		sandbox_paths_add(p, dir, MAY_WRITE | MAY_MAKE);
		free(dir);
		free(path);
	}
}
