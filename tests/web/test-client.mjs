/*
 * The protocol module in Node: unit tests with a clock and a wire of the
 * test's own, and against the real daemon over TCP.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { Partyline, PartylineError, fold, newKey } from
	'../../src/web/partyline.js';
import { connectTcp } from '../../contrib/clients/javascript/tcp.mjs';
import { Daemon, Program, TOP, cleanup, main, relay, test, until } from
	'./harness.mjs';

const tcp = daemon => 'tcp://127.0.0.1:' + daemon.port;

function client(url, options) {
	const line = new Partyline(url, { base: 20, max: 100,
		connect: connectTcp, ...options });
	line.seen = [];
	line.states = [];
	line.on('message', m => line.seen.push(m.text));
	line.on('state', s => line.states.push(s));
	cleanup(() => line.close());
	return line;
}

/* Time that passes when the test says so, in place of the real one. */
class Clock {
	time = 0;
	timers = [];

	constructor() {
		const { Date: date, setTimeout: set, clearTimeout: clear } = globalThis;
		globalThis.Date = class extends date {
			static now = () => this.clock.time;
		};
		globalThis.Date.clock = this;
		globalThis.setTimeout = (f, ms) => {
			const t = { f, at: this.time + ms };
			this.timers.push(t);
			return t;
		};
		globalThis.clearTimeout = t => {
			this.timers = this.timers.filter(u => u !== t);
		};
		cleanup(() => Object.assign(globalThis,
			{ Date: date, setTimeout: set, clearTimeout: clear }));
	}

	/* Another time of day: what is due stays so far away. */
	put(ms) {
		this.time += ms;
		this.timers.forEach(t => { t.at += ms; });
	}

	async pass(ms) {
		const end = this.time + ms;
		for (;;) {
			await settled();
			const next = this.timers.filter(t => t.at <= end)
				.sort((a, b) => a.at - b.at)[0];
			if (!next)
				break;
			clearTimeout(next);
			this.time = Math.max(this.time, next.at);
			next.f();
		}
		this.time = end;
		await settled();
	}
}

/* What Math.random() says, as long as the test runs. */
function chance(f) {
	const { random } = Math;
	Math.random = f;
	cleanup(() => { Math.random = random; });
}

/* Until all that was resolved is carried out. */
const settled = () => new Promise(r => setImmediate(r));

/* A wire whose other end is the test. */
function wire() {
	const w = { links: [], answer: true };
	w.connect = (url, on) => {
		const link = { on, sent: [], closed: false,
			send: text => {
				const ask = JSON.parse(text);
				link.sent.push(ask);
				if (w.answer)
					w.reply(link, ask);
			},
			close: () => { link.closed = true; } };
		w.links.push(link);
		return link;
	};
	w.reply = (link, { id, cmd, name, room, text }, more) => queueMicrotask(() =>
		link.on.line(JSON.stringify({ reply: cmd, id, ok: true, ...{
			login: { name, session: 's1', server: 'x', limits: { text: 99 } },
			subscribe: { room, epoch: 'e1', head: 7, topic: '', role: 'member' },
			say: { room, seq: 8, text }
		}[cmd], ...more })));
	return w;
}

