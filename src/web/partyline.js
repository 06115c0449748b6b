/*
 * Partyline's wire contract, partyline-protocol(7), for pages and for Node.
 * How to use it: contrib/clients/javascript/README.md.
 */

export class PartylineError extends Error {
	constructor(code, message, reply = {}) {
		super(message || code);
		this.code = code;
		this.reply = reply;
	}
}

const DEFAULTS = {
	name: '',
	session: '',
	password: '',
	token: '',
	inbox: 0,
	base: 500,
	max: 30000,
	steady: 10000,
	idle: 45000,
	patience: 10000,
	marks: false,
	connect: connectWebSocket
};

const TICK = 5000;		// ms in which it looks at its connection

/* Refused for now, whatever the name. */
const PASSING = ['server-full', 'store-unavailable', 'internal',
	'rate-limited'];

/* Nearly the server's: what is left of the difference its replies settle. */
export const fold = name => name.normalize('NFKC').toLowerCase()
	.replace(/ß/g, 'ss').replace(/ς/g, 'σ');

export const newKey = () => Date.now().toString(36) +
	Array.from({ length: 3 }, () => Math.random().toString(36).slice(2)).join('');

const whither = ({ room, to }) => (room ? '#' + fold(room) : '@' + fold(to));

function connectWebSocket(url, on) {
	const ws = new WebSocket(url);
	ws.onopen = on.open;
	ws.onmessage = e => on.line(e.data);
	ws.onclose = e => on.close(e.reason || 'closed ' + e.code);
	return { send: text => ws.send(text), close: () => ws.close(1000) };
}

export class Partyline {
	state = 'idle';
	server = '';
	guest = true;		// false: the name is an account's
	created;		// when the account was made, as the server writes it
	operator = false;	// of this server
	lobby = 'lobby';
	motd = '';		// the message of the day
	limits = { line: 16384, text: 4096, rooms: 100 };
	outbox = [];		// said and not answered yet, oldest first
	/* By folded name: {room, last, epoch, head, seq of the last message}. */
	places = new Map();
	inbox;
	/* What the next login bears: {password}, {token} or nothing. */
	secret;

	#url; #o; #link; #greeted; #bye; #opening = [];
	#id = 0; #tries = 0; #since = 0; #heard = 0; #until = 0;
	#replies = new Map(); #listeners = {};
	#retryTimer; #idleTimer; #holds = new Map();

