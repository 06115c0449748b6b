/* The page. */
import { Partyline, fold, newKey } from './partyline.js';
import { Talk, idOf, item, mentions } from './talk.js';
import { $, Choice, Log, avatar, make, said, tint } from './view.js';
import { commands, complete, run } from './commands.js';
import { finder } from './finder.js';

const LAST = 60;		// messages to begin a room with
const PEOPLE = 50;		// talked to; who was silent longest goes
const KEYS = [
	['Enter', 'send'],
	['Shift+Enter', 'a new line: another message'],
	['Tab', 'complete a name or command'],
	['↑', 'what you said last, in an empty box'],
	['Alt+↑, Alt+↓', 'the room above or below'],
	['Alt+Shift+↑, ↓', 'the next unread one'],
	['Ctrl+K', 'find a room or a person'],
	['Ctrl+/', 'this list'],
	['PgUp, PgDn', 'scroll'],
	['Esc', 'close; then to the newest message']
];

/* What the browser and the tab keep, if they may. */
const kept = (store, value) => {
	try {
		const all = { ...value, ...JSON.parse(store().partyline) };
		return { ...all, read: { __proto__: null, ...all.read } };
	} catch {
		return value;
	}
};
const browser = kept(() => localStorage,
	{ name: '', rooms: ['lobby'], epoch: '', read: { __proto__: null } });
const tab = kept(() => sessionStorage,
	{ name: '', session: '', told: [] });
let changes = [], saving;

/* Within a second; what other tabs have kept meanwhile stays. */
function keep(change) {
	change(browser);
	changes.push(change);
	saving ||= setTimeout(save, 1000);
}

function save() {
	saving = clearTimeout(saving);
	Object.assign(browser, kept(() => localStorage, browser));
	changes.splice(0).forEach(change => change(browser));
	let left = 50000;	// 100 KB
	tab.told = tab.told.slice(1 + tab.told.findLastIndex(it =>
		(left -= JSON.stringify(it).length) < 0));
	try {
		localStorage.partyline = JSON.stringify(browser);
		sessionStorage.partyline = JSON.stringify(tab);
	} catch { /* full, or forbidden */ }
}
onpagehide = save;

const put = (id, words) => { $(id).textContent = words; };
const narrow = matchMedia('(max-width: 860px)');
const touch = matchMedia('(pointer: coarse)');
const text = $('text');
const talks = new Map();	// by id, in the order of the sidebar
let line, current, linked;	// the connection, the talk shown, its room
let entered = false, missed = 0, away = '', last = '';

const app = {
	talks, fault, say,
	get line() { return line; },
	get current() { return current; },
	note(words) {
		current.note(words);
		log.stuck = true;
		log.update(current);
	},
	manual: () => $('manual').showModal(),
	async join(name) {
		select(room((await line.join(name, { last: LAST })).room));
	},
	leave(name) {
		const talk = name ? find(name) : current;
		if (!talk)
			return fault('You are not in ' + name + '.');
		if (talk.room)
			line.leave(talk.name).catch(() => {});
		return forget(talk);
	},
	go(name) {
		const talk = find(name);
		return talk ? select(talk) :
			fault('You are not in that room: /join ROOM enters it.');
	},
	tell(name, words) {
		const talk = person(name);
		select(talk);
		say(words);
	},
	topic(words) {
		if (!current.room)
			return fault('Only a room has a topic.');
		return words ?
			line.request('topic', { room: current.name, topic: words }) :
			app.note(current.topic ? 'Topic: ' + current.topic : 'No topic.');
	},
	older() {
		$('log').scrollTop = 0;
		return older(current);
	},
	async away(words) {
		await line.request('away', { text: words });
		away = words;
		identity();
		app.note(words ? 'You are away: ' + words : 'You are back.');
	},
	quit() {
		line.close();
		tab.session = '';
		location.reload();
	},
	names(of) {
		const all = [...talks.values()];
		const there = of === 'rooms' ? all.filter(t => t.room) :
			all.filter(t => !t.room).concat(...current.members.values());
		return [...new Set(there.map(t => t.name))]
			.filter(n => of === 'rooms' || n !== line.name).sort();
	}
};