test('back-off grows, is jittered, bounded, and begins anew', async () => {
	const clock = new Clock(), w = wire();
	let random = 0;
	chance(() => random);
	const line = client('x', { connect: w.connect, base: 500,
		max: 30000, name: 'ann' });
	const delays = () => line.states.filter(s => s.delay).map(s => s.delay);
	line.open().catch(() => {});
	for (let i = 0; i < 8; i++) {
		random = i % 2;
		w.links.at(-1).on.close('refused');
		await clock.pass(delays().at(-1));
	}
	assert.deepEqual(delays(), [250, 1000, 1000, 4000, 4000, 16000, 15000,
		30000]);
	/* Online, but lost at once: it goes on growing. */
	random = 0;
	w.links.at(-1).on.open();
	await settled();
	await clock.pass(0);
	assert.equal(line.state, 'online');
	w.links.at(-1).on.close('lost');
	assert.equal(delays().at(-1), 15000);
	/* Lost after it has held: anew. */
	await clock.pass(15000);
	w.links.at(-1).on.open();
	await clock.pass(10000);
	w.links.at(-1).on.close('lost');
	assert.equal(delays().at(-1), 250);
	/* wake() does not wait. */
	const n = w.links.length;
	line.wake();
	assert.equal(w.links.length, n + 1);
	/* Nor does it try twice at once. */
	line.wake();
	assert.equal(w.links.length, n + 1);
});

test('bye is honoured: when to come back, and whether', async () => {
	const clock = new Clock(), w = wire();
	chance(() => 0);
	const line = client('x', { connect: w.connect, base: 500, max: 30000,
		name: 'ann' });
	line.open().catch(() => {});
	w.links[0].on.open();
	await clock.pass(1);
	w.links[0].on.line('{"event":"bye","reason":"shutdown","reconnect":true,' +
		'"after_ms":7000}');
	w.links[0].on.close('closed');
	assert.deepEqual(line.states.at(-1),
		{ state: 'waiting', reason: 'shutdown', delay: 7250 });
	await clock.pass(7249);
	assert.equal(w.links.length, 1);
	await clock.pass(1);
	assert.equal(w.links.length, 2);
	w.links[1].on.open();
	await clock.pass(1);
	w.links[1].on.line('{"event":"bye","reason":"replaced",' +
		'"reconnect":false}');
	w.links[1].on.close('closed');
	await clock.pass(100000);
	assert.equal(w.links.length, 2);
	assert.deepEqual(line.states.at(-1),
		{ state: 'closed', reason: 'replaced' });
});

test('whoever is woken does not come before the server wants it', async () => {
	const clock = new Clock(), w = wire();
	chance(() => 0);
	const line = client('x', { connect: w.connect, base: 500, name: 'ann' });
	line.open().catch(() => {});
	const bye = async link => {
		link.on.open();
		await clock.pass(1);
		link.on.line('{"event":"bye","reason":"drain","reconnect":true,' +
			'"after_ms":7000}');
		link.on.close('closed');
	};
	await bye(w.links[0]);
	await clock.pass(6000);
	line.wake();
	await settled();
	assert.equal(w.links.length, 1);
	/* From then on there is nothing to wait for but the back-off. */
	await clock.pass(1000);
	line.wake();
	assert.equal(w.links.length, 2);
	await bye(w.links[1]);
	/* A person who insists is let try. */
	line.wake(true);
	assert.equal(w.links.length, 3);
	/* A connection lost without a word asks for nothing. */
	w.links[2].on.open();
	await clock.pass(1);
	w.links[2].on.close('lost');
	line.wake();
	assert.equal(w.links.length, 4);
});

test('a machine that has slept makes sure of its connection', async () => {
	const clock = new Clock(), w = wire();
	const line = client('x', { connect: w.connect, name: 'ann' });
	line.open().catch(() => {});
	w.links[0].on.open();
	await clock.pass(7000);
	const pings = () => w.links.at(-1).sent.filter(s => s.cmd === 'ping').length;
	assert.equal(pings(), 0);
	/* No timer ran: at most 5 s after it is awake again it asks. */
	clock.time += 30000;
	await clock.pass(5000);
	assert.equal(pings(), 1);
	await clock.pass(10000);
	assert.equal(line.state, 'online');
	assert.equal(pings(), 1);
	/* So it does when its clock was put back. */
	clock.put(-3600000);
	await clock.pass(5000);
	assert.equal(pings(), 2);
	/* It is not waited for long. */
	w.answer = false;
	clock.time += 30000;
	await clock.pass(10000);
	assert.equal(line.states.find(s => s.state === 'waiting')?.reason, 'silent');
});

