/* The page in a real browser, against the real daemon. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { Daemon, Person, Program, TOP, diag, main, test, until } from './harness.mjs';
import { BETTER, DARK, NARROW, PASSWORD, Visitor, axe, keepName, logIn,
	noTrace } from './browser.mjs';

const WEB = join(TOP, 'src/web');

test('the page is small, whole and strict', async () => {
	const d = await Daemon.start();
	let size = 0, sent = 0;
	/* package.json is for Node, and not served. */
	for (const file of readdirSync(WEB).filter(f => f !== 'package.json')) {
		const path = file === 'index.html' ? '' : file;
		const reply = await fetch(d.url + path);
		const body = Buffer.from(await reply.arrayBuffer());
		assert.equal(reply.status, 200, file);
		assert.equal(reply.headers.get('content-encoding'), 'gzip');
		sent += Number(reply.headers.get('content-length'));
		assert.ok(body.equals(readFileSync(join(WEB, file))), file);
		assert.match(reply.headers.get('content-security-policy'),
			/^default-src 'none'; script-src 'self'; style-src 'self'/);
		assert.doesNotMatch(String(body).replace(/http:\/\/www\.w3\.org/g, ''),
			/https?:\/\/\w|innerHTML|outerHTML|insertAdjacent|eval\(| style="/,
			file);
		size += body.length;
	}
	diag(sent + ' bytes in all, ' + size + ' unpacked');
	assert.ok(sent < 60 * 1024, sent + ' bytes in all');
	assert.ok(size < 240 * 1024, size + ' bytes unpacked');
});

test('two browsers and nc in a room: the same messages in order', async () => {
	const d = await Daemon.start();
	const nc = await Person.come(d, 'nora');
	const ann = await Visitor.come(d, 'ann');
	const ben = await Visitor.come(d, 'ben', DARK);
	const said = [];
	for (let i = 0; i < 8; i++) {
		await ann.say('ann ' + i);
		await ben.say('ben ' + i);
		nc.type('nora ' + i);
		said.push('ann ' + i, 'ben ' + i, 'nora ' + i);
	}
	await ann.say('/me waves');
	await nc.sees('* ann waves');
	await ann.sees(...said, 'ann waves');
	await ben.sees(...said, 'ann waves');
	const texts = await ann.texts();
	assert.deepEqual(await ben.texts(), texts);
	assert.equal(texts.length, said.length + 1);
	const order = [...nc.seen.matchAll(/<(?:ann|ben)> (.*)\r/g)].map(m => m[1]);
	assert.deepEqual(order, texts.filter(t => /^(ann|ben) \d/.test(t)));
	await ann.shows('#list .name', 'nora');
	nc.type('/quit');
	await ann.notes('nora left');
	await ann.say('two\n\n  lines');
	await ben.sees('two', '  lines');
	await ben.shows('.sep', 'Today');
});

test('history: back to the first message, and nothing jumps', async () => {
	const d = await Daemon.start();
	const bot = await Program.come(d, 'bot', 'lobby');
	await Promise.all(Array.from({ length: 350 }, (_, i) =>
		bot.say('line ' + i + (i % 7 ? '' : ' and more'.repeat(20)))));
	const ann = await Visitor.come(d, 'ann');
	await ann.sees('line 349');
	assert.ok((await ann.texts()).length < 200);
	/* As it is read: up by wheel, from message to message. */
	await ann.page.hover('#log');
	for (let shown = 0; !(await ann.texts()).some(t =>
		t.startsWith('line 0')); ) {
		const before = await ann.page.evaluate(() => {
			const log = document.getElementById('log');
			log.scrollTop = 150;
			const top = log.getBoundingClientRect().top;
			const e = [...log.children].find(c =>
				c.getBoundingClientRect().top > top);
			e.dataset.mark = 'x';
			return { top: e.lastElementChild.getBoundingClientRect().top,
				n: log.children.length };
		});
		const after = await until(() => ann.page.evaluate(n => {
			const e = document.querySelector('[data-mark]');
			const log = document.getElementById('log');
			return log.children.length > n && {
				top: e.lastElementChild.getBoundingClientRect().top,
				n: log.children.length };
		}, before.n), 'older messages');
		assert.ok(Math.abs(after.top - before.top) < 1.5,
			before.top + ' became ' + after.top);
		await ann.page.$eval('[data-mark]', e => { delete e.dataset.mark; });
		assert.ok(++shown < 10);
	}
	assert.equal((await ann.texts()).length, 350);
	/* What comes meanwhile moves nothing either, but is told. */
	const at = () => ann.page.$eval('#log', e => e.scrollTop);
	await ann.page.$eval('#log', e => { e.scrollTop = 2000; });
	await bot.say('fresh');
	await ann.shows('#pill', '1 new message ↓');
	await ann.sees('fresh');
	assert.ok(Math.abs(await at() - 2000) < 1.5);
	await ann.title('(1) #lobby · village');
	await ann.page.click('#pill');
	await ann.title('#lobby · village');
	assert.ok(!await ann.page.isVisible('#pill'));
	/* At the end it stays at the end. */
	await bot.say('newest ' + 'long '.repeat(300));
	await until(() => ann.page.$eval('#log', e => e.innerText.includes(
		'newest') && e.scrollHeight - e.scrollTop - e.clientHeight < 2),
	'the end');
	assert.ok(!await ann.page.isVisible('#pill'));
});