const log = new Log($('log'), {
	older, moved: attend,
	retry: p => send(current, p),
	discard: p => drop(current, p)
});
app.find = finder(app);

function talkOf(kind, name) {
	const id = idOf(kind, name);
	if (!talks.has(id)) {
		const talk = new Talk(kind, name);
		if (talk.room) {
			keepRoom(name, true);
		} else {
			talk.read = browser.read['@'] || 0;
			[...talks.values()].filter(t => !t.room && t !== current &&
				!t.draft && !t.pending.length).sort((a, b) => a.time - b.time)
				.slice(0, 1 - PEOPLE).forEach(t => talks.delete(t.id));
		}
		talks.set(id, talk);
	}
	return talks.get(id);
}

function keepRoom(name, stays) {
	keep(b => {
		const others = b.rooms.filter(r => fold(r) !== fold(name));
		if (!stays || others.length === b.rooms.length)
			b.rooms = others.concat(stays ? name : []).slice(-50);
	});
}

/* Takes the server's spelling; two talks that are one become one. */
function respell(talk, name) {
	const was = talk.id, there = talks.get(idOf(talk.kind, name));
	talk.name = name;
	if (talk.id !== was) {
		talks.delete(was);
		talks.set(talk.id, talk);
		there?.items.forEach(i => talk.add(i));
	}
	if (current === there && there !== talk) {
		talk.draft = text.value;
		current = null;
		select(talk);
	}
	if (talk === current)
		later(paint);
	log.update(talk);
}

