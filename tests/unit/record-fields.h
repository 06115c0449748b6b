/*
 * Every field of a session's record. One that is added makes this an error:
 * save and load it (session-record.c), carry it from loop to loop
 * (session_detach(), attach_old()), and have it compared in same() of record.c
 * and session-move.c here.
 */
#ifndef RECORD_FIELDS_H
#define RECORD_FIELDS_H

#include "session.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wmissing-field-initializers"

static const struct session_record record_fields = {
	{ NULL, 0 }, SESSION_RECORD_VERSION, -1, NULL, LISTEN_AUTO, NULL, 0,
	false, false, 0, NULL, NULL, { NULL }, false, ENC_TEXT, NULL, 0, 0, 0,
	0, 0, false, false, false, false, false, false, false, false, END_QUIT,
	{ NULL, 0, 0 }, { NULL, 0, 0 }, NULL, NULL
};

#pragma GCC diagnostic pop

#endif