test('a room that talks on: what is shown stays bounded, both ways',
async () => {
	const d = await Daemon.start();
	const bot = await Program.come(d, 'bot', 'lobby');
	let n = 0;
	const talk = async many => {
		await Promise.all(Array.from({ length: many }, () =>
			bot.say('line ' + n++)));
	};
	await talk(300);
	const ann = await Visitor.come(d, 'ann');
	const items = () => ann.page.$$eval('#log .msg', all => all.length);
	const to = top => ann.page.$eval('#log', (e, t) => {
		e.scrollTop = t;
	}, top);
	await ann.sees('line 299');
	await to(200);
	await ann.sees('line 200');
	await talk(1500);
	await ann.shows('#pill', '1500 new messages ↓');
	assert.ok(await items() <= 1000, await items() + ' are kept');
	await ann.title('(1500) #lobby · village');
	/* Down, as it is read: each once and in order, to the very newest. */
	const seen = new Set();
	await until(async () => {
		const texts = await ann.texts();
		const first = Number(texts[0].slice(5));
		assert.deepEqual(texts, texts.map((_, i) => 'line ' + (first + i)));
		assert.ok(texts.length <= 1100, texts.length + ' are kept');
		texts.forEach(t => seen.add(t));
		await to(1e9);
		return texts.includes('line 1799');
	}, 'the newest message', 30);
	for (let i = 200; i < 1800; i++)
		assert.ok(seen.has('line ' + i), i + ' was not shown');
	await ann.title('#lobby · village');
	assert.ok(!await ann.page.isVisible('#pill'));
	await talk(1);
	await ann.sees('line 1800');
	/* Up again, by far, and back at once. */
	await until(async () => {
		await to(0);
		return (await ann.texts()).includes('line 700');
	}, 'older messages', 30);
	assert.ok(await items() <= 1000);
	await ann.shows('#pill', 'Jump to the newest ↓');
	await talk(2);
	await ann.shows('#pill', '2 new messages ↓');
	await ann.page.click('#pill');
	await ann.sees('line 1802');
	assert.ok(!await ann.page.isVisible('#pill'));
	await until(() => ann.page.$eval('#log', e =>
		e.scrollHeight - e.scrollTop - e.clientHeight < 2), 'the end');
	/* So does who says something. */
	await until(async () => {
		await to(0);
		return (await ann.texts()).includes('line 600');
	}, 'older messages', 30);
	await ann.say('here I am');
	await ann.sees('line 1802', 'here I am');
	await talk(1);
	await ann.sees('line 1803');
	assert.deepEqual((await ann.texts()).slice(-3),
		['line 1802', 'here I am', 'line 1803']);
});

test('another lobby, and the message of the day', async () => {
	const d = await Daemon.start({ lobby: 'green', motd: 'Tea at four.' });
	const bot = await Program.come(d, 'bot', 'green', 'blue');
	for (let i = 0; i < 30; i++)
		await bot.say('line ' + i, 'green');
	const ann = await Visitor.come(d, 'ann');
	await ann.shows('#title', '#green');
	await ann.sees('line 0', 'line 29');
	await ann.notes('Tea at four.');
	/* It is the last word, though what was said before may come after it. */
	await ann.shows('#log .item:last-child .text', 'Tea at four.');
	await ann.say('/leave');
	await ann.shows('#title', '#green');
	await ann.tab(d, '#blue');
	await ann.enter('ann2');
	await ann.shows('#title', '#blue');
	await ann.shows('#rooms .name', 'green');
	assert.equal(await ann.page.$('[data-id="#lobby"]'), null);
});

test('unread counts, where they end, and what marks them', async () => {
	const d = await Daemon.start();
	const bot = await Program.come(d, 'bot', 'lobby', 'garden');
	const ann = await Visitor.come(d, 'ann');
	await ann.say('/join garden');
	await ann.shows('#title', '#garden');
	await bot.say('one');
	await bot.say('two');
	await ann.shows('[data-id="#lobby"] .badge', /^2/);
	assert.equal(await ann.page.$('.loud'), null);
	await ann.title('(2) #garden · village');
	await bot.say('ann, come over!');
	await ann.shows('[data-id="#lobby"] .badge.loud', /^3/);
	await bot.ask({ cmd: 'tell', to: 'ann', text: 'psst' });
	await ann.shows('[data-id="@bot"] .badge.loud', /^1/);
	await ann.title('(4) #garden · village');
	await ann.page.keyboard.press('Alt+Shift+ArrowUp');
	await ann.shows('#title', '#lobby');
	await ann.title('(1) #lobby · village');
	const news = await ann.page.$$eval('.new', all => all.map(e =>
		e.parentNode.querySelector('.text').innerText));
	assert.deepEqual(news, ['one']);
	assert.equal(await ann.page.$$eval('.mention', all => all.length), 1);
	/* What was read stays read when one comes back. */
	await ann.page.click('[data-id="@bot"]');
	await ann.title('bot · village');
	await bot.say('three');
	await ann.title('(1) bot · village');
	await ann.page.click('[data-id="#garden"]');
	await ann.page.reload();
	await ann.shows('[data-id="#lobby"] .badge', /^1/);
	await ann.page.click('[data-id="@bot"]');
	await ann.sees('psst');
});

test('direct messages: a thread a person, both ways', async () => {
	const d = await Daemon.start();
	const nc = await Person.come(d, 'nora');
	const ann = await Visitor.come(d, 'ann');
	const ben = await Visitor.come(d, 'ben');
	await ann.say('/msg ben are you there?');
	await ann.shows('#title', 'ben');
	await ann.sees('are you there?');
	await ben.shows('[data-id="@ann"] .badge', /^1/);
	await ben.page.click('[data-id="@ann"]');
	await ben.sees('are you there?');
	await ben.say('I am');
	await ann.sees('are you there?', 'I am');
	nc.type('/msg ann and I?');
	await ann.shows('[data-id="@nora"] .badge', /^1/);
	assert.deepEqual(await ann.texts(), ['are you there?', 'I am']);
	await ann.page.click('[data-id="@nora"]');
	await ann.sees('and I?');
	await ann.say('you too');
	await nc.sees('@nora <ann> you too');
	await ann.say('/msg nobody-here hello');
	await ann.shows('.failed .state', /There is nobody of that name here/);
	await ann.page.click('text=Discard');
	await until(async () => !await ann.page.$('.failed'), 'it to be gone');
	/* A reload keeps both sides of it. */
	await ann.page.reload();
	await ann.page.click('[data-id="@ben"]');
	await ann.sees('are you there?', 'I am');
	assert.deepEqual(await ann.texts(), ['are you there?', 'I am']);
});

test('the server says how a room and a person are spelt', async () => {
	const d = await Daemon.start();
	const bot = await Program.come(d, 'ᾳδης', 'lobby', 'straße', 'ᾳ');
	const ann = await Visitor.come(d, 'ann');
	for (const [other, shown] of [['STRASSE', 'straße'], ['ΑΙ', 'ᾳ']]) {
		await ann.say('/join ' + other);
		await ann.shows('#title', '#' + shown);
		await bot.say('heard in ' + shown, shown);
		await ann.sees('heard in ' + shown);
		await ann.say('/join ' + other.toLowerCase());
		await until(async () => await ann.page.inputValue('#text') === '',
			'the command to be done');
		assert.equal(await ann.page.textContent('#fault'), '');
	}
	await bot.ask({ cmd: 'tell', to: 'ann', text: 'psst' });
	await ann.shows('#people .name', 'ᾳδης');
	await ann.say('/msg ΑΙΔΗΣ it is me');
	await ann.shows('#title', 'ᾳδης');
	await ann.sees('psst', 'it is me');
	assert.equal((await ann.page.$$('#people li')).length, 1);
	/* A link is kept as what the server calls it, or not at all. */
	await ann.tab(d, '#ΑΙ');
	await ann.enter('ann2');
	await ann.shows('#title', '#ᾳ');
	await ann.tab(d, '#' + encodeURIComponent('no/such'));
	await ann.enter('ann3');
	await ann.shows('#title', '#lobby');
	await ann.page.reload();
	await ann.shows('#title', '#lobby');
	const { rooms } = JSON.parse(await ann.page.evaluate(() =>
		localStorage.partyline));
	assert.deepEqual(rooms, ['lobby', 'straße', 'ᾳ']);
});