const room = name => talkOf('room', name);
const person = name => talkOf('person', name);
const find = name => talks.get(idOf('room', name.replace(/^#/, ''))) ||
	talks.get(idOf('person', name.replace(/^@/, '')));

function select(talk) {
	if (talk !== current) {
		if (current) {
			current.draft = text.value;
			current.marker = null;
		}
		current = talk;
		talk.marker = talk.unread ? talk.read : null;
		missed = 0;
		history.replaceState(null, '', talk.room ? '#' + talk.name : ' ');
		text.value = talk.draft;
		grow();
		hint(null);
		fault('');
		log.show(talk);
		attend();
		paint();
		refresh();
	}
	close();
}

function close() {
	drawer();
	if (!touch.matches)
		text.focus();
}

/* What is in sight is read. */
function attend() {
	if (!current || document.hidden || !entered || !log.stuck)
		return;
	missed = 0;
	$('pill').hidden = true;
	current.read = Math.max(current.read, current.last);
	current.unread = 0;
	current.loud = false;
	const key = current.room ? fold(current.name) : '@', { read } = current;
	if (!(browser.read[key] >= read))
		keep(b => { b.read[key] = Math.max(b.read[key] || 0, read); });
	later(sidebar);
}

function forget(talk) {
	talks.delete(talk.id);
	if (talk.room)
		keepRoom(talk.name, false);
	if (talk === current)
		select([...talks.values()].find(t => t.room) || lobby());
	later(sidebar);
}

function lobby() {
	line.join('lobby', { last: LAST }).catch(() => {});
	return room('lobby');
}

/* Once, soon. */
const due = new Set();
function later(f) {
	if (due.has(f))
		return;
	due.add(f);
	setTimeout(() => {
		due.delete(f);
		f();
	}, 60);
}

function heard(m) {
	const it = item(m, line.name), inbox = m.room[0] === '@';
	if (inbox && it.own)
		return;			// a word to oneself stands there already
	const talk = inbox ? person(m.from) : room(m.room);
	if (inbox && talk.items.some(i => i.seq === it.seq && i.time === it.time))
		return;			// kept by the tab
	if (it.own) {
		/* Its answer may come before it, or after. */
		const p = talk.pending.find(q => q.seq === it.seq) ||
			talk.pending.find(q => !q.shown && q.text === it.text);
		if (p?.seq)
			drop(talk, p);
		else if (p)
			p.shown = true;
	}
	it.mention = !inbox && !it.own && mentions(it.text, line.name);
	talk.add(it);
	if (inbox)
		told(it);
	if (talk !== current)
		talk.trim(400);
	log.update(talk);
	if (it.own || it.seq <= talk.read)
		return;
	if (talk === current && !document.hidden && log.stuck && entered) {
		later(attend);
		return;
	}
	if (talk === current) {
		talk.marker ??= talk.read;
		put('pill', count(++missed, 'new message') + ' ↓');
		$('pill').hidden = false;
	}
	talk.unread++;
	talk.loud ||= it.mention || inbox;
	later(sidebar);
}

function entering(reply) {
	if (reply.room[0] === '@')
		return;
	const talk = room(reply.room), { epoch } = reply;
	talk.name = reply.room;
	if (epoch !== browser.epoch)
		keep(b => b.epoch === epoch ||
			Object.assign(b, { epoch, read: { __proto__: null } }));
	talk.read ??= browser.read[fold(reply.room)] ?? reply.head;
	talk.topic = reply.topic;
	if (talk === current) {
		paint();
		refresh();
	}
	later(sidebar);
}

/* A guest's inbox ends with the connection, and so the tab keeps it. */
function told(it) {
	tab.told = [...tab.told, it].slice(-200);
	keep(() => {});
}

function happened(name, words) {
	const talk = room(name);
	if (words)
		talk.note(words);
	log.update(talk);
	if (talk === current)
		later(paint);
	return talk;
}

const gap = e => e.room[0] !== '@' &&
	happened(e.room, 'Some messages here are no longer kept.');

const events = {
	message: heard,
	joined: entering,
	state: turned,
	lag: gap,
	gap,
	notice: e => entered && app.note(e.text),
	name({ name }) {
		tab.name = name;
		tab.session = line.session;
		keep(b => { b.name = name; });
		save();
		if (entered)
			identity();
	},
	join({ room: r, name }) {
		const talk = happened(r);
		talk.members.set(fold(name), { name, guest: true });
		talk.moved(name + ' joined');
	},
	leave({ room: r, name }) {
		const talk = happened(r);
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
		const row = talk.members.get(old), thread = talks.get('@' + old);
		talk.members.delete(old);
		talk.members.set(fold(e.to), { guest: true, ...row, name: e.to });
		if (thread)
			respell(thread, e.to);
	},
	reset(e) {
		if (e.room[0] === '@')
			return;
		Object.assign(room(e.room), { items: [], read: 0, unread: 0,
			marker: null });
		happened(e.room, 'The history here begins anew.');
	},
	left(e) {
		forget(find('#' + e.room) || new Talk('room', e.room));
		if (current)
			app.note('#' + e.room + ': ' + e.error.message);
	}
};

async function refresh() {
	const talk = current;
	if (!talk.room || line.state !== 'online')
		return;
	const rows = await line.who(talk.name).catch(() => null);
	if (rows)
		talk.members = new Map(rows.map(r => [fold(r.name), r]));
	if (talk === current)
		members();
}

async function older(talk) {
	const first = () => talk.items.find(i => i.seq)?.seq, before = first();
	if (talk.loading || !talk.older || !talk.room || !before)
		return;
	talk.loading = true;
	try {
		const { messages, more } = await line.request('history',
			{ room: talk.name, before });
		talk.older = more;
		/* Unless it was trimmed or begun anew meanwhile. */
		if (first() === before)
			talk.items.unshift(...messages.map(m => item(m, line.name)));
		log.update(talk);
	} catch { /* the next scroll asks again */ }
	talk.loading = false;
}

function drop(talk, p) {
	talk.pending = talk.pending.filter(q => q !== p);
	log.update(talk);
}

function send(talk, p) {
	p.state = line.state === 'online' ? 'sent' : 'waiting';
	p.changed = true;
	if (!talk.pending.includes(p))
		talk.pending.push(p);
	log.update(talk);
	line[talk.room ? 'say' : 'tell'](talk.name, p.text, p).then(reply => {
		p.seq = reply.seq;
		if (!talk.room) {
			const it = { time: Date.parse(reply.time), own: true, text: p.text,
				from: line.name, to: reply.to };
			respell(talk, reply.to);
			talk.add(it);
			told(it);
		}
		if (!talk.room || p.shown || talk.items.some(i => i.seq === p.seq))
			drop(talk, p);
	}, error => {
		Object.assign(p, { state: 'failed', error: error.message + ' ',
			changed: true });
		log.update(talk);
	});
}

/* Each line is a message: the wire has no line breaks. */
function say(words, kind) {
	const lines = words.split('\n').map(l => l.trimEnd()).filter(l => l);
	log.stuck = true;
	for (const l of lines)
		send(current, { key: newKey(), kind, text: l, time: Date.now(),
			from: line.name, own: true });
}

async function submit() {
	const words = text.value, talk = current;
	fault('');
	if (words.trim() === '')
		return;
	text.value = '';
	grow();
	hint(null);
	last = words;
	if (/^\/(?!\/)/.test(words))
		await run(app, words.trim()).catch(error => fault(error.message));
	else
		say(words.replace(/^\/\//, '/'));
	if ($('fault').textContent && current === talk && text.value === '')
		text.value = words;
	grow();
}

function fault(words) {
	put('fault', words);
	return true;
}

const count = (n, what) => n + ' ' + what + (n === 1 ? '' : 's');

function row(id, look, icon, words, end, props) {
	const b = make('button', { className: look || '', ...props }, icon, words,
		end);
	b.dataset.id = id;
	return make('li', null, b);
}

/* The focus stays on what it was on. */
function fill(ul, rows) {
	const at = ul.contains(document.activeElement) &&
		document.activeElement.dataset.id;
	ul.replaceChildren(...rows);
	if (at)
		[...ul.querySelectorAll('button')].find(b => b.dataset.id === at)
			?.focus();
}

function talkRow(talk) {
	const { unread } = talk;
	return row(talk.id, unread && 'unread', talk.room ?
		make('span.hash', '#') : avatar(talk.name),
	said('span.name', talk.name),
	unread && make(talk.loud ? 'span.badge.loud' : 'span.badge',
		String(unread), make('span.sr', ' unread')),
	{ onclick: () => select(talk), ariaCurrent: String(talk === current) });
}

function sidebar() {
	const all = [...talks.values()], people = all.filter(t => !t.room);
	if (!entered)
		return;
	fill($('rooms'), all.filter(t => t.room).map(talkRow));
	fill($('people'), people.map(talkRow));
	$('people-title').hidden = people.length === 0;
	const unread = all.reduce((n, t) => n + t.unread, 0);
	document.title = (unread ? '(' + unread + ') ' : '') + current.title +
		' · ' + line.server;
	$('dot').hidden = !all.some(t => t.unread && t !== current);
}

function identity() {
	$('me').replaceChildren(avatar(line.name));
	put('me-name', line.name);
	put('me-state', line.state !== 'online' ? 'not connected' :
		away ? 'away: ' + away : 'here');
	put('server', line.server);
}

function paint() {
	const { room: isRoom, title, topic } = current;
	put('title', title);
	put('topic', !isRoom ? 'Between you two' : topic || 'Set a topic');
	$('topic').disabled = !isRoom;
	$('topic').title = topic;
	$('leave').title = $('leave').ariaLabel =
		(isRoom ? 'Leave ' : 'Close the talk with ') + title;
	$('log').ariaLabel = 'Messages: ' + title;
	text.placeholder = text.ariaLabel = 'Message ' + title;
	$('toggle').hidden = !isRoom;
	$('chat').classList.toggle('alone', !isRoom);
	sidebar();
	members();
}

function members() {
	const order = m => (m.role === 'owner' ? 0 : m.away ? 2 : 1);
	const rows = [...current.members.values()].sort((a, b) =>
		order(a) - order(b) || a.name.localeCompare(b.name));
	put('count', rows.length);
	$('toggle').title = $('toggle').ariaLabel = count(rows.length, 'member');
	fill($('list'), rows.slice(0, 500).map(m => {
		const me = m.name === line.name;
		return row(m.name, m.away && 'away', avatar(m.name),
			make('span.who', null, said('span.name', m.name),
				m.away && make('span.sr', ' is away: '),
				m.away && said('span.muted', m.away)),
			make('span.tag', m.role === 'owner' ? 'owner' :
				m.guest ? 'guest' : ''),
			{ disabled: me, onclick: () => select(person(m.name)),
				title: me ? 'You' : 'Talk with ' + m.name + ' alone' });
	}));
}

/* Which drawer is open: side or members. */
function drawer(which) {
	const chat = $('chat'), was = chat.dataset.open;
	chat.dataset.open = which || '';
	$('side').inert = narrow.matches && which !== 'side';
	$('members').inert = narrow.matches && which !== 'members';
	$('talk').inert = !!which;
	$('veil').hidden = !which;
	$('menu').ariaExpanded = String(which === 'side');
	$('toggle').ariaExpanded = String(which === 'members');
	if (which)
		$(which).querySelector('[aria-current=true], li button, button')?.focus();
	else if (was)
		$(was === 'side' ? 'menu' : 'toggle').focus();
}

function grow() {
	text.style.height = 'auto';
	text.style.height = Math.min(text.scrollHeight, 200) + 'px';
}

let offer;
const choice = new Choice($('hints'), text, i => {
	text.setRangeText(offer.options[i].value, offer.from, offer.to, 'end');
	typed();
});

function hint(offered) {
	const options = offered?.options || [];
	if (options.length && options.length !== offer?.options.length)
		put('said', count(options.length, 'suggestion'));
	offer = offered;
	$('hints').hidden = !offered;
	choice.show(options.map(o => make('li', null, said('b', o.label), ' ',
		make('span.muted', o.help))), -1);
}

function typed() {
	grow();
	fault('');
	hint(complete(app, text.value, text.selectionStart, false));
}

/* True if the key was for them. */
function boxKey(e) {
	const { key } = e, plain = !e.ctrlKey && !e.metaKey && !e.altKey && !e.shiftKey;
	if (e.isComposing)
		return false;
	if (/^Page(Up|Down)$/.test(key)) {
		$('log').scrollBy(0, $('log').clientHeight *
			(key === 'PageUp' ? -0.85 : 0.85));
		return true;
	}
	if (!plain || choice.key(e))
		return plain;
	if (key === 'Enter') {
		if (choice.at >= 0)
			choice.pick(choice.at);
		else
			submit();
		return true;
	}
	if (key === 'Tab') {
		if (offer)
			choice.mark(Math.max(0, choice.at));
		else
			hint(complete(app, text.value, text.selectionStart, true));
		if (choice.at >= 0 || offer?.options.length === 1)
			choice.pick(Math.max(0, choice.at));
		return !!offer || text.value.endsWith(' ');
	}
	if (key === 'Escape' && offer) {
		hint(null);
		e.stopPropagation();
		return true;
	}
	if (key !== 'ArrowUp' || text.value || !last)
		return false;
	text.value = last;
	typed();
	return true;
}

function anyKey(e) {
	const { key } = e, command = e.ctrlKey || e.metaKey;
	const open = $('chat').dataset.open;
	if (!entered || document.querySelector('dialog[open]'))
		return false;
	if (command && key === 'k') {
		app.find('');
	} else if (command && key === '/') {
		app.manual();
	} else if (e.altKey && /^Arrow(Up|Down)$/.test(key)) {
		const all = [...document.querySelectorAll('.lists [data-id]')]
			.map(b => talks.get(b.dataset.id));
		const at = all.indexOf(current);
		const next = [...all.slice(at + 1), ...all.slice(0, at)];
		if (key === 'ArrowUp')
			next.reverse();
		select(next.find(t => !e.shiftKey || t.unread) || current);
	} else if (key === 'Escape') {
		if (!open)
			log.toEnd();
		close();
	} else {
		if (key.length === 1 && key !== ' ' && !command && !e.altKey && !open)
			text.focus();		// and the key goes there
		return false;
	}
	return true;
}

function banner(words, action, onclick) {
	$('banner').hidden = !words;
	$('banner').replaceChildren(words, ' ', make('button.link',
		{ textContent: action, onclick }));
}

function turned({ state, reason, delay, error }) {
	if (!entered) {
		if (state === 'waiting')
			door('The server cannot be reached. Trying again…', true);
		return;
	}
	identity();
	for (const talk of talks.values()) {
		for (const p of talk.pending.filter(q => q.state !== 'failed')) {
			p.state = state === 'online' ? 'sent' : 'waiting';
			p.changed = true;
		}
		log.update(talk);
	}
	if (state === 'online') {
		banner('');
		put('said', 'Connected again.');
		if (away)
			line.request('away', { text: away }).catch(() => {});
		refresh();
	} else if (state === 'waiting') {
		banner('The connection is lost; trying again in ' +
			Math.ceil(delay / 1000) + ' s. What you write is sent then.',
		'Try now', () => line.wake());
	} else if (state === 'refused') {
		door(kindly(error));
	} else if (state === 'closed') {
		tab.session = '';
		save();
		banner(reason === 'replaced' ? 'You have come back elsewhere.' :
			'The server ended the connection: ' + reason + '.',
		'Come in again', () => door(''));
	}
}

const kindly = error => error.code === 'name-taken' ? 'Somebody here is ' +
	'called ' + line.name + ' already. If that is you in another tab, talk ' +
	'there; or take another name.' : error.message;

function door(words, busy) {
	entered = false;
	$('chat').hidden = true;
	$('door').hidden = false;
	put('door-error', words);
	put('come', busy ? 'Connecting…' : 'Come in');
	$('name').ariaInvalid = String(!!words && !busy);
	document.title = 'Partyline';
	if (!busy) {
		$('name').focus();
		$('name').select();
	}
}

async function come(name) {
	line ||= connect();
	door('', true);
	try {
		await line.open(name);
	} catch (error) {
		door(kindly(error));
		return;
	}
	const link = await linked;
	if (entered)
		return;
	entered = true;
	$('door').hidden = true;
	$('chat').hidden = false;
	banner('');
	identity();
	const talk = current || talks.get(idOf('room', link));
	current = null;
	select(talk || [...talks.values()][0] || lobby());
}

function linkedRoom() {
	try {
		return decodeURIComponent(location.hash.slice(1));
	} catch {
		return '';
	}
}

function connect() {
	const url = new URL('ws', location.href);
	url.protocol = url.protocol.replace('http', 'ws');
	line = new Partyline(url, { name: tab.name, session: tab.session,
		inbox: 200 });
	for (const type in events)
		line.on(type, events[type]);
	const join = name => line.join(name, { last: LAST })
		.then(reply => reply.room, () => '');
	browser.rooms.forEach(join);
	linked = join(linkedRoom() || 'lobby');
	for (const it of tab.told)
		person(it.own ? it.to : it.from).add(it);
	return line;
}

$('door-form').onsubmit = () => {
	const name = $('name').value.trim();
	if (name)
		come(name);
	else
		door('A name has one letter at least.');
	return false;
};
$('composer').onsubmit = () => {
	submit();
	return false;
};
text.oninput = typed;
text.onkeydown = e => !boxKey(e);
text.onblur = () => hint(null);
document.onkeydown = e => !anyKey(e);
$('find').onclick = () => app.find('');
$('help').onclick = app.manual;
$('menu').onclick = () => drawer('side');
$('veil').onclick = () => drawer();
$('leave').onclick = () => app.leave('');
$('toggle').onclick = () => drawer('members');
$('pill').onclick = () => {
	log.toEnd();
	close();
};
$('topic').onclick = () => {
	text.value = '/topic ' + current.topic;
	text.focus();
};
narrow.onchange = () => drawer();
onoffline = ononline = () => line?.wake();
document.onvisibilitychange = () => {
	if (document.hidden || !line)
		return;
	line.wake();
	attend();
	if (entered)
		refresh();
};
/* Who is away is only asked. */
setInterval(() => entered && !document.hidden && refresh(), 60000);
$('manual-list').append(...commands.map(c => [c.usage, c.help]).concat(KEYS)
	.flatMap(([what, help]) => [make('dt', null, make('kbd', what)),
		make('dd', help)]));

drawer();
$('name').value = tab.name || browser.name;
if (tab.session)
	come(tab.name);
else
	door('');