test('a silent connection is pinged, and left when it does not answer',
async () => {
	const clock = new Clock(), w = wire();
	const line = client('x', { connect: w.connect, name: 'ann' });
	const lost = () => line.states.filter(s => s.state === 'waiting')
		.map(s => s.reason);
	line.on('notice', e => line.seen.push(e.text));
	line.open().catch(() => {});
	w.links[0].on.open();
	await clock.pass(44000);
	assert.ok(!w.links[0].sent.some(s => s.cmd === 'ping'));
	await clock.pass(1000);
	assert.equal(w.links[0].sent.at(-1).cmd, 'ping');
	await clock.pass(20000);
	assert.equal(line.state, 'online');
	w.answer = false;
	await clock.pass(35000);
	assert.deepEqual(lost(), ['silent']);
	assert.ok(w.links[0].closed);
	/* What the dead one says now is not heard. */
	w.links[0].on.line('{"event":"notice","text":"late"}');
	assert.deepEqual(line.seen, []);
	/* And one that never answers the login is left as well. */
	await clock.pass(1000);
	w.links[1].on.open();
	await clock.pass(10000);
	assert.deepEqual(lost(), ['silent', 'timeout']);
});

test('too fast: says keep their order, other commands are repeated',
async () => {
	const clock = new Clock(), w = wire();
	const line = client('x', { connect: w.connect, name: 'ann' });
	line.open().catch(() => {});
	w.links[0].on.open();
	await clock.pass(1);
	const [link] = w.links;
	w.answer = false;
	const slow = { ok: false, error: 'rate-limited', retry_ms: 50 };
	const done = [];
	line.say('lobby', 'one').then(() => done.push('one'));
	line.say('lobby', 'two').then(() => done.push('two'));
	line.request('who').then(() => done.push('who'));
	const asks = link.sent.slice(-3);
	asks.forEach(a => w.reply(link, a, slow));
	await settled();
	line.say('lobby', 'three').then(() => done.push('three'));
	assert.equal(link.sent.at(-1), asks[2]);
	w.answer = true;
	await clock.pass(50);
	assert.deepEqual(link.sent.slice(-4).filter(s => s.cmd === 'say')
		.map(s => s.text), ['one', 'two', 'three']);
	assert.equal(link.sent.filter(s => s.text === 'one')[1].key, asks[0].key);
	assert.deepEqual(done.sort(), ['one', 'three', 'two', 'who']);
});

test('one slow room: what goes elsewhere does not wait for it', async () => {
	const clock = new Clock(), w = wire();
	const line = client('x', { connect: w.connect, name: 'ann' });
	const held = [];
	line.on('held', e => held.push(e));
	line.open().catch(() => {});
	w.links[0].on.open();
	await clock.pass(1);
	const [link] = w.links;
	w.answer = false;
	const first = line.say('den', 'one');
	w.reply(link, link.sent.at(-1), { ok: false, error: 'rate-limited',
		message: '#den is slow', retry_ms: 60000 });
	await settled();
	w.answer = true;
	const second = line.say('DEN', 'two');
	await line.say('lobby', 'three');
	await line.tell('den', 'four');
	assert.deepEqual(held.map(e => [e.room, e.message, e.ms]),
		[['den', '#den is slow', 60000]]);
	await clock.pass(59998);
	assert.equal(link.sent.filter(s => s.room === 'DEN').length, 0);
	await clock.pass(2);
	await Promise.all([first, second]);
	assert.deepEqual(link.sent.filter(s => s.cmd === 'say')
		.map(s => s.text), ['one', 'three', 'one', 'two']);
	assert.equal(link.sent.find(s => s.text === 'one').key, held[0].key);
});

