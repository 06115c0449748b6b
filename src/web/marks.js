/*
 * How far all is read: kept by the browser for a guest, for an account by the
 * server as well, which tells its other sessions.
 */
import { fold } from './partyline.js';
import { idOf } from './talk.js';
import { browser, keep } from './keep.js';

export function marks(app) {
	const posted = new Map();
	let inbox = 0;

	/* Only what somebody had before the eyes is passed to it. */
	function read(talk) {
		const key = talk.room ? fold(talk.name) : '@', seq = talk.read;
		if (!(browser.read[key] >= seq))
			keep(b => { b.read[key] = Math.max(b.read[key] || 0, seq); });
	}

	function post(name, seq) {
		if (seq <= (posted.get(name) || 0))
			return;
		posted.set(name, seq);
		app.line.request('seen', { room: name, seq })
			.catch(() => posted.delete(name));
	}

	function tell() {
		if (app.line.guest || app.line.state !== 'online')
			return;
		const all = [...app.talks.values()];
		all.filter(t => t.room && !t.out).forEach(t => post(t.name, t.read));
		post('@' + app.line.name, Math.max(0, ...all.filter(t => !t.room)
			.map(t => t.read)));
	}

	/* What a login says of a room, and what is unread in it. */
	function mark({ room, seen, unread, more }) {
		posted.set(room, seen);
		if (room[0] === '@') {
			inbox = Math.max(inbox, seen);
			return;
		}
		const there = app.talks.has(idOf('room', room));
		const talk = app.room(room);
		talk.read = Math.max(talk.read, seen);
		if (there) {
			talk.unread = talk.items.filter(i => !i.own && !i.note &&
				i.seq > talk.read).length;
		} else {
			talk.unread = unread;
			talk.many = more;
			talk.counted = true;
		}
	}

	return { read, tell,
		login(rooms) {
			posted.clear();
			rooms.forEach(mark);
		},
		/* Where reading of what is told to oneself begins. */
		inbox: () => (app.line?.guest === false ? inbox :
			browser.read['@'] || 0) };
}
