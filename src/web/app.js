/* The page. */
import { Partyline, fold, newKey } from './partyline.js';
import { Talk, idOf, item, mentions } from './talk.js';
import { $, Log, count, make, put } from './view.js';
import { account } from './account.js';
import { menu } from './acts.js';
import { commands, keys } from './commands.js';
import { deeds, sentence, takeIn } from './deeds.js';
import { composer, linesOf } from './composer.js';
import { door as makeDoor, ended, lost } from './door.js';
import { finder } from './finder.js';
import { lists, tabToken } from './lists.js';
import { marks } from './marks.js';
import { LAST, WINDOW, reader } from './reader.js';
import { rules } from './rules.js';
import { search } from './search.js';
import { sides } from './sides.js';
import { browser, keep, save, tab } from './keep.js';

const TRUST = 7 * 86400;	// s that a tab may come back in without a password
const PEOPLE = 50;		// talked to; who was silent longest goes

const narrow = matchMedia('(max-width: 860px)');
const touch = matchMedia('(pointer: coarse)');
const text = $('text');
const talks = new Map();	// by id, in the order of the sidebar
let line, current, linked;	// the connection, the talk shown, its room
let entered = false, missed = 0, away = '', found;

const app = {
	talks, say, select,
	room: name => room(name),
	fault: words => box.fault(words),
	mention: name => {
		close();
		box.mention(name);
	},
	get line() { return line; },
	get current() { return current; },
	get entered() { return entered; },
	get absent() { return away; },
	/* What somebody said who is ignored now, and then no more, goes and comes. */
	hush(name) {
		for (const talk of talks.values()) {
			talk.items = talk.items.filter(i => !i.from || i.own ||
				fold(i.from) !== fold(name));
			log.update(talk);
		}
		paint();
	},
	reread() {
		for (const talk of talks.values())
			talk.stale = talk.room;
		return toEnd();
	},
	/* In this room, at once. */
	order: (cmd, fields) => line.request(cmd,
		{ room: current.name, ...fields }),
	roleIn: role => (line.operator ? 'operator' : role),
	alone: name => select(person(name)),
	async note(words) {
		const talk = current;
		await toEnd();
		talk.note(words);
		log.update(talk);
	},
	manual: () => $('manual').showModal(),
	async join(name) {
		select(room((await line.join(name, { last: LAST })).room));
	},
	leave(name) {
		const talk = name ? find(name) : current;
		if (!talk)
			return app.fault('You are not in ' + name + '.');
		if (talk.room)
			line.leave(talk.name).catch(() => {});
		return forget(talk);
	},
	go(name) {
		const talk = find(name);
		return talk ? select(talk) :
			app.fault('You are not in that room: /join ROOM enters it.');
	},
	tell(name, words) {
		if (box.isTooLong(words))
			return true;
		select(person(name));
		return say(words);
	},
	topic(words) {
		if (!current.room)
			return app.fault('Only a room has a topic.');
		return words ?
			line.request('topic', { room: current.name, topic: words }) :
			app.note(current.topic ? 'Topic: ' + current.topic : 'No topic.');
	},
	older() {
		$('log').scrollTop = 0;
		return page(current, true);
	},
	/* To a message that was found. */
	async goTo({ room: name, from, seq }) {
		try {
			if (name[0] === '@') {
				const talk = person(from);
				if (!talk.items.some(i => i.seq === seq)) {
					const { messages } = await line.request('history',
						{ room: name, before: seq + 1, limit: 50 });
					messages.forEach(m => heard(m, true));
				}
				select(talk);
				log.sync();
				log.jump(seq);
				found = document.activeElement;
				return;
			}
			if (!talks.has(idOf('room', name)))
				await app.join(name);
			select(room(name));
			await around(seq);
			found = document.activeElement;
		} catch (error) {
			app.fault(error.message);
		}
	},
	/* The own name's password is another; what is to be said about it. */
	changed(words) {
		app.note(words);
		identity();
		trust();
		marked.tell();
	},
	async away(words) {
		await line.request('away', { text: words });
		away = words;
		identity();
		app.note(words ? 'You are away: ' + words : 'You are back.');
	},
	async quit() {
		if (tab.token)
			await line.request('revoke', { label: tab.label }).catch(() => {});
		line.close();
		tab.session = tab.token = '';
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
	older: talk => page(talk, true),
	newer: talk => page(talk, false),
	moved: attend,
	scrolled: since,
	menu: (it, e) => app.menu('message', it, e),
	retry: p => send(current, p),
	discard: p => drop(current, p)
});
const { page, toEnd, around, toNew } = reader(app, log, pill);
const box = composer(app);
app.find = finder(app);
app.account = account(app);
app.menu = menu(app);
app.search = search(app);
Object.assign(app, rules(app), lists(app));
const marked = marks(app);
const { sidebar, identity, paint, members } = sides(app);
const door = makeDoor(come);