test('who is kicked or banned does not enter again by itself', async () => {
	const d = await Daemon.start();
	const boss = await Program.come(d, 'boss', 'den', 'hall', 'shed');
	const r = await relay(d), ann = client(tcp(r), { name: 'ann' });
	const acts = [];
	for (const type of ['kicked', 'banned'])
		ann.on(type, e => acts.push([type, e.room, e.name, e.reason]));
	await ann.open();
	for (const room of ['den', 'hall', 'shed'])
		await ann.join(room);
	await boss.ask({ cmd: 'kick', room: 'den', name: 'ann', reason: 'mud' });
	await boss.ask({ cmd: 'ban', room: 'hall', name: 'ann' });
	await until(() => acts.length === 2, 'both');
	assert.deepEqual(acts, [['kicked', 'den', 'ann', 'mud'],
		['banned', 'hall', 'ann', undefined]]);
	assert.deepEqual([...ann.places.keys()], ['shed']);
	const { bans, mutes } = await Partyline.prototype.bans.call({
		request: (cmd, fields) => boss.ask({ cmd, ...fields }) }, 'hall');
	assert.deepEqual([bans.map(b => b.name), mutes], [['ann'], []]);
	r.cut();
	await boss.say('later', 'shed');
	await until(() => ann.seen.includes('later'), 'it to be back');
	const { members } = await boss.ask({ cmd: 'who', room: 'den' });
	assert.deepEqual(members.map(m => m.name), ['boss']);
	/* By hand, and what was done to it before does not send it out again. */
	await ann.join('den', { last: 10 });
	await until(() => acts.length === 3, 'the past');
	await boss.say('welcome back', 'den');
	await until(() => ann.seen.includes('welcome back'), 'the present');
	await assert.rejects(ann.join('hall'), e => e.code === 'banned');
});

test('what nobody was in sight of: resubscribing without a message',
async () => {
	const clock = new Clock(), w = wire();
	const line = client('x', { connect: w.connect, name: 'ann' });
	line.open().catch(() => {});
	line.join('lobby', { last: 3 });
	line.join('garden');
	const subs = link => Object.fromEntries(link.sent
		.filter(s => s.cmd === 'subscribe').map(s => [s.room, s]));
	w.links[0].on.open();
	await clock.pass(1);
	assert.equal(subs(w.links[0]).lobby.last, 3);
	assert.equal(subs(w.links[0]).lobby.after, undefined);
	w.links[0].on.close('lost');
	await clock.pass(1000);
	w.links[1].on.open();
	await clock.pass(1);
	/* head was 7: of three older ones, whatever there is, and all behind. */
	assert.equal(subs(w.links[1]).lobby.after, 4);
	assert.equal(subs(w.links[1]).lobby.epoch, 'e1');
	assert.equal(subs(w.links[1]).garden.after, 7);
	assert.equal(w.links[1].sent[0].resume, 's1');
	/* And behind the last message seen, from then on; a second copy of it is
	 * not shown. */
	const said = '{"event":"message","room":"Lobby","seq":9,"text":"nine"}';
	w.links[1].on.line(said);
	w.links[1].on.line(said);
	assert.deepEqual(line.seen, ['nine']);
	w.links[1].on.close('lost');
	await clock.pass(1000);
	w.links[2].on.open();
	await clock.pass(1);
	assert.equal(subs(w.links[2]).lobby.after, 9);
});