test('what is kept: seldom, little, and by all tabs', async () => {
	const d = await Daemon.start();
	const bot = await Program.come(d, 'bot', 'lobby', 'constructor',
		'__proto__', 'garden');
	const ann = await Visitor.come(d, 'ann');
	const first = ann.page;
	await first.evaluate(() => {
		const { stringify } = JSON;
		window.kept = 0;
		JSON.stringify = x => {
			window.kept += !!x.told;
			return stringify(x);
		};
		window.began = performance.now();
	});
	for (let i = 0; i < 120; i++)
		await bot.ask({ cmd: 'tell', to: 'ann', text: i + 'x'.repeat(3000) });
	await ann.shows('#people .badge', /^120/);
	const [kept, seconds] = await first.evaluate(() => [window.kept,
		(performance.now() - window.began) / 1000]);
	assert.ok(kept <= seconds + 1, kept + ' times in ' + seconds + ' s');
	/* Sixty people: the first ones go, and what they said with them. */
	for (let i = 0; i < 60; i++) {
		const p = await Program.come(d, 'p' + i);
		await p.ask({ cmd: 'tell', to: 'ann', text: 'I am ' + i });
		p.socket.destroy();
	}
	await ann.shows('#people .name', 'p59');
	assert.equal((await ann.page.$$('#people li')).length, 50);
	assert.equal(await ann.page.$('[data-id="@p9"]'), null);
	/* Another tab enters a room; what the first keeps then does not undo it. */
	await ann.tab(d);
	await ann.enter('ann2');
	await ann.say('/join garden');
	await ann.shows('#title', '#garden');
	await ann.page.reload();
	ann.page = first;
	for (const name of ['constructor', '__proto__']) {
		await ann.say('/join ' + name);
		await ann.shows('#title', '#' + name);
		await bot.say('one', name);
		await ann.sees('one');
	}
	await ann.page.click('[data-id="#lobby"]');
	await bot.say('two', 'constructor');
	await bot.say('two', '__proto__');
	await ann.shows('[data-id="#__proto__"] .badge', /^1/);
	await first.reload();
	await ann.shows('[data-id="#constructor"] .badge', /^1/);
	await ann.shows('[data-id="#__proto__"] .badge', /^1/);
	await ann.shows('#rooms .name', 'garden');
	assert.ok((await first.evaluate(() => sessionStorage.partyline)).length <
		60000);
});

test('commands and what completes them', async () => {
	const d = await Daemon.start();
	await Program.come(d, 'barbara', 'lobby');
	const nc = await Person.come(d, 'nora');
	const ann = await Visitor.come(d, 'ann');
	const { page } = ann, text = () => page.inputValue('#text');
	const key = k => page.keyboard.press(k);
	await ann.shows('#list .name', 'barbara');
	await page.keyboard.type('/to');
	await ann.shows('#hints b', '/topic [TEXT]');
	await key('Tab');
	assert.equal(await text(), '/topic ');
	await page.keyboard.type('Tea at four');
	await key('Enter');
	await ann.shows('#topic', 'Tea at four');
	await nc.sees('Tea at four');
	await page.keyboard.type('/');
	/* All of them, and the last one is scrolled to. */
	const all = await page.$$eval('#hints li', o => o.length);
	assert.ok(all >= 13, all + ' commands');
	await key('ArrowUp');
	await until(() => page.$eval('#hints li:last-child', e => {
		const ul = e.parentNode.getBoundingClientRect();
		const at = e.getBoundingClientRect();
		return e.ariaSelected === 'true' && at.bottom <= ul.bottom + 1;
	}), 'the last command');
	await key('ArrowDown');
	await key('ArrowDown');
	assert.equal(await page.getAttribute('#text', 'aria-activedescendant'),
		'hints-1');
	await key('Enter');
	assert.equal(await text(), '/me ');
	await key('Escape');
	await page.fill('#text', 'bar');
	await key('Tab');
	assert.equal(await text(), 'barbara: ');
	await page.fill('#text', 'ask @no');
	await key('Tab');
	assert.equal(await text(), 'ask @nora ');
	await page.fill('#text', '/msg no');
	await key('Tab');
	assert.equal(await text(), '/msg nora ');
	await ann.say('/away at lunch');
	await ann.shows('#me-state', 'away: at lunch');
	nc.type('/who');
	await nc.sees('at lunch');
	await ann.say('/away');
	await ann.shows('#me-state', 'here');
	await ann.say('/who');
	await ann.notes('3 in #lobby:');
	await ann.say('//not a command');
	await nc.sees('<ann> /not a command');
	await ann.say('/nonsense');
	await ann.shows('#fault', /no command \/nonsense/);
	assert.equal(await text(), '/nonsense');
	await ann.say('/join a/b');
	await ann.shows('#fault', /name/);
	await ann.say('/join');
	await ann.shows('#fault', 'Usage: /join ROOM');
	await ann.say('/name Anna');
	await ann.shows('#me-name', 'Anna');
	await ann.notes('ann is now Anna');
	await ann.say('/name nora');
	await ann.shows('#fault', 'Somebody here has that name already.');
	await ann.say('/join garden');
	await ann.shows('#title', '#garden');
	await ann.say('/leave');
	await ann.shows('#title', '#lobby');
	assert.equal(await page.$('[data-id="#garden"]'), null);
	/* Too long: it is told as it is typed, and stays in the box. */
	await page.fill('#text', 'x'.repeat(3600));
	assert.ok(!await page.isVisible('#left'));
	await page.fill('#text', 'x'.repeat(3600) + 'é'.repeat(240));
	await ann.shows('#left', '16 bytes left');
	for (const long of ['x'.repeat(17000), 'short\n' + 'x'.repeat(17000),
		'/me ' + 'x'.repeat(17000), '/msg nora ' + 'x'.repeat(17000)]) {
		await ann.say(long);
		await ann.shows('#fault', /^That is 12904 bytes too long/);
		assert.equal(await text(), long);
		assert.equal(await page.$('.failed, .pending'), null);
	}
	await page.fill('#text', 'x'.repeat(4097));
	await ann.shows('#left', '1 byte too long');
	await page.click('[data-id="#lobby"]');
	await ann.say('x'.repeat(4096));
	await ann.sees('x'.repeat(4096));
	assert.ok(!await page.isVisible('#left'));
	await ann.say('/help');
	assert.ok(await page.isVisible('#manual'));
	await key('Escape');
	await ann.say('/rooms');
	assert.ok(await page.isVisible('#finder'));
	await key('Escape');
	await ann.say('/quit');
	await page.waitForSelector('#name:focus');
	assert.equal(await page.inputValue('#name'), 'Anna');
	await nc.sees('Anna left');
});