function talkOf(kind, name) {
	const id = idOf(kind, name);
	if (!talks.has(id)) {
		const talk = new Talk(kind, name);
		if (talk.room) {
			keepRoom(name, true);
		} else {
			talk.read = marked.inbox();
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
		const all = b.rooms || [];
		const others = all.filter(r => fold(r) !== fold(name));
		if (!stays || others.length === all.length)
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
		begun(talk);
		missed = 0;
		pill();
		history.replaceState(null, '', talk.room ? '#' + talk.name : ' ');
		box.begin(talk.draft);
		log.show(talk);
		if (talk.stale)
			toEnd();
		attend();
		paint();
		refresh();
	}
	close();
}

/* What is unread becomes what is new: a line says where it begins. */
function begun(talk) {
	const { unread, many } = talk;
	talk.marker = unread ? talk.read : null;
	talk.fresh = !unread ? '' : many ? 'Many new messages' :
		count(unread, 'new message');
}

function since() {
	$('since').hidden = !log.newAbove;
	put('since', '↑ ' + (current?.fresh || ''));
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
	current.read = Math.max(current.read, current.last);
	current.unread = 0;
	current.many = false;
	current.loud = false;
	pill();
	marked.read(current);
	later(marked.tell);
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
	line.join(line.lobby, { last: LAST }).catch(() => {});
	return room(line.lobby);
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

/* past: an account's, from before this tab; it may come again as unread. */
function heard(m, past) {
	const it = item(m, line.name), inbox = m.room[0] === '@';
	if (inbox && it.own)
		return;			// a word to oneself stands there already
	const talk = inbox ? person(m.from) : room(m.room);
	const there = inbox &&
		talk.items.find(i => i.seq === it.seq && i.time === it.time);
	if (there && !there.past)
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
	if (there) {
		there.past = past;
	} else if (inbox) {
		it.past = past;
		talk.add(it);
		told(it);
	} else {
		take(talk, it);
	}
	if (talk !== current)
		talk.trim(400);
	else if (inbox && talk.items.length > WINDOW)
		talk.trim(WINDOW / 2);
	log.update(talk);
	if (past || it.own || it.seq <= talk.read)
		return;
	if (talk === current && !document.hidden && log.stuck && entered) {
		later(attend);
		return;
	}
	talk.loud ||= it.mention || inbox;
	if (!talk.counted || it.seq > talk.head)
		talk.unread++;
	if (talk === current) {
		if (talk.unread === 1 || talk.marker === null)
			talk.marker = talk.read;
		talk.fresh = count(talk.unread, 'new message');
		missed++;
		pill();
	}
	later(sidebar);
}

/*
 * A room's new message, at its end. Who has scrolled up in a room that talks on
 * is given it later: where it was read in between, or with the newest ones.
 */
function take(talk, it) {
	talk.newest = Math.max(talk.newest, it.seq);
	if (talk === current && !log.stuck && talk.items.length >= WINDOW)
		talk.newer = true;
	if (!talk.newer && it.seq > talk.last)
		talk.add(it);
}

/* What is below: new messages, or those that are not even here. */
function pill() {
	const { newer } = current;
	$('pill').hidden = !missed && !newer;
	put('pill', (missed ? count(missed, 'new message') :
		'Jump to the newest') + ' ↓');
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
	Object.assign(talk, { topic: reply.topic, head: reply.head,
		role: reply.role, out: '' });
	keepRoom(reply.room, true);
	later(marked.tell);
	line.request('configure', { room: reply.room }).then(settings => {
		talk.settings = settings;
		later(talk === current ? paint : sidebar);
	}, () => {});
	if (talk === current) {
		paint();
		refresh();
	}
	later(sidebar);
}

/*
 * What lets this tab come back without the password, which nothing keeps; the
 * server knows it by the tab's label.
 */
async function trust() {
	try {
		const token = await tabToken(line, TRUST);
		line.secret = { token };
		tab.token = token;
		save();
	} catch { /* then the password is asked for again */ }
}

/* A guest's inbox ends with the connection, and so the tab keeps it. */
function told(it) {
	tab.told = [...tab.told, it].slice(-200);
	keep(() => {});
}

function happened(name, words, more) {
	const talk = room(name);
	if (words)
		talk.note(words, more);
	log.update(talk);
	if (talk === current)
		later(paint);
	return talk;
}

/* Somebody keeps the room in order. */
function done(e) {
	const talk = room(e.room);
	takeIn(talk, e, line.name);
	if (e.seq)
		take(talk, item(e, line.name));
	else
		talk.note(sentence(e, line.name), { fixed: true });
	if (talk.out)
		keepRoom(talk.name, false);
	log.update(talk);
	/* In a moderated room others are members than in an open one. */
	if (talk === current && e.event === 'configure')
		later(refresh);
	if (talk !== current)
		later(sidebar);
	else if (document.hidden || !log.stuck)
		later(paint);
	else
		[paint, attend].forEach(later);
}

const gap = e => e.room[0] !== '@' &&
	happened(e.room, 'Some messages here are no longer kept.',
		{ fixed: true });

/* What was said to an account before, though it is read. */
async function past() {
	const link = line.session;
	try {
		await line.open();
		const { messages } = await line.request('history',
			{ room: '@' + line.name, limit: 200 });
		if (link === line.session)
			messages.forEach(m => heard(m, true));
	} catch { /* there is none, or no connection: then the next one asks */ }
}

const events = {
	message: m => heard(m),
	joined: entering,
	state: turned,
	lag: gap,
	gap,
	notice: e => entered && app.note('From the server: ' + e.text),
	/* Before anything is entered: which rooms these are. */
	login(reply) {
		const kept = reply.rooms || [];
		const rooms = kept.map(k => k.room).filter(r => r[0] !== '@');
		const join = name => line.join(name, { last: LAST })
			.then(joined => joined.room, () => '');
		const first = !rooms.length || rooms.some(r => fold(r) ===
			fold(reply.lobby)) ? reply.lobby : rooms[0];
		marked.login(kept);
		later(sidebar);
		if (!linked)
			linked = join(linkedRoom() || first);
		else if (!rooms.length)
			return;
		(rooms.length ? rooms : browser.rooms || [reply.lobby]).forEach(join);
		if (!line.guest)
			past();
	},
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
	leave({ room: r, name, reason }) {
		const talk = happened(r);
		if (reason === 'banned' && fold(name) === fold(line.name))
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
			marker: null, newer: false, newest: 0 });
		happened(e.room, 'The history here begins anew.', { fixed: true });
	},
	held({ key, room: r, to, message }) {
		const talk = r ? room(r) : person(to);
		const p = talk.pending.find(q => q.key === key);
		if (p)
			Object.assign(p, { state: 'waiting', why: message, changed: true });
		log.update(talk);
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
	if (rows) {
		talk.members = new Map(rows.map(r => [fold(r.name), r]));
		talk.role = talk.members.get(fold(line.name))?.role || talk.role;
	}
	if (talk === current)
		paint();
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
			talk.absence(reply);
		}
		if (!talk.room || p.shown || talk.items.some(i => i.seq === p.seq))
			drop(talk, p);
	}, error => {
		Object.assign(p, { state: 'failed', error: error.message + ' ',
			changed: true });
		log.update(talk);
	});
}