test('a room in another spelling is one room, and is heard', async () => {
	const d = await Daemon.start();
	for (const [shown, other] of [['straße', 'STRASSE'], ['ΟΔΟΣ', 'οδοσ'],
		['ᾳδης', 'ΑΙΔΗΣ']]) {
		const bob = await Program.come(d, 'bob-' + shown, shown);
		const ann = client(tcp(d), { name: 'ann-' + shown });
		await ann.open();
		assert.equal((await ann.join(other)).room, shown);
		await bob.say('one', shown);
		await until(() => ann.seen.includes('one'), 'what is said there');
		/* Again, by either name; and from the beginning by both. */
		assert.equal((await ann.join(other)).room, shown);
		assert.equal((await ann.join(shown)).room, shown);
		assert.equal(ann.places.size, 1);
		const eve = client(tcp(d), { name: 'eve-' + shown });
		const both = [eve.join(other), eve.join(shown)];
		await eve.open();
		assert.deepEqual((await Promise.all(both)).map(r => r.room),
			[shown, shown]);
		assert.deepEqual([...eve.places.values()].map(p => p.room), [shown]);
		await bob.say('two', shown);
		await until(() => ann.seen.includes('two') && eve.seen.includes('two'),
			'both to hear');
	}
});

test('an account: its password, its token, its wait', async () => {
	const clock = new Clock(), w = wire();
	chance(() => 0);
	w.answer = false;
	const line = client('x', { connect: w.connect, name: 'ann', base: 500 });
	const logins = [];
	line.on('login', reply => logins.push(reply.rooms));
	const refused = [];
	const asked = async (secret, more) => {
		const opened = line.open('ann', secret);
		opened.catch(e => refused.push(e.code));
		const link = w.links.at(-1);
		link.on.open();
		w.reply(link, link.sent[0], more);
		await settled();
		return link;
	};
	const no = error => ({ ok: false, error });
	let link = await asked(null, no('name-registered'));
	assert.deepEqual(link.sent, [{ cmd: 'login', name: 'ann', id: 1 }]);
	link = await asked({ password: 'wrong' }, no('bad-password'));
	assert.equal(link.sent[0].password, 'wrong');
	/* A wrong one is not tried again by itself. */
	link = await asked(null, no('name-registered'));
	assert.equal(link.sent[0].password, undefined);
	assert.deepEqual(refused, ['name-registered', 'bad-password',
		'name-registered']);
	assert.ok(line.guest);
	/* Too often: as long as the server says, and then with the same. */
	link = await asked({ password: 'right' },
		{ ...no('rate-limited'), retry_ms: 7000 });
	assert.deepEqual(line.states.at(-1), { state: 'waiting',
		reason: 'rate-limited', delay: 7050 });
	assert.equal(line.state, 'waiting');
	await clock.pass(7049);
	assert.equal(w.links.at(-1), link);
	await clock.pass(1);
	link = w.links.at(-1);
	link.on.open();
	assert.equal(link.sent[0].password, 'right');
	const rooms = [{ room: 'lobby', seen: 3, unread: 4, role: 'op' }];
	/* What is in the inbox comes behind the reply, and is subscribed to. */
	w.reply(link, link.sent[0], { guest: false, rooms });
	queueMicrotask(() => [5, 6, 6].forEach(seq => link.on.line(JSON.stringify(
		{ event: 'message', room: '@ann', seq, text: 'tell ' + seq }))));
	await clock.pass(0);
	assert.equal(line.state, 'online');
	assert.deepEqual(logins, [rooms]);
	assert.equal(line.guest, false);
	assert.deepEqual(line.seen, ['tell 5', 'tell 6']);
	assert.deepEqual(link.sent.map(s => s.cmd), ['login']);
	/* A token takes the password's place, and both go with the session. */
	line.secret = { token: 't0' };
	link.on.close('lost');
	await clock.pass(8000);
	link = w.links.at(-1);
	link.on.open();
	assert.deepEqual(link.sent[0], { cmd: 'login', name: 'ann', resume: 's1',
		token: 't0', after: 6, id: link.sent[0].id });
	w.reply(link, link.sent[0], { guest: false });
	await clock.pass(0);
	/* Another password is the one from then on. */
	w.answer = true;
	await line.passwd('right', 'better');
	assert.deepEqual({ ...link.sent.at(-1), id: 0 }, { cmd: 'passwd',
		old: 'right', new: 'better', id: 0 });
	assert.deepEqual(line.secret, { password: 'better' });
	/* Another name has nothing to do with all that. */
	line.close();
	line.open('bob').catch(() => {});
	link = w.links.at(-1);
	w.answer = false;
	link.on.open();
	assert.deepEqual({ ...link.sent[0], id: 0 },
		{ cmd: 'login', name: 'bob', id: 0 });
	w.reply(link, link.sent[0], { guest: true });
	w.answer = true;
	await clock.pass(0);
	assert.equal(link.sent[1].room, '@bob');
	await line.register('mine');
	assert.equal(link.sent.at(-1).password, 'mine');
	assert.equal(line.guest, false);
	assert.deepEqual(line.secret, { password: 'mine' });
	/* Options are for who has no door: bots. */
	const bot = client('x', { connect: w.connect, name: 'bot', token: 't1' });
	bot.open().catch(() => {});
	w.links.at(-1).on.open();
	assert.equal(w.links.at(-1).sent[0].token, 't1');
	await clock.pass(0);
});

