/* The talks there are: how they come, which of them is shown, how they go. */
import { fold } from './partyline.js';
import { Talk, idOf } from './talk.js';
import { $, later } from './view.js';
import { LAST } from './reader.js';
import { keep } from './keep.js';

const PEOPLE = 50;		// talked to; who was silent longest goes

const text = $('text');

/* Rooms to come back to. */
export function keepRoom(name, stays) {
	keep(b => {
		const all = b.rooms || [];
		const others = all.filter(r => fold(r) !== fold(name));
		if (!stays || others.length === all.length)
			b.rooms = others.concat(stays ? name : []).slice(-50);
	});
}

export function talking(app) {
	const { talks } = app;

	function talkOf(kind, name) {
		const id = idOf(kind, name);
		if (!talks.has(id)) {
			const talk = new Talk(kind, name);
			if (talk.room) {
				keepRoom(name, true);
			} else {
				talk.read = app.marked.inbox();
				[...talks.values()].filter(t => !t.room &&
					t !== app.current && !t.draft && !t.pending.length)
					.sort((a, b) => a.time - b.time)
					.slice(0, 1 - PEOPLE).forEach(t => talks.delete(t.id));
			}
			talks.set(id, talk);
		}
		return talks.get(id);
	}

	const room = name => talkOf('room', name);
	const person = name => talkOf('person', name);
	const named = name => talks.get(idOf('room', name.replace(/^#/, ''))) ||
		talks.get(idOf('person', name.replace(/^@/, '')));

	/* Takes the server's spelling; two talks that are one become one. */
	function respell(talk, name) {
		const was = talk.id, there = talks.get(idOf(talk.kind, name));
		talk.name = name;
		if (talk.id !== was) {
			talks.delete(was);
			talks.set(talk.id, talk);
			[...there?.items || [], ...there?.later || []]
				.forEach(i => talk.add(i));
		}
		if (app.current === there && there !== talk) {
			talk.draft = text.value;
			app.current = null;
			select(talk);
		}
		if (talk === app.current)
			later(app.paint);
		app.log.update(talk);
	}

	function select(talk) {
		const { current } = app;
		if (talk !== current) {
			if (current) {
				current.draft = text.value;
				current.marker = null;
			}
			app.current = talk;
			app.begun(talk);
			history.replaceState(null, '', talk.room ? '#' + talk.name : ' ');
			app.box.begin(talk.draft);
			app.log.show(talk);
			if (talk.stale)
				app.toEnd();
			app.attend();
			app.paint();
			refresh();
		}
		app.close();
	}

	function forget(talk) {
		talks.delete(talk.id);
		if (talk.room)
			keepRoom(talk.name, false);
		if (talk === app.current)
			select([...talks.values()].find(t => t.room) || lobby());
		later(app.sidebar);
	}

	function lobby() {
		const { line } = app;
		line.join(line.lobby, { last: LAST }).catch(() => {});
		return room(line.lobby);
	}

	/* Who is there: what nobody tells is asked. */
	async function refresh() {
		const { line, current: talk } = app;
		if (!talk.room || line.state !== 'online')
			return;
		const rows = await line.who(talk.name).catch(() => null);
		if (rows) {
			talk.members = new Map(rows.map(r => [fold(r.name), r]));
			talk.role = talk.members.get(fold(line.name))?.role || talk.role;
		}
		if (talk === app.current)
			app.paint();
	}

	return { room, person, named, respell, select, forget, lobby, refresh };
}
