/* A build like any other needs no more than the daemon does. */
#include "sandbox.h"

const char *const sandbox_extra_calls[] = { NULL };

void
sandbox_extra_paths(struct sandbox_paths *p)
{
	(void)p;
}