test('names and keys', () => {
	assert.equal(fold('ＡnnÉ'), 'anné');
	const keys = new Set(Array.from({ length: 1000 }, newKey));
	assert.equal(keys.size, 1000);
	for (const key of keys)
		assert.match(key, /^[a-z0-9]{20,64}$/);
});

test('over TCP: everything a client does', async () => {
	const d = await Daemon.start();
	const ann = client(tcp(d), { name: 'ann' });
	const bob = await Program.come(d, 'bob', 'lobby');
	await bob.say('before');
	await ann.open();
	assert.equal(ann.name, 'ann');
	assert.equal(ann.server, 'village');
	const reply = await ann.join('lobby', { last: 5 });
	assert.equal(reply.room, 'lobby');
	assert.equal(await ann.join('LOBBY'), reply);
	await until(() => ann.seen.includes('before'), 'the room\'s last message');
	const { seq } = await ann.say('lobby', 'hi');
	assert.ok(seq > 0);
	await ann.say('lobby', 'waves', { kind: 'action' });
	await ann.tell('bob', 'psst');
	await until(() => bob.events.some(e => e.to === 'bob' &&
		e.text === 'psst'), 'the tell');
	await bob.ask({ cmd: 'tell', to: 'ann', text: 'pst yourself' });
	await until(() => ann.seen.includes('pst yourself'), 'the inbox');
	assert.deepEqual((await ann.who('lobby')).map(m => m.name).sort(),
		['ann', 'bob']);
	assert.ok((await ann.rooms()).some(r => r.room === 'lobby'));
	const { messages } = await ann.request('history', { room: 'lobby' });
	assert.deepEqual(messages.map(m => m.text), ['before', 'hi', 'waves']);
	await assert.rejects(ann.request('nonsense'), e =>
		e instanceof PartylineError && e.code === 'unknown-command');
	await ann.rename('Anna');
	assert.equal(ann.name, 'Anna');
	await bob.ask({ cmd: 'tell', to: 'anna', text: 'new name' });
	await until(() => ann.seen.includes('new name'), 'the new inbox');
	await ann.leave('lobby');
	await assert.rejects(ann.say('lobby', 'gone'),
		e => e.code === 'not-subscribed');
	ann.close();
	await until(() => bob.events.some(e => e.event === 'leave'), 'its end');
	await assert.rejects(ann.request('ping'), e => e.code === 'offline');
});

test('a name that is taken, then another', async () => {
	const d = await Daemon.start();
	await Program.come(d, 'ann');
	const line = client(tcp(d), { name: 'Ann' });
	await assert.rejects(line.open(), e => e.code === 'name-taken');
	assert.equal(line.state, 'refused');
	await line.open('ann2');
	assert.equal(line.state, 'online');
});

