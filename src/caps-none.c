/*
 * Where libcap-ng was left out: who is not root has none all the same, and
 * cannot get any; but root that stays keeps its own.
 */
#include <sys/syscall.h>

#include <linux/capability.h>
#include <unistd.h>

#include "privileges.h"

void
caps_bound(bool root)
{
	(void)root;
}

const char *
caps_drop(bool root)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3,
	    0 };
	const struct __user_cap_data_struct none[2] = { { 0, 0, 0 },
	    { 0, 0, 0 } };

	if (root)
		return "all: built without libcap-ng";
	return syscall(SYS_capset, &head, none) == 0 ? "none" :
	    "as they were: the system refuses";
}