test('with the keyboard alone', async () => {
	const d = await Daemon.start();
	const bot = await Program.come(d, 'bot', 'lobby', 'garden');
	for (let i = 0; i < 40; i++)
		await bot.say('line ' + i);
	const ann = await Visitor.open(d);
	const { page } = ann, key = k => page.keyboard.press(k);
	await page.keyboard.type('ann');
	await key('Enter');
	await page.waitForSelector('#text:focus');
	await page.keyboard.type('hello');
	await key('Shift+Enter');
	await page.keyboard.type('world');
	await key('Enter');
	await ann.sees('hello', 'world');
	/* Into another room by name, and back. */
	await key('Control+k');
	await page.waitForSelector('#query:focus');
	await page.keyboard.type('gard');
	await ann.shows('#found li', /garden/);
	await key('Enter');
	await ann.shows('#title', '#garden');
	await page.waitForSelector('#text:focus');
	await key('Alt+ArrowUp');
	await ann.shows('#title', '#lobby');
	/* A room that is not there yet. */
	await key('Control+k');
	await page.keyboard.type('cellar');
	await ann.shows('#found li', /make this room/);
	await key('Enter');
	await ann.shows('#title', '#cellar');
	await key('Alt+ArrowDown');
	await ann.shows('#title', '#lobby');
	/* What was said last. */
	await key('ArrowUp');
	assert.equal(await page.inputValue('#text'), 'hello\nworld');
	await page.fill('#text', '');
	/* Up, and back to the end. */
	const gap = () => page.$eval('#log', e =>
		e.scrollHeight - e.scrollTop - e.clientHeight);
	await key('PageUp');
	await until(async () => await gap() > 100, 'a page up');
	await key('Escape');
	assert.ok(await gap() < 2);
	/* Through everything by Tab, always visibly, and never caught. */
	const seen = new Set();
	for (let i = 0; i < 40; i++) {
		await key('Tab');
		const at = await page.evaluate(() => {
			const e = document.activeElement;
			return e === document.body ? null : {
				id: e.id || e.dataset.id, outline: e.id === 'text' ||
					getComputedStyle(e).outlineStyle !== 'none',
				size: e.getBoundingClientRect().width };
		});
		if (!at)
			continue;
		assert.ok(at.outline && at.size > 0, at.id + ' is not seen');
		seen.add(at.id);
	}
	for (const id of ['find', '#lobby', '#garden', 'help', 'topic',
		'leave', 'log', 'text', 'send', 'bot'])
		assert.ok(seen.has(id), id + ' is not reached');
	/* Somebody from the list of members. */
	await page.focus('#list [data-id=bot]');
	await key('Enter');
	await ann.shows('#title', 'bot');
	assert.equal(await ann.focus(), 'text');
	/* Typing anywhere is typing in the box. */
	await page.focus('#log');
	await page.keyboard.type('!');
	assert.equal(await page.inputValue('#text'), '!');
	await key('Control+/');
	await ann.shows('#manual h2', 'Commands and keys');
	await key('Escape');
	assert.ok(!await page.isVisible('#manual'));
});

test('what one may do about a person and a message', async () => {
	const d = await Daemon.start();
	const bot = await Program.come(d, 'bot', 'lobby');
	await bot.say('first');
	await bot.say('second');
	const ann = await Visitor.come(d, 'ann');
	const { page } = ann, key = k => page.keyboard.press(k);
	await ann.say('mine');
	await ann.sees('first', 'second', 'mine');
	const offered = () => page.$$eval('#acts button', all =>
		all.map(e => e.textContent));
	await page.click('#log .msg:has-text("second") .text', { button: 'right' });
	assert.deepEqual(await offered(), ['Answer bot', 'Talk with bot alone',
		'Copy the text', 'Ignore bot']);
	await page.click('#acts >> text=Answer bot');
	assert.equal(await page.inputValue('#text'), 'bot: ');
	assert.equal(await ann.focus(), 'text');
	assert.ok(!await page.isVisible('#acts'));
	await page.fill('#text', 'ask');
	/* By its button, which shows where the pointer is. */
	await page.hover('#log .msg:has-text("first")');
	await page.click('#log .msg:has-text("first") .more');
	assert.ok(await page.isVisible('#acts'));
	await key('Escape');
	assert.ok(!await page.isVisible('#acts'));
	assert.equal(await page.inputValue('#text'), 'ask');
	/* One's own has less. By keyboard: into the log, up and down, and back. */
	await page.focus('#log');
	await key('Enter');
	await key('Enter');
	assert.deepEqual(await offered(), ['Copy the text', 'Remove it…']);
	await key('Escape');
	await key('ArrowUp');
	await key('Enter');
	await key('ArrowDown');
	await axe(ann, 'menu');
	await key('Enter');
	await ann.shows('#title', 'bot');
	await page.click('[data-id="#lobby"]');
	assert.equal(await page.inputValue('#text'), 'ask');
	await page.click('#list [data-id=bot]', { button: 'right' });
	assert.deepEqual(await offered(), ['Talk alone', 'Mention', 'Ignore bot']);
	await key('ArrowDown');
	await key('Enter');
	assert.equal(await page.inputValue('#text'), 'ask bot ');
});

