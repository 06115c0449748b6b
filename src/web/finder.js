/* The dialog that finds a room or a person, or makes a room. */
import { fold } from './partyline.js';
import { idOf } from './talk.js';
import { $, Choice, avatar, make, said } from './view.js';

const box = $('finder'), query = $('query');

export function finder(app) {
	let rooms = [], people = [], found = [];

	function pick(i) {
		const f = found[i];
		if (!f)
			return;
		box.close();
		if (f.kind === 'room')
			app.join(f.name).catch(error => app.fault(error.message));
		else
			app.tell(f.name, '');
	}
	const choice = new Choice($('found'), query, pick);

	function show() {
		const text = query.value.trim(), name = text.replace(/^[#@]/, '');
		const all = new Map();
		const add = (kind, n, help) => {
			const id = idOf(kind, n);
			if (!all.has(id) && fold(n).includes(fold(name)) &&
			    (text === name || id[0] === text[0]))
				all.set(id, { kind, name: n, help });
		};
		for (const t of app.talks.values())
			add(t.kind, t.name, t.unread ? t.unread + ' unread' : t.topic);
		for (const r of rooms)
			add('room', r.room, r.members + ' here' +
				(r.topic && ' · ' + r.topic));
		for (const p of people)
			add('person', p.name, p.away ? 'away: ' + p.away : '');
		all.delete(idOf('person', app.line.name));
		found = [...all.values()].slice(0, 50);
		if (name && text[0] !== '@' && !all.has(idOf('room', name)))
			found.push({ kind: 'room', name, help: 'make this room' });
		choice.show(found.map(f => make('li', null, f.kind === 'room' ?
			make('span.hash', '#') : avatar(f.name), said('b', f.name),
			said('span.muted', f.help))), 0);
	}
	query.oninput = show;
	query.onkeydown = e => {
		if (e.key === 'Enter' && !e.isComposing)
			pick(choice.at);
		return !choice.key(e) && e.key !== 'Enter';
	};
	box.onclick = e => e.target === box && box.close();

	return text => {
		query.value = text;
		show();
		box.showModal();
		/* What is known is there at once, the rest when it has come. */
		Promise.all([app.line.rooms(), app.line.who()]).then(lists => {
			[rooms, people] = lists;
			show();
		}, () => {});
		return true;
	};
}