	constructor(url, options) {
		this.#url = String(url);
		this.#o = { ...DEFAULTS, ...options };
		this.name = this.#o.name;
		this.session = this.#o.session;
		this.inbox = { last: this.#o.inbox };
		const { token, password } = this.#o;
		this.secret = token ? { token } : password ? { password } : null;
	}

	/* Returns what ends it. */
	on(type, f) {
		const all = this.#listeners[type] ||= new Set();
		all.add(f);
		return () => all.delete(f);
	}

	#emit(type, event) {
		for (const f of [...this.#listeners[type] || []])
			f(event);
	}

	#turn(state, more) {
		this.state = state;
		this.#emit('state', { state, ...more });
	}

	/*
	 * Until online, however long it takes; throws if the name, or the
	 * {password} or {token} with it, is refused.
	 */
	open(name = this.name, secret = null) {
		if (this.state === 'online')
			return Promise.resolve(this);
		const other = fold(name) !== fold(this.name);
		if (other) {
			this.session = '';
			this.inbox = { last: this.#o.inbox };
		}
		if (other || secret)
			this.secret = secret;
		this.name = name;
		if (other || this.state !== 'connecting')
			this.#connect();
		return new Promise((resolve, reject) =>
			this.#opening.push({ resolve, reject }));
	}

	#opened(how, result) {
		this.#opening.splice(0).forEach(o => o[how](result));
	}

	close() {
		if (this.#greeted)
			this.#send({ cmd: 'quit' });
		this.#end('closed');
	}

	/*
	 * Tries at once if it waits, but only if it is anxious before the server
	 * wants it; makes sure of the connection if it has one.
	 */
	wake(anxious = false) {
		if (this.state === 'waiting') {
			if (!anxious && Date.now() < this.#until)
				return;
			this.#tries = 0;
			this.#connect();
		} else if (this.state === 'online') {
			this.#ping(this.#o.patience / 2);
		}
	}

	request(cmd, fields) {
		return this.state === 'online' ? this.#ask({ ...fields, cmd }) :
			Promise.reject(new PartylineError('offline',
				'There is no connection.'));
	}

	join(room, { last = 0, after, epoch } = {}) {
		const key = fold(room), there = this.places.get(key);
		if (there)
			return there.joined;
		const place = { room, last, epoch, seq: after };
		this.places.set(key, place);
		return place.joined = this.state === 'online' ?
			this.#subscribe(place) : new Promise((resolve, reject) =>
				Object.assign(place, { resolve, reject }));
	}

	leave(room) {
		this.places.delete(fold(room));
		return this.state === 'online' ?
			this.request('unsubscribe', { room }) : Promise.resolve();
	}

	/* Waits for a connection, and is repeated with its key until answered. */
	say(room, text, { kind, key } = {}) {
		return this.#queue({ cmd: 'say', room, text, kind, key });
	}

	tell(to, text, { kind, key } = {}) {
		return this.#queue({ cmd: 'tell', to, text, kind, key });
	}

	who(room) {
		return this.#pages('who', { room }, 'members');
	}

	rooms(match) {
		return this.#pages('rooms', { match }, 'rooms');
	}

	/* Who is banned and muted: {bans, mutes}. */
	async bans(room) {
		const all = { bans: [], mutes: [] };
		let reply = {};
		do {
			reply = await this.request('bans', { room, after: reply.next });
			all.bans.push(...reply.bans);
			all.mutes.push(...reply.mutes);
		} while (reply.more);
		return all;
	}

	async #pages(cmd, fields, list) {
		const rows = [];
		let reply = {};
		do {
			reply = await this.request(cmd, { ...fields, after: reply.next });
			rows.push(...reply[list]);
		} while (reply.more);
		return rows;
	}

	async rename(name) {
		const old = this.name, reply = await this.request('rename', { name });
		this.#named(reply.name);
		/* Another name has another inbox. */
		if (fold(reply.name) !== fold(old))
			await this.#subscribe(this.inbox = { last: 100 });
		return reply;
	}

	/* Makes the guest's name an account's. */
	async register(password) {
		const reply = await this.request('register', { password });
		this.guest = false;
		this.secret = { password };
		return reply;
	}

	async passwd(old, password) {
		const reply = await this.request('passwd', { old, new: password });
		this.secret = { password };
		return reply;
	}

	#connect() {
		this.#drop();
		this.#turn('connecting');
		/* Whatever a former one still has to say is not heard. */
		let link;
		const current = f => arg => {
			if (link && link === this.#link)
				f(arg);
		};
		this.#link = link = this.#o.connect(this.#url, {
			open: current(() => {
				this.#greeted = true;
				this.#login();
			}),
			/* An auto listener may have greeted in text. */
			line: current(s => s[0] === '{' && this.#take(JSON.parse(s))),
			close: current(reason => this.#lost(reason))
		});
		/* One that never answers is no better than one that refuses. */
		this.#idleTimer = setTimeout(
			current(() => this.#lost('timeout')), this.#o.patience);
	}

	#drop() {
		const link = this.#link, replies = this.#replies;
		clearTimeout(this.#retryTimer);
		clearTimeout(this.#idleTimer);
		this.#holds.forEach(clearTimeout);
		this.#holds.clear();
		this.#replies = new Map();
		this.#link = this.#bye = null;
		this.#greeted = this.inbox.live = false;
		this.places.forEach(place => { place.live = false; });
		this.outbox.forEach(entry => { entry.sent = false; });
		link?.close();
		replies.forEach(r => r.reject(new PartylineError('connection-lost',
			'The connection was lost.')));
	}

	#end(reason) {
		this.#drop();
		this.#turn('closed', { reason });
		this.#opened('reject', new PartylineError('closed', reason));
	}

	#lost(reason, wait = 0) {
		const { base, max, steady } = this.#o, bye = this.#bye;
		if (bye?.reconnect === false) {
			this.#end(bye.reason);
			return;
		}
		if (this.state === 'online' && Date.now() - this.#since >= steady)
			this.#tries = 0;
		this.#drop();
		const step = Math.min(max, base * 2 ** this.#tries++);
		const asked = bye?.after_ms || wait;
		const delay = Math.round(asked + step * (1 + Math.random()) / 2);
		this.#until = Date.now() + asked;
		this.#retryTimer = setTimeout(() => this.#connect(), delay);
		this.#turn('waiting', { reason: bye?.reason || reason, delay });
	}

	async #login() {
		try {
			await this.#ask({ cmd: 'login', name: this.name,
				resume: this.session || undefined, ...this.secret,
				after: this.guest ? undefined : this.inbox.seq,
				marks: this.#o.marks || undefined }, reply => this.#came(reply));
		} catch (error) {
			if (PASSING.includes(error.code)) {
				this.#lost(error.code, error.reply.retry_ms);
			} else if (error.code !== 'connection-lost') {
				if (error.code === 'bad-password')
					this.secret = null;
				this.#drop();
				this.#turn('refused', { error });
				this.#opened('reject', error);
			}
			return;
		}
		await this.#resume();
	}

	/* At once with the reply: what is in an account's inbox comes next. */
	#came(reply) {
		const { session, server, limits, lobby, motd = '', guest,
			created, operator = false } = reply;
		Object.assign(this, { session, server, limits, lobby, motd, guest,
			created, operator });
		this.inbox.live = !guest;
		this.#named(reply.name);
		this.#emit('login', reply);
	}

	/* Back into the inbox and all rooms, then what was said meanwhile. */
	async #resume() {
		const link = this.#link, back = p => this.#subscribe(p)
			.then(p.resolve, error => {
				p.reject?.(error);
				if (error.code !== 'connection-lost' &&
				    this.#unplace(p))
					this.#emit('left', { room: p.room, error });
			});
		/* More may be joined meanwhile. */
		for (let all = [this.inbox, ...this.places.values()]
			.filter(p => !p.live); all.length > 0;
		    all = [...this.places.values()].filter(p => !p.live)) {
			await Promise.all(all.map(back));
			if (link !== this.#link)
				return;
		}
		this.#since = Date.now();
		this.#watch();
		this.#turn('online');
		this.#opened('resolve', this);
		this.#flush();
	}

	async #subscribe(place) {
		const { epoch, seq, head, last } = place, own = place === this.inbox;
		const room = own ? '@' + this.name : place.room;
		/*
		 * With no message yet, all behind the head of then is wanted, and
		 * of what is older at most as many as before.
		 */
		const after = seq ?? (head && Math.max(0, head - last));
		const ask = () => this.#ask({ cmd: 'subscribe', room, after, epoch,
			last: after === undefined ? last : undefined },
		reply => this.#enter(place, reply, after));
		try {
			return await ask();
		} catch (error) {
			const already = error.code === 'already-subscribed';
			/* Somebody wrote to it first, and so it is entered already. */
			if (own && already) {
				await this.#ask({ cmd: 'unsubscribe', room });
				return ask();
			}
			/* Or it was in another spelling. */
			const there = already && this.places.get(fold((await
				this.#ask({ cmd: 'who', room, limit: 1 })).room));
			if (there?.live || this.state === 'online')
				this.#unplace(place);
			if (there?.live)
				return there.reply;
			throw error;
		}
	}

	#unplace(place) {
		const key = fold(place.room || '');
		return this.places.get(key) === place && this.places.delete(key);
	}

	/* At once with the reply: the next line may be the room's first. */
	#enter(place, reply, after) {
		const { room, epoch, head } = reply;
		/* From now on it has the server's spelling. */
		if (this.#unplace(place))
			this.places.set(fold(place.room = room), place);
		Object.assign(place, { live: true, reply, epoch, head });
		if (reply.reset) {
			place.seq = 0;
			this.#emit('reset', { room });
		} else if (after === undefined && (place.last === 0 || head === 0)) {
			place.seq = head;
		}
		this.#emit('joined', reply);
		if (reply.gap)
			this.#emit('gap', { room, ...reply.gap });
	}

	#named(name) {
		this.name = name;
		this.#emit('name', { name });
	}

	#take(line) {
		this.#heard = Date.now();
		if (!line.event) {
			this.#answer(line);
		} else if (!line.room || this.#isNew(line)) {
			if (this.#isEnd(line))
				this.places.delete(fold(line.room));
			this.#emit(line.event, line);
		}
		if (line.event === 'bye')
			this.#bye = line;
	}

	/* Sent out of a room now, and not long ago: it is not entered again. */
	#isEnd({ event, room, seq, name, reason }) {
		const end = /^(kicked|banned)$/.test(event) ||
			(event === 'leave' && reason === 'banned');
		return end && !!name && fold(name) === fold(this.name) &&
			!(seq <= this.places.get(fold(room))?.head);
	}

	#isNew({ room, seq }) {
		const place = room[0] === '@' ? this.inbox : this.places.get(fold(room));
		if (!place?.live || seq <= place.seq)
			return false;
		place.seq = seq ?? place.seq;
		return true;
	}

