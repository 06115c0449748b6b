/*
 * Where libcap-ng was left out: with root its capabilities go all the same,
 * and with new privileges the ways to get any; only those that somebody else
 * was started with stay.
 */
#include "privileges.h"

void
caps_bound(bool root)
{
	(void)root;
}

const char *
caps_drop(bool root)
{
	return root ? "all: built without libcap-ng" :
	    "as they were: built without libcap-ng";
}
