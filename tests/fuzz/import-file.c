/*
 * A file that an operator imports. Whatever is in it: the daemon refuses no
 * part that comes of it, each is a line that it reads, what is stored is clean,
 * and after a line that is wrong the same file brings nothing twice. The first
 * byte: is it merged, and does the daemon give out in the middle?
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control-ask.h"
#include "control-table.h"
#include "fact.h"
#include "fact-form.h"
#include "import-file.h"
#include "import.h"
#include "name.h"
#include "request.h"
#include "util.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct stored {
	unsigned long	 line;		/* as the daemon knows it */
	json_int_t	 seq;
	unsigned	 parts, refuse;
	bool		 begun, ended, merge;
};

static void
check_msg(const struct msg *m, bool merge)
{
	struct name name;

	if (!text_is_clean(msg_text(m), m->text_len) ||
	    !name_parse(&name, msg_from(m), m->from_len, NULL) ||
	    !msg_stored(m) || (merge && msg_is_act(m)) || m->time < 0 ||
	    ((m->flags & MSG_REDACTED) != 0 && m->text_len > 0))
		abort();
}

/* Of a fact of ours: formed once more it is the same, and nothing of it drives
 * a terminal. */
static void
check_fact(const struct store_fact *stored)
{
	json_t *value = json_loads(stored->value, JSON_DECODE_ANY, NULL);
	json_t *again = json_incref(value);
	struct fact f;
	char *text;

	if (value == NULL || fact_form(stored->key, &again) != NULL ||
	    !json_equal(value, again))
		abort();
	if (value != again) {		/* it is none that stays as it is */
		if (!fact_parse(&f, stored) || !json_equal(value, f.value))
			abort();
		fact_free(&f);
		text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
		if (strcmp(text, stored->value) != 0)
			abort();
		free(text);
	}
	json_decref(value);
	json_decref(again);
}

static json_t *
send_cb(void *arg, json_t *request)
{
	struct request *req = request_new(CMD_IMPORT);
	char *text = json_dumps(request, JSON_COMPACT);
	struct stored *s = arg;
	json_t *seqs = json_array();
	const struct import_part *p;
	uint32_t i;

	if (text == NULL || strlen(text) > CONTROL_LINE ||
	    control_import_part(req, request) != NULL)
		abort();
	p = req->import;
	if (p->begin == s->begun || s->ended)
		abort();
	s->begun = true;
	if (!p->begin && p->line <= s->line)
		abort();			/* it would be there twice */
	for (i = 0; i < req->nlisted; i++) {
		check_msg(req->msgs[i], s->merge);
		json_array_append_new(seqs, json_integer(++s->seq));
	}
	for (i = 0; i < p->nfacts; i++)
		check_fact(&p->facts[i]);
	if (p->topic == NULL || !text_is_clean(p->topic, strlen(p->topic)) ||
	    !text_is_clean(p->of, strlen(p->of)))
		abort();
	free(text);
	json_decref(request);
	if (++s->parts == s->refuse) {
		request_free(req);
		json_decref(seqs);
		return json_pack("{s:b}", "ok", 0);
	}
	if (!p->begin)
		s->line = p->line;
	s->ended = p->end;
	request_free(req);
	return json_pack("{s:b,s:I,s:o,s:b}", "ok", 1, "line",
	    (json_int_t)s->line, "seqs", seqs, "merge", s->merge);
}

/* All of it, once more. */
static void
run(struct stored *s, const char *data, size_t size)
{
	struct import_file f;
	bool more = true;
	const char *lf;
	size_t n;

	s->begun = false;
	import_file_begin(&f, send_cb, s, s->merge);
	while (more && size > 0) {
		lf = memchr(data, '\n', size);
		n = lf != NULL ? (size_t)(lf - data) + 1 : size;
		more = import_file_line(&f, data, n);
		data += n;
		size -= n;
	}
	if (more)
		more = import_file_end(&f);
	if (more != (f.ended && f.error == NULL && f.refused == NULL) ||
	    (f.bad > 0) != (f.error != NULL) ||
	    (f.error != NULL && f.stored + 1 < f.bad))
		abort();
	import_file_free(&f);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stored s = { 0 };

	if (size == 0)
		return 0;
	s.merge = (data[0] & 1) != 0;
	s.refuse = data[0] >> 1 & 7;
	run(&s, (const char *)data + 1, size - 1);
	s.parts = s.refuse = 0;
	if (!s.ended)
		run(&s, (const char *)data + 1, size - 1);
	return 0;
}
