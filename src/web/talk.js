/* What is known of a room, or of a person talked to alone. */
import { fold } from './partyline.js';

export const idOf = (kind, name) => (kind === 'room' ? '#' : '@') + fold(name);

export class Talk {
	items = [];		// messages and notes, oldest first
	pending = [];		// said here and not stored yet
	members = new Map();	// by folded name: who's rows
	topic = '';
	older = true;		// there may be older messages
	read = null;		// seq that all is read up to, once it is known
	marker = null;		// seq behind which it was new, if any was
	unread = 0;
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

	get last() {
		return this.items.findLast(i => i.seq)?.seq || 0;
	}

	get time() {
		return this.items.at(-1)?.time || 0;
	}

	/* What was told to a person, and what came back, goes by time. */
	add(item) {
		let at = this.items.length;
		while (!this.room && at > 0 && this.items[at - 1].time > item.time)
			at--;
		this.items.splice(at, 0, item);
	}

	note(text, moves) {
		this.add({ note: true, time: Date.now(), text, moves });
	}

	/* Who comes and goes, in one line as long as nothing else happens. */
	moved(words) {
		const last = this.items.at(-1);
		if (last?.moves && last.text.length < 200) {
			last.text += ' · ' + words;
			last.changed = true;
		} else {
			this.note(words, true);
		}
	}

	trim(max) {
		if (this.items.length > max) {
			this.items.splice(0, this.items.length - max);
			this.older = true;
		}
	}
}

export const item = (m, me) => ({ ...m, time: Date.parse(m.time),
	text: m.text ?? '', own: fold(m.from) === fold(me) });

/* Whether the text has the name as a word. */
export const mentions = (text, name) => fold(text)
	.split(/[^\p{L}\p{N}\p{M}._-]+/u)
	.some(w => w.replace(/[.-]+$/, '') === fold(name));
