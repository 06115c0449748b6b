/*
 * An export's file on its way back: its lines go in, and parts of them come
 * out, as requests of the control socket. What a line has wrong is told with
 * its number; what stood before it is sent first, so that all up to there is
 * imported, and the same file goes on there. Pure, but for what send does.
 */
#ifndef IMPORT_FILE_H
#define IMPORT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* Asks the daemon, which takes the request over: its answer, the caller's. */
typedef json_t	*import_send(void *arg, json_t *request);

struct import_file {
	import_send	*send;
	void		*arg;
	bool		 merge;		/* with what is there: no acts; asked
					 * for, then as the daemon has it */

	/* to be read */
	unsigned long	 line;		/* of the file, from 1 */
	unsigned long	 stored;	/* all lines up to this one are */
	unsigned long	 done;		/* those that an earlier try had */
	unsigned long long taken;	/* messages sent */
	unsigned long long left;	/* facts that were not taken up */
	unsigned long long acts;	/* that were left out */
	unsigned long long missing;	/* messages that the end speaks of */
	bool		 ended;
	char		*error;		/* of line bad; or NULL */
	unsigned long	 bad;		/* 0: of none */
	json_t		*refused;	/* the daemon's answer; or NULL */

	/* private */
	json_t		*head;		/* the first line */
	json_t		*facts, *messages;	/* of the part so far */
	json_t		*olds;		/* the seqs that the messages had */
	json_t		*redacted;	/* {"old seq": new one} */
	size_t		 bytes;
	unsigned long long seen_lines;	/* that are messages */
	json_int_t	 seen, seen_now;	/* of the inbox: old, new */
	bool		 account;
};

#define IMPORT_LINE	(448 * 1024)	/* bytes of a line, at most */

void	 import_file_begin(struct import_file *i, import_send *send, void *arg,
	    bool merge);
/* The next line, its LF included if it has one. False: that was the last that
 * is to be given, for error or refused say why. */
bool	 import_file_line(struct import_file *, const char *, size_t);
/* The same of a line that was not even read. */
bool	 import_file_bad(struct import_file *, const char *why);
/* There are no more. False as above. */
bool	 import_file_end(struct import_file *);
/* What it is called there; "" if nobody knows yet. */
const char *import_file_name(const struct import_file *);
void	 import_file_free(struct import_file *);

#endif
