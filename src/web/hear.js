/* What the server says by itself: messages, and what happens in rooms. */
import { fold } from './partyline.js';
import { Talk, item, mentions, WINDOW } from './talk.js';
import { deeds, sentence, takeIn } from './deeds.js';
import { later } from './view.js';
import { browser, keep, tab } from './keep.js';
import { keepRoom } from './talks.js';

/* A guest's inbox ends with the connection, and so the tab keeps it. */
export function told(it) {
	tab.told = [...tab.told, it].slice(-200);
	keep(() => {});
}

export function hearing(app) {
	/* past: an account's, from before this tab; it may come again as unread. */
	function heard(m, past) {
		const { line, current, log } = app;
		const it = item(m, line.name), inbox = m.room[0] === '@';
		if (m.redacted)
			app.search.removed(m.room, m.seq);
		if (inbox && it.own)
			return;			// a word to oneself stands there already
		const talk = inbox ? app.person(m.from) : app.room(m.room);
		const there = inbox && [...talk.items, ...talk.later]
			.find(i => i.seq === it.seq && i.time === it.time);
		if (there && !there.past)
			return;			// kept by the tab
		if (it.own) {
			/* Its answer may come before it, or after. */
			const p = talk.pending.find(q => q.seq === it.seq) ||
				talk.pending.find(q => !q.shown && q.text === it.text);
			if (p?.seq)
				app.drop(talk, p);
			else if (p)
				p.shown = true;
		}
		it.mention = !inbox && !it.own && mentions(it.text, line.name);
		if (there) {
			there.past = past;
		} else if (inbox) {
			it.past = past;
			talk.append(it, talk === current && !log.stuck);
			told(it);
		} else {
			take(talk, it);
		}
		if (inbox && talk !== current)
			talk.trim(400);
		log.update(talk);
		if (!past && !it.own && !(it.seq <= talk.read))
			app.came(talk, it, it.mention || inbox);
	}

	/* Before a room is given anything more. */
	function bound(talk) {
		if (talk !== app.current) {
			talk.trim(400);
		} else if (!app.log.stuck && talk.items.length >= WINDOW) {
			talk.newer = true;
			app.pill();
		}
	}

	/*
	 * A room's new message, at its end. Who has scrolled up in a room that
	 * talks on is given it later: where it was read in between, or with the
	 * newest ones.
	 */
	function take(talk, it) {
		talk.newest = Math.max(talk.newest, it.seq);
		bound(talk);
		if (!talk.newer && it.seq > talk.last)
			talk.add(it);
	}

	function happened(name, words, more) {
		const talk = app.room(name);
		bound(talk);
		if (words)
			talk.note(words, more);
		app.log.update(talk);
		if (talk === app.current)
			later(app.paint);
		return talk;
	}

	/* Somebody keeps the room in order. */
	function done(e) {
		const { name } = app.line, talk = app.room(e.room);
		takeIn(talk, e, name);
		if (e.event === 'redact')
			app.search.removed(e.room, e.target);
		if (e.seq)
			take(talk, item(e, name));
		else
			talk.note(sentence(e, name), { fixed: true });
		if (talk.out)
			keepRoom(talk.name, false);
		app.log.update(talk);
		/* In a moderated room others are members than in an open one. */
		if (talk === app.current && e.event === 'configure')
			later(app.refresh);
		if (talk !== app.current)
			later(app.sidebar);
		else if (document.hidden || !app.log.stuck)
			later(app.paint);
		else
			[app.paint, app.attend].forEach(f => later(f));
	}

	const gap = e => e.room[0] !== '@' &&
		happened(e.room, 'Some messages here are no longer kept.',
			{ fixed: true });

	let link = 0;		// counts the connections

	function entering(reply) {
		if (reply.room[0] === '@')
			return;
		const talk = app.room(reply.room), { epoch } = reply;
		talk.name = reply.room;
		if (epoch !== browser.epoch)
			keep(b => b.epoch === epoch ||
				Object.assign(b, { epoch, read: { __proto__: null } }));
		talk.read ??= browser.read[fold(reply.room)] ?? reply.head;
		Object.assign(talk, { topic: reply.topic, head: reply.head,
			role: reply.role, out: '' });
		if (talk.link !== link)
			Object.assign(talk, { link, since: reply.head });
		keepRoom(reply.room, true);
		later(app.marked.tell);
		app.line.request('configure', { room: reply.room }).then(settings => {
			talk.settings = settings;
			later(talk === app.current ? app.paint : app.sidebar);
		}, () => {});
		if (talk === app.current) {
			app.paint();
			app.refresh();
		}
		later(app.sidebar);
	}

	const events = {
		message: m => heard(m),
		login: () => link++,
		joined: entering,
		lag: gap,
		gap,
		notice: e => app.entered && app.note('From the server: ' + e.text),
		join({ room: r, name }) {
			const talk = happened(r);
			talk.members.set(fold(name), { name });
			talk.moved(name + ' joined');
			/* What they are is only asked, of all who have come by then. */
			if (talk === app.current)
				later(app.refresh, 1000);
		},
		leave({ room: r, name, reason }) {
			const talk = happened(r);
			if (reason === 'banned' && fold(name) === fold(app.line.name))
				talk.out = 'You are banned from ' + talk.title + '.';
			talk.members.delete(fold(name));
			talk.moved(name + ' left');
		},
		topic(e) {
			happened(e.room, e.topic ? e.by + ' set the topic: ' + e.topic :
				e.by + ' took the topic away').topic = e.topic;
		},
		renamed(e) {
			const talk = happened(e.room, e.from + ' is now ' + e.to);
			const old = fold(e.from);
			const row = talk.members.get(old), thread = app.talks.get('@' + old);
			talk.members.delete(old);
			talk.members.set(fold(e.to), { guest: true, ...row, name: e.to });
			if (thread)
				app.respell(thread, e.to);
		},
		reset(e) {
			if (e.room[0] === '@')
				return;
			Object.assign(app.room(e.room), { items: [], read: 0, unread: 0,
				marker: null, newer: false, newest: 0 });
			happened(e.room, 'The history here begins anew.', { fixed: true });
		},
		held({ key, room: r, to, message }) {
			const talk = r ? app.room(r) : app.person(to);
			const p = talk.pending.find(q => q.key === key);
			if (p)
				Object.assign(p,
					{ state: 'waiting', why: message, changed: true });
			app.log.update(talk);
		},
		left(e) {
			app.forget(app.named('#' + e.room) || new Talk('room', e.room));
			if (app.current)
				app.note('#' + e.room + ': ' + e.error.message);
		}
	};

	function listen(line) {
		for (const type in events)
			line.on(type, events[type]);
		deeds.forEach(type => line.on(type, done));
	}

	return { heard, listen };
}
