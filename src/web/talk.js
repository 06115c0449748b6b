/* What is known of a room, or of a person talked to alone. */
import { sentence } from './deeds.js';
import { fold } from './partyline.js';

export const WINDOW = 1000;	// items at most, while one has scrolled up
const FAR = 5000;		// of a person's behind them

export const idOf = (kind, name) => (kind === 'room' ? '#' : '@') + fold(name);

export class Talk {
	items = [];		// messages and notes, oldest first
	later = [];		// of a person: those behind them, out of sight
	pending = [];		// said here and not stored yet
	removed = new Set();	// seqs of messages whose text is gone
	members = new Map();	// by folded name: who's rows
	topic = '';
	older = true;		// there may be older messages
	newer = false;		// there are newer ones, and none of now are added
	reach = undefined;	// of a person: seq in the inbox looked through so far
	loading = null;		// while a page is on its way
	stale = false;		// it is to be read anew before it is shown
	newest = 0;		// seq of the newest one of all
	head = 0;		// seq of the newest one when it was entered
	since = 0;		// that, when it was entered by this connection first
	link = null;		// which one that is
	read = null;		// seq that all is read up to, once it is known
	marker = null;		// seq behind which it was new, if any was
	fresh = '';		// how much that was
	absent = '';
	role = 'member';	// one's own
	settings = null;	// what the room is set to, once it is known
	muted = 0;		// until when one may say nothing
	out = '';		// why one is in it no more
	again = false;		// and may come in again at once
	unread = 0;
	many = false;		// even more than that
	counted = false;	// the server has counted what came up to the head
	draft = '';
	scroll = null;

	constructor(kind, name) {
		this.kind = kind;
		this.name = name;
		this.room = kind === 'room';
	}

	get id() {
		return idOf(this.kind, this.name);
	}

	get title() {
		return (this.room ? '#' : '') + this.name;
	}

	get first() {
		return this.items.find(i => i.seq)?.seq;
	}

	get last() {
		return this.items.findLast(i => i.seq)?.seq || 0;
	}

	get time() {
		return this.items.at(-1)?.time || 0;
	}

	/*
	 * What was told to a person, and what came back, goes by time. What was
	 * said in a room before it was entered goes before what is noted since.
	 */
	add(item) {
		const late = i => (this.room ? i.time > item.time && i.note &&
			!i.fixed && item.seq <= this.head :
			i.time > item.time || (i.time === item.time && i.seq > item.seq));
		let at = this.items.length;
		while (at > 0 && late(this.items[at - 1]))
			at--;
		this.items.splice(at, 0, item);
	}

	note(text, more) {
		if (!this.newer)
			this.add({ note: true, time: Date.now(), text, ...more });
	}

	/* Who comes and goes, in one line as long as nothing else happens. */
	moved(words) {
		const last = this.items.at(-1);
		if (!this.newer && last?.moves && last.text.length < 200) {
			last.text += ' · ' + words;
			last.changed = true;
		} else {
			this.note(words, { moves: true });
		}
	}

	/* A tell's reply may say that nobody reads it now: told until that changes. */
	absence({ to, offline, away }) {
		const words = away ? to + ' is away: ' + away :
			offline ? to + ' is not here now, and will find it later.' : '';
		if (words && words !== this.absent)
			this.note(words);
		this.absent = words;
	}

	trim(max) {
		if (this.items.length > max) {
			this.items.splice(0, this.items.length - max);
			this.older = true;
			this.reach = this.room ? undefined : this.first;
		}
	}

	/*
	 * A person's words are in the inbox among all others', and one's own in
	 * the tab alone: so what is behind those that are shown stays here.
	 */
	cut(max) {
		this.later.unshift(...this.items.splice(max));
		this.newer = this.later.length > 0;
	}

	uncut(many, max) {
		this.items.push(...this.later.splice(0, many));
		this.newer = this.later.length > 0;
		this.trim(max);
	}

	/* What is said between these two now; up: what is read is far above it. */
	append(item, up) {
		if (this.later.length >= FAR)
			this.uncut(Infinity, WINDOW / 2);
		this.newer ||= up && this.items.length >= WINDOW;
		if (this.newer)
			this.later.push(item);
		else
			this.add(item);
	}

	/* Of a page of the inbox, what this person told. */
	addTold(messages, me) {
		const key = i => i.seq + ' ' + i.time;
		const here = new Set(this.items.map(key));
		for (const it of this.made(messages, me)) {
			if (!it.own && fold(it.from) === fold(this.name) &&
			    !here.has(key(it)))
				this.add(Object.assign(it, { past: true }));
		}
	}

	/* What was asked for; some of it may have been removed on its way. */
	made(messages, me) {
		return messages.map(m => item(this.removed.has(m.seq) ?
			{ ...m, text: '', redacted: true } : m, me));
	}

	/*
	 * Messages of a room that were read from its history, in front or behind.
	 * At most max are kept, and those at the other end go.
	 */
	addOlder(items, max) {
		this.items.unshift(...items);
		if (this.items.length > max) {
			this.items.length = max;
			this.newer = true;
		}
	}

	addNewer(items, max) {
		const { last } = this;
		this.items.push(...items.filter(i => i.seq > last));
		this.trim(max);
	}
}

/* Of a message; an act in a room is a note that has its place. */
export const item = (m, me) => (m.event && m.event !== 'message' ?
	{ ...m, note: true, fixed: true, time: Date.parse(m.time),
		text: sentence(m, me) } : messageItem(m, me));

const messageItem = (m, me) => ({ ...m, time: Date.parse(m.time),
	text: m.text ?? '', own: fold(m.from) === fold(me) });

/* Whether the text has the name as a word. */
export const mentions = (text, name) => fold(text)
	.split(/[^\p{L}\p{N}\p{M}._-]+/u)
	.some(w => w.replace(/[.-]+$/, '') === fold(name));
