/* The connection: coming in, what is lost and comes back, and the door. */
import { Partyline, fold } from './partyline.js';
import { idOf } from './talk.js';
import { $, later, make, put } from './view.js';
import { door as makeDoor, ended, lost } from './door.js';
import { tabToken } from './lists.js';
import { LAST } from './reader.js';
import { browser, keep, save, tab } from './keep.js';

const TRUST = 7 * 86400;	// s that a tab may come back in without a password

function banner(words, action, onclick) {
	$('banner').hidden = !words;
	$('banner').replaceChildren(...[words].flat(), ' ', make('button.link',
		{ textContent: action, onclick }));
}

/* The seconds that are left, as they pass, until something else is shown. */
function countdown(e, ms) {
	const end = Date.now() + ms;
	const timer = setInterval(() => {
		const left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
		if (!e.isConnected)
			clearInterval(timer);
		else if (e.textContent !== String(left))
			e.textContent = left;
	}, 250);
}

function linkedRoom() {
	try {
		return decodeURIComponent(location.hash.slice(1));
	} catch {
		return '';
	}
}

export function linking(app) {
	const door = makeDoor(come);
	let linked;		// the room to begin in, once it is entered

	/* What was said to an account before, though it is read. */
	async function past() {
		const { line } = app, link = line.session;
		try {
			await line.open();
			const { messages } = await line.request('history',
				{ room: '@' + line.name, limit: 200 });
			if (link === line.session)
				messages.forEach(m => app.heard(m, true));
		} catch { /* there is none, or no connection: then the next one asks */ }
	}

	/* Before anything is entered: which rooms these are. */
	function login(reply) {
		const { line } = app;
		const kept = reply.rooms || [];
		const rooms = kept.map(k => k.room).filter(r => r[0] !== '@');
		const join = name => line.join(name, { last: LAST })
			.then(joined => joined.room, () => '');
		const first = !rooms.length || rooms.some(r => fold(r) ===
			fold(reply.lobby)) ? reply.lobby : rooms[0];
		app.marked.login(kept);
		later(app.sidebar);
		if (!linked)
			linked = join(linkedRoom() || first);
		else if (!rooms.length)
			return;
		(rooms.length ? rooms : browser.rooms || [reply.lobby]).forEach(join);
		if (!line.guest)
			past();
	}

	function called({ name }) {
		tab.name = name;
		tab.session = app.line.session;
		keep(b => { b.name = name; });
		save();
		if (app.entered)
			app.identity();
	}

	function connect() {
		const url = new URL('ws', location.href);
		url.protocol = url.protocol.replace('http', 'ws');
		const line = app.line = new Partyline(url, { name: tab.name,
			session: tab.session, token: tab.token, inbox: 200, marks: true });
		app.listen(line);
		line.on('login', login);
		line.on('name', called);
		line.on('state', turned);
		for (const it of tab.told)
			app.person(it.own ? it.to : it.from).add(it);
	}

	async function come(name, password) {
		if (!app.line)
			connect();
		const { line } = app;
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
		if (app.entered)
			return;
		app.entered = true;
		app.fetchIgnored().then(() => app.paint());
		door.hide();
		banner('');
		app.identity();
		const talk = app.current || app.talks.get(idOf('room', link));
		app.current = null;
		app.select(talk || [...app.talks.values()][0] || app.lobby());
		if (line.motd)
			app.note(line.motd);
	}

	/*
	 * What lets this tab come back without the password, which nothing keeps;
	 * the server knows it by the tab's label.
	 */
	async function trust() {
		try {
			const token = await tabToken(app.line, TRUST);
			app.line.secret = { token };
			tab.token = token;
			save();
		} catch { /* then the password is asked for again */ }
	}

	function turned({ state, reason, delay, error }) {
		const { line } = app;
		if (!app.entered) {
			if (state === 'waiting')
				door.show(reason === 'rate-limited' ?
					'That was tried too often. The next try is in ' +
					Math.ceil(delay / 1000) + ' s.' :
					'The server cannot be reached. Trying again…',
				{ busy: true });
			return;
		}
		app.identity();
		for (const talk of app.talks.values()) {
			for (const p of talk.pending.filter(q => q.state !== 'failed')) {
				p.state = state === 'online' ? 'sent' : 'waiting';
				p.changed = true;
			}
			app.log.update(talk);
		}
		if (state === 'online') {
			banner('');
			put('said', 'Connected again.');
			app.fetchIgnored();
			if (app.absent)
				line.request('away', { text: app.absent }).catch(() => {});
			app.refresh();
		} else if (state === 'waiting') {
			/* It is read out once, and not as it passes. */
			const left = make('span', { ariaLive: 'off',
				textContent: Math.ceil(delay / 1000) });
			banner([(lost[reason] || (navigator.onLine ?
				'The connection is lost' : 'There is no network')) +
				'; trying again in ', left,
			' s. What you write is sent then.'],
			'Try now', () => line.wake(true));
			countdown(left, delay);
		} else if (state === 'refused') {
			refused(error);
		} else if (state === 'closed') {
			tab.session = '';
			save();
			banner(ended[reason] ||
				'The server has ended the connection (' + reason + ').',
			'Come in again', () => {
				app.entered = false;
				door.show('');
			});
		}
	}

	/* Back to the door: for its password, if that is what is missing. */
	function refused({ code, message }, typed) {
		const { name } = app.line;
		const lock = code === 'name-registered' || code === 'bad-password';
		app.entered = false;
		tab.token = '';
		save();
		door.show(lock ? typed ?
			'That password is wrong. Try again, or choose another name.' :
			name + ' is a registered name: its password, please.' :
			code === 'name-taken' ? 'Somebody here is called ' + name +
				' already. If that is you in another tab, talk there; or ' +
				'take another name.' : message, { lock, plain: lock && !typed });
	}

	/* As one who was here, or at the door. */
	function begin() {
		$('name').value = tab.name || browser.name;
		if (tab.session || tab.token)
			come(tab.name);
		else
			door.show('');
	}

	return { begin, trust };
}