function say(words, kind) {
	if (box.isTooLong(words))
		return true;
	toEnd();
	for (const l of linesOf(words))
		send(current, { key: newKey(), kind, text: l, time: Date.now(),
			from: line.name, own: true });
	return true;
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

function anyKey(e) {
	const { key } = e, command = e.ctrlKey || e.metaKey;
	const open = $('chat').dataset.open;
	if (!entered || document.querySelector('dialog[open], :popover-open'))
		return false;
	if (command && key === 'k') {
		app.find('');
	} else if (command && e.shiftKey && key.toLowerCase() === 'f') {
		app.search('');
	} else if (command && key === 'j') {
		toNew();
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
		/* From what was found back to what else was. */
		if (document.activeElement === found && app.search.again())
			return true;
		if (!open)
			toEnd();
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
			door.show(reason === 'rate-limited' ?
				'That was tried too often. The next try is in ' +
				Math.ceil(delay / 1000) + ' s.' :
				'The server cannot be reached. Trying again…',
			{ busy: true });
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
		app.fetchIgnored();
		if (away)
			line.request('away', { text: away }).catch(() => {});
		refresh();
	} else if (state === 'waiting') {
		banner((lost[reason] || 'The connection is lost') +
			'; trying again in ' + Math.ceil(delay / 1000) +
			' s. What you write is sent then.',
		'Try now', () => line.wake());
	} else if (state === 'refused') {
		refused(error);
	} else if (state === 'closed') {
		tab.session = '';
		save();
		banner(ended[reason] ||
			'The server has ended the connection (' + reason + ').',
		'Come in again', () => {
			entered = false;
			door.show('');
		});
	}
}

/* Back to the door: for its password, if that is what is missing. */
function refused({ code, message }, typed) {
	const lock = code === 'name-registered' || code === 'bad-password';
	entered = false;
	tab.token = '';
	save();
	door.show(lock ? typed ?
		'That password is wrong. Try again, or choose another name.' :
		line.name + ' is kept by somebody. If that is you, log in.' :
		code === 'name-taken' ? 'Somebody here is called ' + line.name +
			' already. If that is you in another tab, talk there; or take ' +
			'another name.' : message, { lock });
}

async function come(name, password) {
	line ||= connect();
	door.show('', { busy: true });
	try {
		await line.open(name, password ? { password } : undefined);
	} catch (error) {
		refused(error, password);
		return;
	}
	if (password)
		trust();
	const link = await linked;
	if (entered)
		return;
	entered = true;
	app.fetchIgnored().then(() => paint());
	door.hide();
	banner('');
	identity();
	const talk = current || talks.get(idOf('room', link));
	current = null;
	select(talk || [...talks.values()][0] || lobby());
	if (line.motd)
		app.note(line.motd);
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
		token: tab.token, inbox: 200, marks: true });
	for (const type in events)
		line.on(type, events[type]);
	deeds.forEach(type => line.on(type, done));
	for (const it of tab.told)
		person(it.own ? it.to : it.from).add(it);
	return line;
}

document.onkeydown = e => !anyKey(e);
$('find').onclick = () => app.find('');
$('help').onclick = app.manual;
$('own').onclick = app.account;
$('menu').onclick = () => drawer('side');
$('veil').onclick = () => drawer();
$('leave').onclick = () => app.leave('');
$('toggle').onclick = () => drawer('members');
$('pill').onclick = () => {
	toEnd();
	close();
};
$('setup').onclick = () => app.setup();
$('enter').onclick = () => {
	const talk = current;
	line.join(talk.name, talk.last ? { after: talk.last } : { last: LAST })
		.then(() => talk === current && text.focus(),
			error => {
				talk.out = error.message;
				talk.again = error.code !== 'banned';
				paint();
			});
};
$('look').onclick = () => app.search('');
$('since').onclick = toNew;
$('topic').onclick = () => {
	box.begin('/topic ' + current.topic);
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
$('manual-list').append(...commands.map(c => [c.usage, c.help]).concat(keys)
	.flatMap(([what, help]) => [make('dt', null, make('kbd', what)),
		make('dd', help)]));

drawer();
$('name').value = tab.name || browser.name;
if (tab.session || tab.token)
	come(tab.name);
else
	door.show('');