test('nothing is missing and nothing comes twice, whatever is cut when',
async () => {
	const d = await Daemon.start({ store: 'sqlite' }), r = await relay(d);
	const ann = client(tcp(r), { name: 'ann' });
	const bob = await Program.come(d, 'bob', 'lobby');
	await ann.open();
	await ann.join('lobby');
	const wanted = [], said = [];
	for (let i = 0; i < 60; i++) {
		wanted.push('bob ' + i);
		await bob.say('bob ' + i);
		said.push(ann.say('lobby', 'ann ' + i));
		if (i % 10 === 3)
			r.cut();
		if (i % 20 === 7) {
			/* Stored, but the answer is lost. */
			r.deaf = true;
			await until(async () => (await bob.texts()).includes('ann ' + i) ||
				ann.state !== 'online', 'the say to be stored');
			r.cut();
			r.deaf = false;
		}
	}
	const replies = await Promise.all(said);
	const stored = await bob.texts();
	assert.deepEqual(stored.filter(t => t.startsWith('ann')),
		said.map((_, i) => 'ann ' + i));
	assert.ok(replies.some(reply => reply.duplicate), 'one was said twice');
	await until(() => ann.seen.length >= stored.length, 'all of it');
	assert.deepEqual(ann.seen, stored);
	assert.deepEqual(ann.seen.filter(t => t.startsWith('bob')), wanted);
	/* It took its own name over each time: nobody saw it go. */
	assert.equal(ann.name, 'ann');
});

test('the daemon is killed and comes back on the same port', async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const ann = client(tcp(d), { name: 'ann' });
	await ann.open();
	await ann.join('lobby');
	await ann.say('lobby', 'one');
	const { epoch } = ann.places.get('lobby');
	await d.kill();
	await until(() => ann.state === 'waiting', 'the loss to be noticed');
	await assert.rejects(ann.request('ping'), e => e.code === 'offline');
	const later = ann.say('lobby', 'two');
	const garden = ann.join('garden');
	await d.start();
	assert.equal((await later).room, 'lobby');
	assert.equal((await garden).room, 'garden');
	await until(() => ann.seen.length === 2, 'what was said');
	assert.deepEqual(ann.seen, ['one', 'two']);
	assert.equal(ann.places.get('lobby').epoch, epoch);
});

test('another log: reset is told, and all of it comes', async () => {
	const d = await Daemon.start();
	const ann = client(tcp(d), { name: 'ann' });
	let resets = 0;
	ann.on('reset', e => { resets += e.room === 'lobby'; });
	await ann.open();
	await ann.join('lobby');
	for (let i = 0; i < 5; i++)
		await ann.say('lobby', 'old');
	await d.kill();
	await until(() => ann.state === 'waiting', 'the loss to be noticed');
	await d.start();
	await ann.open();
	assert.equal(resets, 1);
	await ann.say('lobby', 'new');
	await until(() => ann.seen.includes('new'), 'the new log');
});

test('the bot of contrib answers, and survives the daemon', async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const bot = spawn(process.execPath,
		[join(TOP, 'contrib/clients/javascript/bot.mjs'), tcp(d), 'dicebot',
		'lobby'], { stdio: ['ignore', 'pipe', 'inherit'] });
	cleanup(() => bot.kill());
	const ask = async program => {
		const { seq } = await program.say('!roll 2d6');
		return until(() => program.events.find(e => e.event === 'message' &&
			e.seq > seq && e.from === 'dicebot'), 'the bot\'s answer');
	};
	const here = p => until(async () => (await p.ask({ cmd: 'who',
		room: 'lobby' })).members.some(m => m.name === 'dicebot'), 'the bot');
	const ann = await Program.come(d, 'ann', 'lobby');
	await here(ann);
	assert.match((await ask(ann)).text, /^ann: 2d6 is \d+/);
	await d.kill();
	await d.start();
	const ben = await Program.come(d, 'ben', 'lobby');
	await here(ben);
	assert.match((await ask(ben)).text, /^ben: 2d6 is \d+/);
});

await main();
