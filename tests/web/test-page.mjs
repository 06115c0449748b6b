/* The page in a real browser, against the real daemon: what is said where. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { Daemon, Person, Program, TOP, diag, main, test, until } from
	'./harness.mjs';
import { DARK, Visitor } from './browser.mjs';

const WEB = join(TOP, 'src/web');

test('the page is small, whole and strict', async () => {
	const d = await Daemon.start();
	let size = 0, sent = 0;
	/* package.json is for Node, and not served. */
	const files = readdirSync(WEB).filter(f => f !== 'package.json');
	/* Modules are asked for at once, not as each is seen to want others. */
	const page = await (await fetch(d.url)).text();
	assert.deepEqual([...page.matchAll(/(?:preload" href|module" src)="(.*?)"/g)]
		.map(m => m[1]).sort(), files.filter(f => f.endsWith('.js')).sort());
	for (const file of files) {
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

await main();
