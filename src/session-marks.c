/*
 * How far an account has read, as its sessions can tell: what the peer's
 * system has acknowledged. Not what was written: a peer that is gone without
 * a word has had none of that. And where a person at a terminal talks.
 */
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <string.h>

#include "session-io.h"
#include "session.h"

#define CLOSED	7	/* TCP_CLOSE of netinet/tcp.h, which this excludes */

/* Has the peer taken in all that was written, so that nothing is on its way? */
static bool
all_taken(const struct session *s, enum mark_when when)
{
	int fd = bufferevent_getfd(s->bev), left = 0;
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	if (s->blocked || session_unwritten(s) > 0 || fd == -1)
		return false;
	/* Who has just said so is there, and an acknowledgement may be late. */
	if ((s->closing && s->end == END_QUIT) || when == MARK_LEAVE)
		return true;
	/* One that was reset has nothing on its way either; one that ended in
	 * order is closed as well. */
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0)
		return info.tcpi_unacked == 0 && info.tcpi_notsent_bytes == 0 &&
		    (info.tcpi_state != CLOSED || s->eof);
	return ioctl(fd, SIOCOUTQ, &left) == 0 && left == 0;
}

/* A program says itself what it has seen of a room, but not of its inbox. */
static bool
counts(const struct session *s, const struct place *p, enum mark_when when)
{
	if (!p->fresh || p->state == PLACE_SEEK)
		return false;
	return stream_room(p->stream)->name[0] == '@' ||
	    (when != MARK_NOW && session_is_person(s));
}

bool
session_marks(struct session *s, struct request *req, enum mark_when when)
{
	const char *room;
	struct place *p;
	uint32_t n = 0;

	if (!s->registered)
		return false;
	if (session_dialect(s)->talks != NULL &&
	    (room = session_dialect(s)->talks(s->state)) != NULL)
		req->room_key = request_str(req, room);
	for (p = s->places; p != NULL; p = p->next)
		n += counts(s, p, when);
	if (n == 0 || !all_taken(s, when))
		return req->room_key != NULL;
	req->moved = request_alloc(req, n * sizeof(*req->moved));
	for (p = s->places; p != NULL; p = p->next) {
		if (!counts(s, p, when))
			continue;
		p->fresh = false;
		req->moved[req->nlisted++] = (struct moved_room){ .room = "",
		    .room_id = stream_room(p->stream)->id,
		    .after = place_seq(p) };
	}
	return true;
}

static void
tell_hub(struct session *s, struct request *req)
{
	req->client = session_id(s);
	req->sid = s->sid;
	loop_send(s->loop, req);
}

void
session_mark(struct session *s, enum mark_when when)
{
	struct request *req;

	if (!s->registered || s->sid == 0)
		return;
	req = request_new(CMD_MARK);
	if (session_marks(s, req, when))
		tell_hub(s, req);
	else
		request_free(req);
}

/* Does the peer take what it is sent? Who is sent out cannot say so, and what
 * tells of it is on its way. */
static bool
takes(const struct session *s)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return !s->blocked && (getsockopt(bufferevent_getfd(s->bev),
	    IPPROTO_TCP, TCP_INFO, &info, &len) == -1 ||
	    info.tcpi_retransmits == 0);
}

void
session_mark_room(struct session *s, const struct moved_room *at)
{
	struct request *req;

	if (!s->registered || s->sid == 0 || !session_is_person(s) ||
	    (at->how == MARK_SENT_OUT && !takes(s)))
		return;
	req = request_new(CMD_MARK);
	req->moved = request_alloc(req, sizeof(*at));
	*req->moved = *at;
	req->nlisted = 1;
	tell_hub(s, req);
}

void
session_mark_begins(struct session *s, const struct place *p, uint64_t head)
{
	const struct room_view *room = stream_room(p->stream);
	struct moved_room at = { .room = "", .room_id = room->id,
	    .how = MARK_BEGINS, .after = p->at.seq };

	if (at.after < head)
		session_mark_room(s, &at);
	session_begins(s, room->name, at.after);
}

void
session_list_read(const struct session *s, struct request *req)
{
	const struct place *p;
	uint32_t n = 0;

	for (p = s->places; p != NULL; p = p->next)
		n++;
	req->kept = request_alloc(req, n * sizeof(*req->kept));
	req->nlisted = n;
	for (p = s->places; p != NULL; p = p->next)	/* the newest first */
		req->kept[--n] = (struct kept_room){
		    .room = request_str(req, stream_room(p->stream)->name),
		    .seen = p->state == PLACE_SEEK ? 0 : place_seq(p) };
}