test('the daemon is killed: nothing is missing, nothing comes twice',
async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	let bot = await Program.come(d, 'bot', 'lobby');
	const ann = await Visitor.come(d, 'ann');
	await bot.say('first');
	await ann.say('second');
	await ann.sees('first', 'second');
	await d.kill();
	await ann.shows('#banner', /The connection is lost/);
	await ann.shows('#me-state', 'not connected');
	await ann.say('typed away 1');
	await ann.say('typed away 2');
	await ann.shows('.waiting .state',
		'Will be sent when the connection is back');
	/* It is not to be back before others have talked. */
	await ann.context.setOffline(true);
	await d.start();
	bot = await Program.come(d, 'bot', 'lobby');
	const missed = Array.from({ length: 80 }, (_, i) => 'missed ' + i);
	for (const text of missed)
		await bot.say(text);
	await ann.context.setOffline(false);
	await ann.sees('typed away 1', 'typed away 2', ...missed);
	await until(async () => !await ann.page.$('.pending'), 'all to be stored');
	assert.ok(!await ann.page.isVisible('#banner'));
	await bot.say('last');
	await ann.sees('last');
	const stored = await bot.texts();
	const shown = await ann.texts();
	assert.equal(shown.join('\n'), stored.join('\n'));
	assert.deepEqual(stored, ['first', 'second', ...missed, 'typed away 1',
		'typed away 2', 'last']);
	/* An orderly restart as well. */
	await d.stop();
	await ann.shows('#banner', /The connection is lost/);
	await d.start();
	await ann.page.evaluate(() => document.querySelector('#banner button')
		?.click());
	await ann.say('still here');
	await ann.sees('still here');
	assert.deepEqual((await ann.texts()).length, stored.length + 1);
});

test('what the operator does is told in words', async () => {
	const d = await Daemon.start({ drain_time: 0, store: 'sqlite' });
	const ann = await Visitor.come(d, 'ann');
	const ben = await Visitor.come(d, 'ben');
	await d.ctl('notice', 'Cake in the hall');
	await ann.notes('From the server: Cake in the hall');
	await d.ctl('kick', 'ann');
	await ann.shows('#banner',
		/operator of this server has ended your connection.*Come in again/);
	await ann.page.click('#banner button');
	await ann.enter('ann');
	await ann.say('here again');
	await ben.sees('here again');
	await d.ctl('drain');
	await ben.shows('#banner', /server is about to go.*What you write is sent/);
	await d.ended;
	d.process = null;
	await ben.say('later');
	await d.start();
	await ann.sees('later');
	await ben.sees('here again', 'later');
});

test('what is done in a room is told in words, later as well', async () => {
	const d = await Daemon.start();
	const boss = await Person.come(d, 'boss');
	const ann = await Visitor.come(d, 'ann');
	boss.type('/json');
	boss.type('{"cmd":"mute","room":"lobby","name":"ann","for":60,' +
		'"reason":"loud"}');
	await ann.notes('boss muted you for 1 minute: loud');
	boss.type('{"cmd":"unmute","room":"lobby","name":"ann"}');
	await ann.notes('boss unmuted you');
	await ann.say('oops');
	await boss.sees('"oops"');
	boss.type('{"cmd":"redact","room":"lobby","seq":3}');
	await ann.notes('boss removed a message');
	const ben = await Visitor.come(d, 'ben');
	await ben.notes('boss muted ann for 1 minute: loud');
	await ben.notes('boss removed a message');
});

test('another log: the page begins anew', async () => {
	const d = await Daemon.start();
	const ann = await Visitor.come(d, 'ann');
	for (const text of ['one', 'two', 'three'])
		await ann.say(text);
	await ann.sees('three');
	await d.kill();
	await ann.shows('#banner', /lost/);
	await d.start();
	await ann.notes('The history here begins anew.');
	await ann.say('four');
	await ann.sees('four');
	assert.deepEqual(await ann.texts(), ['four']);
});

test('a name that is taken, another tab, a reload', async () => {
	const d = await Daemon.start();
	const nc = await Person.come(d, 'nora');
	const ann = await Visitor.open(d);
	await ann.page.fill('#name', 'Nora');
	await ann.page.keyboard.press('Enter');
	await ann.shows('#door-error', /Somebody here is called Nora already/);
	assert.equal(await ann.focus(), 'name');
	await ann.page.fill('#name', 'a b');
	await ann.page.keyboard.press('Enter');
	await ann.shows('#door-error', /name/);
	await ann.enter('ann');
	await ann.say('here I am');
	await nc.sees('here I am');
	const first = ann.page;
	/* The second tab knows the name, and is told kindly. */
	await ann.tab(d);
	assert.equal(await ann.page.inputValue('#name'), 'ann');
	await ann.page.keyboard.press('Enter');
	await ann.shows('#door-error', /in another tab/);
	await ann.enter('ann2');
	await ann.sees('here I am');
	/* A reload takes its own name over. */
	await ann.page.reload();
	await ann.sees('here I am');
	await ann.shows('#me-name', 'ann2');
	/* So does a tab that was duplicated: the first one is told. */
	const session = await first.evaluate(() => sessionStorage.partyline);
	await ann.tab(d, '', session);
	await ann.shows('#me-name', 'ann');
	ann.page = first;
	await ann.shows('#banner', /come back elsewhere/);
	await first.click('text=Come in again');
	await ann.enter('ann3');
	await ann.say('me again');
	await nc.sees('<ann3> me again');
	nc.type('/who');
	await nc.sees('ann3');
});

const HOSTILE = [
	'<script>alert(1)</script>', '<img src=x onerror=alert(1)>',
	'"><svg onload=alert(1)>', "'><iframe src=javascript:alert(1)>",
	'javascript:alert(1)', 'https://a.example/"onmouseover="alert(1)',
	'http://a.example/<script>alert(1)</script>', '<a href=//evil>x</a>',
	'https://x.example/?q=</a><b>', '{{constructor.constructor("alert(1)")()}}',
	'${alert(1)}', '<style>*{display:none}</style>', '<!-- ', ']]>',
	'&lt;b&gt;&amp;', '<math><mi xlink:href="data:x,1">', '<base href=//evil>',
	'http://[', 'https://%', 'data:text/html,<script>alert(1)</script>',
	'<form action=javascript:alert(1)><button>', '\\u003cscript\\u003e',
	'__proto__', 'constructor', 'toString'
];

