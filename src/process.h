/*
 * What the system says of this process. Any thread; 0 where it can't be told.
 */
#ifndef PROCESS_H
#define PROCESS_H

#include <stdint.h>

uint64_t process_cpu_us(void);		/* all threads, user and system */
uint64_t process_resident(void);	/* bytes */
uint64_t process_virtual(void);		/* bytes */
/* Open descriptors: at once since Linux 6.2; before that each is looked at. */
uint64_t process_fds(void);
uint64_t process_fds_scan(void);
uint64_t process_fds_max(void);		/* the limit; UINT64_MAX: none */

#endif