	#answer(reply) {
		const r = this.#replies.get(reply.id);
		if (!r)
			return;
		/* What is soon over is waited for, but a login says that it waits. */
		if (reply.error === 'rate-limited' && !r.ask.key &&
		    r.ask.cmd !== 'login' && reply.retry_ms <= this.#o.patience) {
			const link = this.#link;
			setTimeout(() => link === this.#link &&
				this.#send(r.ask), reply.retry_ms);
			return;
		}
		this.#replies.delete(reply.id);
		if (reply.ok) {
			r.take?.(reply);
			r.resolve(reply);
		} else {
			r.reject(new PartylineError(reply.error, reply.message, reply));
		}
	}

	#send(ask) {
		try {
			this.#link.send(JSON.stringify(ask));
		} catch { /* it is closing, and will say so */ }
	}

	#ask(fields, take) {
		const ask = { ...fields, id: ++this.#id };
		return new Promise((resolve, reject) => {
			this.#replies.set(ask.id, { ask, take, resolve, reject });
			this.#send(ask);
		});
	}

	#queue(entry) {
		const over = new TextEncoder().encode(entry.text).length -
			this.limits.text;
		if (over > 0)
			return Promise.reject(new PartylineError('too-long',
				'That is ' + over + ' bytes too long.'));
		entry.key ||= newKey();
		return new Promise((resolve, reject) => {
			this.outbox.push(Object.assign(entry, { resolve, reject }));
			this.#flush();
		});
	}

	#flush() {
		if (this.state !== 'online')
			return;
		for (const entry of this.outbox.filter(e => !e.sent &&
			!this.#holds.has(whither(e)))) {
			const { resolve, reject, sent, ...ask } = entry;
			const done = f => result => {
				this.outbox = this.outbox.filter(e => e !== entry);
				f(result);
			};
			entry.sent = true;
			this.#ask(ask).then(done(resolve), error => {
				if (error.code === 'rate-limited')
					this.#hold(entry, error);
				else if (error.code !== 'connection-lost')
					done(reject)(error);
			});
		}
	}

	/* Too fast, perhaps for that room alone: what goes there keeps its order. */
	#hold(entry, { message, reply }) {
		const { room, to, key } = entry, where = whither(entry);
		entry.sent = false;
		if (!this.#holds.has(where))
			this.#holds.set(where, setTimeout(() => {
				this.#holds.delete(where);
				this.#flush();
			}, reply.retry_ms));
		this.#emit('held', { room, to, key, message, ms: reply.retry_ms });
	}

	/*
	 * A connection may die without a word: who hears nothing asks. So does who
	 * wakes at a wrong time: the machine has slept, and longer than it knows.
	 */
	#watch() {
		const { idle, patience } = this.#o, now = Date.now();
		const due = Math.max(now, Math.min(now + TICK, this.#heard + idle));
		clearTimeout(this.#idleTimer);
		this.#idleTimer = setTimeout(() => {
			const time = Date.now();
			if (Math.abs(time - due) > TICK)
				this.#ping(patience / 2);
			else if (time - this.#heard >= idle)
				this.#ping(patience);
			else
				this.#watch();
		}, due - now);
	}

	#ping(patience) {
		clearTimeout(this.#idleTimer);
		this.#idleTimer = setTimeout(() => this.#lost('silent'), patience);
		this.#ask({ cmd: 'ping' }).then(() => this.#watch(), () => {});
	}
}