test('nothing anybody writes is ever HTML', async () => {
	const d = await Daemon.start();
	const eve = await Program.come(d, 'eve', 'lobby');
	const ann = await Visitor.come(d, 'ann');
	const count = () => ann.page.$$eval(
		'script, img, svg, iframe, style, base, form, math, object, embed',
		all => all.length);
	const before = await count();
	for (const text of HOSTILE) {
		await eve.say(text);
		await eve.say(text, 'lobby', 'action');
		await eve.say(text, 'lobby', 'notice');
		await eve.ask({ cmd: 'tell', to: 'ann', text });
		await eve.ask({ cmd: 'topic', room: 'lobby', topic: text });
		await eve.ask({ cmd: 'away', text });
	}
	await ann.sees(...HOSTILE, ...HOSTILE.map(t => 'eve ' + t));
	await ann.shows('#topic', HOSTILE.at(-1));
	for (const text of HOSTILE)
		await ann.say(text.startsWith('/') ? '/' + text : text);
	await ann.page.click('#list [data-id=eve]');
	await ann.sees(...HOSTILE);
	/* Names have no such characters, but letters that mean something. */
	for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty',
		'عَرَبي', 'שלום', 'ﷺ']) {
		const p = new Program(d);
		try {
			await p.ask({ cmd: 'login', name });
		} catch {
			continue;
		}
		await p.ask({ cmd: 'subscribe', room: 'lobby' });
		await p.ask({ cmd: 'subscribe', room: name });
		await p.say('I am ' + name);
		await ann.page.click('[data-id="#lobby"]');
		await ann.sees('I am ' + name);
		await p.ask({ cmd: 'tell', to: 'ann', text: 'psst ' + name });
		await ann.shows('#people .name', name);
	}
	await ann.say('/join __proto__');
	await ann.shows('#title', '#__proto__');
	await ann.page.keyboard.press('Control+k');
	await ann.shows('#found li', /eve/);
	await ann.page.keyboard.press('Escape');
	assert.equal(await count(), before);
	const links = await ann.page.$$eval('#log a', all =>
		all.map(a => [a.protocol, a.rel, a.target].join()));
	assert.deepEqual([...new Set(links)], []);
	await ann.page.click('[data-id="#lobby"]');
	const there = await ann.page.$$eval('#log a', all =>
		all.map(a => [a.protocol, a.rel, a.target].join()));
	assert.ok(there.length > 0);
	for (const link of there)
		assert.match(link, /^https?:,noopener noreferrer,_blank$/);
});

test('links are links', async () => {
	const d = await Daemon.start();
	const ann = await Visitor.come(d, 'ann');
	await ann.say('see https://example.org/a_(b)?c=d&e#f, (http://x.example/y). ' +
		'ftp://z.example HTTPS://UP.example/Q');
	await ann.page.waitForSelector('#log a');
	assert.deepEqual(await ann.page.$$eval('#log a', all =>
		all.map(a => [a.textContent, a.href])), [
		['https://example.org/a_(b)?c=d&e#f',
			'https://example.org/a_(b)?c=d&e#f'],
		['http://x.example/y', 'http://x.example/y'],
		['HTTPS://UP.example/Q', 'https://up.example/Q']]);
});

test('a name that is kept: the door, the dialog, a reload, a restart',
async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const ann = await Visitor.come(d, 'ann');
	const { page } = ann;
	await page.click('#own');
	assert.ok(!await page.isVisible('#old-password'));
	for (const [fresh, again, said] of [['', '', /A password, please/],
		[PASSWORD, BETTER, /not the same/], ['x', 'x', /[Pp]assword/]]) {
		await page.fill('#new-password', fresh);
		await page.fill('#again-password', again);
		await page.click('#keep');
		await ann.shows('#account-error', said);
	}
	await page.keyboard.press('Escape');
	await keepName(ann, PASSWORD);
	await noTrace(ann);
	/* It is her who comes back, without being asked. */
	await until(() => page.evaluate(() => JSON.parse(
		sessionStorage.partyline).token), 'the token');
	await page.reload();
	await ann.shows('#me-name', 'ann');
	await ann.say('back again');
	await ann.sees('back again');
	await d.kill();
	await ann.shows('#banner', /lost/);
	await d.start();
	await ann.say('and again');
	await ann.sees('back again', 'and again');
	/* Elsewhere it wants its password, or another name. */
	const two = await Visitor.open(d);
	await logIn(two, 'Ann', 'no cake at all');
	await two.shows('#door-error', /That password is wrong/);
	assert.equal(await two.focus(), 'password');
	await two.page.click('#other');
	assert.equal(await two.focus(), 'name');
	assert.ok(!await two.page.isVisible('#password'));
	await logIn(two, 'ann', PASSWORD);
	await two.sees('back again', 'and again');
	await two.shows('#me-name', 'ann');
	await noTrace(two);
	await two.say('from both');
	await ann.sees('from both');
	await ann.say('indeed');
	await two.sees('indeed');
	/* Another password; who is here stays. */
	await two.say('/password');
	await two.shows('#account-title', 'Another password');
	assert.equal(await two.focus(), 'old-password');
	const change = async old => {
		await two.page.fill('#old-password', old);
		await two.page.fill('#new-password', BETTER);
		await two.page.fill('#again-password', BETTER);
		await two.page.keyboard.press('Enter');
	};
	await change(BETTER);
	await two.shows('#account-error', /not the password until now/);
	await change(PASSWORD);
	await two.notes('Your password is another now.');
	await noTrace(two);
	await ann.say('still here');
	await two.sees('still here');
	/* Who quits leaves nothing that could come in again. */
	await two.say('/quit');
	await two.page.waitForSelector('#name:focus');
	const bot = new Program(d);
	await bot.ask({ cmd: 'login', name: 'ann', password: BETTER });
	await until(async () => (await bot.ask({ cmd: 'tokens' })).tokens
		.length === 1, 'only the first tab to be trusted');
	const [{ label }] = (await bot.ask({ cmd: 'tokens' })).tokens;
	await bot.ask({ cmd: 'revoke', label });
	await page.reload();
	await page.waitForSelector('#password:focus');
	await ann.shows('#door-error', /log in/);
	await page.keyboard.type(BETTER);
	await page.keyboard.press('Enter');
	await ann.sees('still here');
});

