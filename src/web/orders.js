/* What commands, menus and dialogs have the page do. */
import { fold } from './partyline.js';
import { idOf } from './talk.js';
import { $ } from './view.js';
import { LAST } from './reader.js';
import { tab } from './keep.js';

export const orders = app => ({
	fault: words => app.box.fault(words),
	mention(name) {
		app.close();
		app.box.mention(name);
	},
	/* What somebody said who is ignored now, and then no more, goes and comes. */
	hush(name) {
		for (const talk of app.talks.values()) {
			const kept = i => !i.from || i.own || fold(i.from) !== fold(name);
			talk.items = talk.items.filter(kept);
			talk.later = talk.later.filter(kept);
			app.log.update(talk);
		}
		app.paint();
	},
	reread() {
		for (const talk of app.talks.values())
			talk.stale = talk.room;
		return app.toEnd();
	},
	/* In this room, at once. */
	order: (cmd, fields) => app.line.request(cmd,
		{ room: app.current.name, ...fields }),
	roleIn: role => (app.line.operator ? 'operator' : role),
	alone: name => app.select(app.person(name)),
	async note(words) {
		const talk = app.current;
		await app.toEnd();
		talk.note(words);
		app.log.update(talk);
	},
	manual: () => $('manual').showModal(),
	async join(name) {
		const { room } = await app.line.join(name, { last: LAST });
		app.select(app.room(room));
	},
	leave(name) {
		const talk = name ? app.named(name) : app.current;
		if (!talk)
			return app.fault('You are not in ' + name + '.');
		if (talk.room)
			app.line.leave(talk.name).catch(() => {});
		return app.forget(talk);
	},
	go(name) {
		const talk = app.named(name);
		return talk ? app.select(talk) :
			app.fault('You are not in that room: /join ROOM enters it.');
	},
	tell(name, words) {
		if (app.box.isTooLong(words))
			return true;
		app.select(app.person(name));
		return app.say(words);
	},
	topic(words) {
		const { current } = app;
		if (!current.room)
			return app.fault('Only a room has a topic.');
		return words ? app.order('topic', { topic: words }) :
			app.note(current.topic ? 'Topic: ' + current.topic : 'No topic.');
	},
	older() {
		$('log').scrollTop = 0;
		return app.page(app.current, true);
	},
	/* To a message that was found. */
	async goTo({ room: name, from, seq }) {
		try {
			const alone = name[0] === '@';
			if (!alone && !app.talks.has(idOf('room', name)))
				await app.join(name);
			app.select(alone ? app.person(from) : app.room(name));
			await app.around(seq);
			app.found = document.activeElement;
		} catch (error) {
			app.fault(error.message);
		}
	},
	/* The own name's password is another; what is to be said about it. */
	changed(words) {
		app.note(words);
		app.identity();
		if (!tab.token)	// another of its label would end what came by it
			app.trust();
		app.marked.tell();
		app.paint();
		app.refresh();
	},
	async away(words) {
		await app.line.request('away', { text: words });
		app.absent = words;
		app.identity();
		app.note(words ? 'You are away: ' + words : 'You are back.');
	},
	async quit() {
		const { line } = app;
		if (tab.token)
			await line.request('revoke', { label: tab.label }).catch(() => {});
		line.close();
		tab.session = tab.token = '';
		location.reload();
	},
	names(of) {
		const all = [...app.talks.values()];
		const there = of === 'rooms' ? all.filter(t => t.room) :
			all.filter(t => !t.room).concat(...app.current.members.values());
		return [...new Set(there.map(t => t.name))]
			.filter(n => of === 'rooms' || n !== app.line.name).sort();
	}
});
