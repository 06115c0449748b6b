/* What is around a talk: rooms and people, its head, its members, oneself. */
import { $, avatar, count, fill, make, put, row, said } from './view.js';
import { rank } from './rights.js';

const MEMBERS = 500;	// shown of a room's

export function sides(app) {
	/* What is known of a person from the rooms one is in. */
	const known = name => [...app.talks.values()].map(t => t.members)
		.map(m => [...m.values()].find(r => r.name === name)).find(r => r);

	function talkRow(talk) {
		const { unread, settings, room } = talk;
		const away = !room && known(talk.name)?.away;
		return row(talk.id, (unread ? 'unread ' : '') + (away ? 'away' : ''),
			room ? make('span.hash', '#') : avatar(talk.name),
			said('span.name', talk.name),
			[talk.out && make('span.tag', 'out'),
				settings?.private && make('span.tag', 'private'),
				away && make('span.tag', 'away'),
				unread && make(talk.loud ? 'span.badge.loud' : 'span.badge',
					unread + (talk.many ? '+' : ''),
					make('span.sr', ' unread'))],
			{ onclick: () => app.select(talk),
				ariaCurrent: String(talk === app.current) });
	}

	function sidebar() {
		const all = [...app.talks.values()], people = all.filter(t => !t.room);
		if (!app.entered)
			return;
		fill($('rooms'), all.filter(t => t.room).map(talkRow));
		fill($('people'), people.map(talkRow));
		$('people-title').hidden = people.length === 0;
		const unread = all.reduce((n, t) => n + t.unread, 0);
		document.title = (unread ? '(' + unread + ') ' : '') +
			app.current.title + ' · ' + app.line.server;
		$('dot').hidden = !all.some(t => t.unread && t !== app.current);
	}

	function identity() {
		const { line, absent: away } = app;
		$('me').replaceChildren(avatar(line.name));
		put('me-name', line.name);
		put('me-state', line.state !== 'online' ? 'not connected' :
			away ? 'away: ' + away : 'here');
		put('server', line.server);
	}

	/* What one must know before one writes. */
	function hint({ room, title, settings, muted, role }) {
		if (muted > Date.now())
			return 'You are muted in ' + title;
		if (room && settings?.moderated && !rank(app.roleIn(role)))
			return 'Only members speak in ' + title;
		if (room && settings?.registered && app.line.guest)
			return 'Only who has an account speaks in ' + title;
		if (room && settings?.pace && rank(app.roleIn(role)) < rank('op'))
			return title + ': one message in ' + settings.pace + ' s';
		return 'Message ' + title;
	}

	function paint() {
		const talk = app.current, { room, title, topic, name, out } = talk;
		const away = !room && known(name)?.away;
		put('title', title);
		put('topic', !room ? away ? 'Away: ' + away : 'Between you two' :
			topic || 'Set a topic');
		$('topic').disabled = !room;
		$('topic').title = topic;
		$('leave').title = $('leave').ariaLabel =
			(room ? 'Leave ' : 'Close the talk with ') + title;
		$('log').ariaLabel = 'Messages: ' + title;
		$('text').placeholder = hint(talk);
		$('text').ariaLabel = 'Message ' + title;
		$('toggle').hidden = !room;
		$('setup').hidden = !room || !!out;
		$('setup').title = $('setup').ariaLabel = 'What ' + title + ' is like';
		$('chat').classList.toggle('alone', !room);
		$('out').hidden = !out;
		$('composer').hidden = !!out;
		put('out-words', out);
		$('enter').hidden = out && !talk.again;
		sidebar();
		members();
	}

	function memberRow(m) {
		const me = m.name === app.line.name;
		const li = row(m.name, m.away && 'away', avatar(m.name),
			make('span.who', null, said('span.name', m.name),
				m.away && make('span.sr', ' is away: '),
				m.away && said('span.muted', m.away)),
			make('span.tag', app.ignores(m.name) ? 'ignored' :
				rank(m.role) > 1 || m.role === 'visitor' ? m.role :
				m.guest ? 'guest' : ''),
			{ onclick: () => (me ? app.account() : app.alone(m.name)),
				oncontextmenu: e => !app.menu('person', m, e),
				title: me ? 'You' : 'Talk with ' + m.name + ' alone' +
					(m.away ? '; away: ' + m.away : '') });
		if (app.menu.any('person', m)) {
			const more = make('button.dots.icon', { textContent: '⋯',
				ariaLabel: 'What to do about ' + m.name,
				ariaHasPopup: 'menu',
				onclick: e => app.menu('person', m, e) });
			more.dataset.id = m.name + ' ';	// no name has a blank
			li.append(more);
		}
		return li;
	}

	function members() {
		const order = m => (rank(m.role) > 1 ? 5 - rank(m.role) :
			m.away ? 9 : 8);
		const rows = [...app.current.members.values()].sort((a, b) =>
			order(a) - order(b) || a.name.localeCompare(b.name));
		put('count', rows.length);
		$('toggle').title = $('toggle').ariaLabel =
			count(rows.length, 'member');
		fill($('list'), rows.slice(0, MEMBERS).map(memberRow));
	}

	return { sidebar, identity, paint, members };
}
