/* Where libseccomp was left out. */
#include "sandbox.h"
#include "util.h"

char *
seccomp_enter(bool tell)
{
	(void)tell;
	return xstrdup("no: built without libseccomp");
}

char *
seccomp_enter_bare(bool parent)
{
	(void)parent;
	return seccomp_enter(false);
}