test('who is told something while away: both sides know', async () => {
	const d = await Daemon.start();
	const kim = await Program.come(d, 'kim');
	await kim.ask({ cmd: 'register', password: PASSWORD });
	const ann = await Visitor.come(d, 'ann');
	await ann.say('/msg kim one');
	await ann.sees('one');
	assert.equal(await ann.page.$('.note'), null);
	await kim.ask({ cmd: 'away', text: 'gone fishing' });
	await ann.say('two');
	await ann.notes('kim is away: gone fishing');
	await kim.ask({ cmd: 'away' });
	kim.socket.destroy();
	const bot = await Program.come(d, 'bot');
	await until(async () => !(await bot.ask({ cmd: 'who' })).members
		.some(m => m.name === 'kim'), 'kim to be gone');
	await ann.say('three');
	await ann.notes('kim is not here now');
	await ann.say('four');
	await ann.sees('three', 'four');
	const notes = await ann.page.$$eval('.note .text', all =>
		all.map(e => e.textContent));
	assert.equal(new Set(notes).size, notes.length, notes.join());
	const back = await Visitor.open(d);
	await logIn(back, 'kim', PASSWORD);
	/* The first two have reached kim already. */
	await back.shows('[data-id="@ann"] .badge', /^2/);
	await back.page.click('[data-id="@ann"]');
	await back.sees('one', 'two', 'three', 'four');
});

test('too many passwords: how long to wait, then it goes on by itself',
async () => {
	const d = await Daemon.start({ login_tries: 2, login_tries_window: '6s' });
	const ann = await Program.come(d, 'ann', 'lobby');
	await ann.ask({ cmd: 'register', password: PASSWORD });
	const v = await Visitor.open(d);
	await logIn(v, 'ann', 'wrong');
	const retry = async password => {
		await until(() => v.page.evaluate(() =>
			document.activeElement.id === 'password' &&
			document.activeElement.value === ''), 'the next try');
		await v.page.keyboard.type(password);
		await v.page.keyboard.press('Enter');
	};
	await v.shows('#door-error', /password is wrong/);
	await retry('wrong again');
	await retry(PASSWORD);
	await v.shows('#door-error', /too often. The next try is in \d+ s/);
	await v.shows('#me-name', 'ann');
	await noTrace(v);
	/* The same at another password: what takes long is said, and not awaited. */
	const slow = await Daemon.start({ login_tries: 2,
		login_tries_window: '1h' });
	const ben = await Visitor.come(slow, 'ben');
	await keepName(ben, PASSWORD);
	await ben.say('/password');
	for (const said of [/until now/, /until now/, /too often.* in \d+ s/]) {
		await ben.page.fill('#old-password', 'wrong');
		await ben.page.fill('#new-password', BETTER);
		await ben.page.fill('#again-password', BETTER);
		await ben.page.keyboard.press('Enter');
		await ben.page.waitForSelector('#keep:enabled');
		await ben.shows('#account-error', said);
	}
});

test('an account: what came while away, once, and what was read elsewhere',
async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const bot = await Program.come(d, 'bot', 'lobby', 'garden', 'cellar');
	const ann = await Visitor.come(d, 'ann');
	await keepName(ann, PASSWORD);
	await ann.say('/leave');
	await ann.say('/join lobby');
	await ann.say('/join garden');
	await ann.shows('#title', '#garden');
	await bot.say('read', 'garden');
	await ann.sees('read');
	await bot.ask({ cmd: 'tell', to: 'ann', text: 'told and read' });
	await ann.page.click('[data-id="@bot"]');
	await ann.sees('told and read');
	/* The server knows what is read before she goes. */
	await until(async () => {
		const p = new Program(d);
		const { rooms } = await p.ask({ cmd: 'login', name: 'ann',
			password: PASSWORD });
		p.socket.destroy();
		return rooms.find(r => r.room === 'garden')?.unread === 0;
	}, 'it to be marked');
	await ann.say('/quit');
	await ann.page.waitForSelector('#name:focus');
	for (let i = 0; i < 3; i++)
		await bot.say('missed ' + i, 'garden');
	for (let i = 0; i < 80; i++)
		await bot.say('missed ' + i, 'lobby');
	await bot.ask({ cmd: 'tell', to: 'ann', text: 'told 1' });
	await bot.ask({ cmd: 'tell', to: 'ann', text: 'told 2' });
	const two = await Visitor.open(d);
	await logIn(two, 'ann', PASSWORD);
	await two.shows('#me-name', 'ann');
	await two.shows('[data-id="#garden"] .badge', /^3/);
	await two.shows('[data-id="@bot"] .badge', /^2/);
	await two.page.click('[data-id="#garden"]');
	await two.sees('read', 'missed 0', 'missed 2');
	assert.deepEqual(await two.page.$$eval('.new', all => all.map(e =>
		e.parentNode.querySelector('.text').innerText)), ['missed 0']);
	await two.page.click('[data-id="@bot"]');
	await two.sees('told and read', 'told 1', 'told 2');
	assert.deepEqual(await two.texts(), ['told and read', 'told 1', 'told 2']);
	await two.page.click('[data-id="#lobby"]');
	await two.sees('missed 79');
	await two.title('#lobby · village');
	await two.page.reload();
	await two.sees('missed 79');
	await two.page.click('[data-id="@bot"]');
	await two.sees('told 1');
	assert.deepEqual(await two.texts(), ['told and read', 'told 1', 'told 2']);
	await two.title('bot · village');
	/* What was said before a room was entered is not unread. */
	await bot.say('old', 'cellar');
	await two.say('/join cellar');
	await two.shows('#title', '#cellar');
	await two.sees('old');
	await two.page.click('[data-id="#lobby"]');
	/* A third one, from nothing but the server. */
	const three = await Visitor.open(d);
	await logIn(three, 'ann', PASSWORD);
	await three.shows('#rooms .name', 'garden');
	await three.title('#lobby · village');
	assert.equal(await three.page.$('.badge'), null);
});

/* People who talk, for the eye and for axe. */
async function lively(d) {
	const say = async (who, text, kind) => {
		await who.say(text, 'lobby', kind);
	};
	const [mira, jonas, tea, lin] = await Promise.all(['mira', 'jonas',
		'kettle-bot', 'lin'].map(n => Program.come(d, n, 'lobby')));
	await Program.come(d, 'old-radio', 'lobby');
	await mira.ask({ cmd: 'topic', room: 'lobby',
		topic: 'Repair café on Saturday, and whatever else comes up' });
	await say(mira, 'Good morning! The hall is ours from nine. Who brings what?');
	await say(jonas, 'Two soldering irons, and the big box of screws.');
	await say(jonas, 'The list from last time is at ' +
		'https://repair.example/list if anybody wants it.');
	await say(lin, 'I can do sewing machines, but somebody has to carry mine up.');
	await say(mira, 'carries it up the stairs in her mind', 'action');
	await say(tea, 'The kettle is on. Four cups left.', 'notice');
	return { mira, jonas, tea, lin, say };
}

