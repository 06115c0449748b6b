/* Capabilities, by libcap-ng. */
#include <cap-ng.h>

#include "privileges.h"

static void
choose(bool root)
{
	capng_get_caps_process();
	capng_clear(CAPNG_SELECT_ALL);
	if (root)	/* its files may be another's */
		capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED |
		    CAPNG_BOUNDING_SET, CAP_DAC_OVERRIDE);
}

void
caps_bound(bool root)
{
	capng_get_caps_process();
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP))
		return;
	choose(root);
	capng_apply(CAPNG_SELECT_BOUNDS);
}

const char *
caps_drop(bool root)
{
	choose(root);
	if (capng_apply(CAPNG_SELECT_CAPS | CAPNG_SELECT_AMBIENT) != 0)
		return "as they were: the system refuses";
	return root ? "dac_override" : "none";
}