for (const [name, options] of Object.entries({
	light: {}, dark: DARK, narrow: NARROW, 'narrow and dark':
	{ ...NARROW, ...DARK }
})) {
	test('axe finds nothing: ' + name, async () => {
		const d = await Daemon.start();
		const { mira, lin, say } = await lively(d);
		const v = await Visitor.open(d, options);
		await axe(v, 'door');
		await v.page.keyboard.press('Enter');
		await v.shows('#door-error', /letter/);
		await axe(v, 'door with an error');
		const kim = await Program.come(d, 'kim', 'lobby');
		await kim.ask({ cmd: 'register', password: PASSWORD });
		await logIn(v, 'kim', 'wrong');
		await v.shows('#door-error', /wrong/);
		await axe(v, 'door with a password');
		await v.page.click('#other');
		await v.enter('ann');
		await lin.ask({ cmd: 'tell', to: 'ann', text: 'Do you sew?' });
		await lin.ask({ cmd: 'away', text: 'carrying' });
		await v.say('hello, all');
		await say(mira, 'ann: there you are');
		await v.say('/msg nobody lost');
		await v.page.waitForSelector('.failed');
		await axe(v, 'what failed');
		await v.page.keyboard.press('Alt+ArrowUp');
		await v.page.keyboard.press('Alt+ArrowUp');
		await v.shows('#title', '#lobby');
		await v.sees('ann: there you are');
		await v.page.waitForSelector('.mention');
		await axe(v, 'chat');
		await v.page.fill('#text', '/');
		await v.shows('#hints b', '/help');
		await axe(v, 'suggestions');
		await v.page.fill('#text', '');
		if (options.isMobile) {
			for (const [button, drawer] of [['#menu', '#side'],
				['#toggle', '#members']]) {
				await v.page.click(button);
				await until(() => v.page.$eval(drawer, e =>
					getComputedStyle(e).visibility === 'visible' &&
					e.getAnimations().length === 0), 'the drawer');
				await axe(v, drawer);
				await v.page.keyboard.press('Escape');
			}
		}
		await v.page.keyboard.press('Control+k');
		await v.shows('#found li', /lin/);
		await axe(v, 'finder');
		await v.page.keyboard.press('Escape');
		await v.page.keyboard.press('Control+/');
		await axe(v, 'manual');
		await v.page.keyboard.press('Escape');
		await v.say('/register');
		await v.page.waitForSelector('#new-password:focus');
		await v.page.keyboard.press('Enter');
		await v.shows('#account-error', /password/);
		await axe(v, 'account');
		await v.page.keyboard.press('Escape');
		/* Nothing sticks out sideways. */
		assert.ok(await v.page.evaluate(() => document.documentElement
			.scrollWidth <= innerWidth));
		const picture = await v.page.screenshot();
		assert.equal(picture.toString('latin1', 1, 4), 'PNG');
		await d.kill();
		await v.shows('#banner', /lost/);
		await v.say('typed away');
		await v.page.waitForSelector('.waiting');
		await axe(v, 'without a connection');
		await d.start();
	});
}

test('long words, right to left, narrow: everything wraps', async () => {
	const d = await Daemon.start();
	const bot = await Program.come(d, 'bot', 'lobby');
	await bot.ask({ cmd: 'topic', room: 'lobby', topic: 'w'.repeat(400) });
	await bot.say('w'.repeat(3000));
	await bot.say('https://example.org/' + 'a/'.repeat(300));
	await bot.say('שלום לכולם, this is mixed');
	await bot.say('👩‍👩‍👧‍👦'.repeat(50));
	await Program.come(d, 'n'.repeat(32), 'lobby');
	const v = await Visitor.come(d, 'ann', NARROW);
	await v.sees('שלום לכולם, this is mixed');
	const wide = await v.page.evaluate(() => [document.documentElement,
		document.getElementById('log')].filter(e =>
		e.scrollWidth > e.clientWidth).length);
	assert.equal(wide, 0);
	assert.equal(await v.page.$$eval('#log .text', all => all.map(e =>
		getComputedStyle(e).direction).filter(x => x === 'rtl').length), 1);
});

test('motion only where it is wanted', async () => {
	const d = await Daemon.start();
	const time = async reducedMotion => {
		const v = await Visitor.come(d, 'ann-' + reducedMotion,
			{ ...NARROW, reducedMotion });
		return v.page.$eval('#side',
			e => getComputedStyle(e).transitionDuration);
	};
	assert.equal(await time('no-preference'), '0.2s');
	assert.equal(await time('reduce'), '0s');
});

/* The README's picture, when asked for. */
if (process.env.PAGE_PICTURE) {
	test('a picture', async () => {
		const d = await Daemon.start({ server_name: 'village' });
		const { mira, jonas, tea, lin, say } = await lively(d);
		await Program.come(d, 'ben', 'lobby', 'garden', 'music');
		const v = await Visitor.come(d, 'ann', { colorScheme:
			process.env.PAGE_SCHEME || 'light' });
		for (const room of ['garden', 'music', 'lobby']) {
			await v.say('/join ' + room);
			await v.shows('#title', '#' + room);
		}
		await v.say('I bring the long table, and cake.');
		await v.sees('I bring the long table, and cake.');
		await say(lin, 'ann: what kind of cake? Asking for everybody.');
		await say(jonas, 'Asking very quietly.');
		await v.sees('Asking very quietly.');
		await v.say('Plum.');
		await v.say('And there is enough of it for the one who carries the ' +
			'sewing machine.');
		await v.sees('Plum.');
		await say(mira, 'I am on my way to the stairs.');
		await jonas.ask({ cmd: 'subscribe', room: 'garden' });
		await jonas.say('The tomatoes are in.', 'garden');
		await jonas.say('All of them.', 'garden');
		await lin.ask({ cmd: 'tell', to: 'ann', text: 'Keep me a piece?' });
		await tea.ask({ cmd: 'away', text: 'out of water' });
		await v.shows('[data-id="@lin"] .badge', /^1/);
		await v.shows('[data-id="#garden"] .badge', /^2/);
		await v.page.click('[data-id="#music"]');
		await v.page.click('[data-id="#lobby"]');
		await v.shows('#list .muted', 'out of water');
		await v.sees('I am on my way to the stairs.');
		await v.page.mouse.move(600, 5);
		await v.page.screenshot({ path: process.env.PAGE_PICTURE });
	});
}

await main();
