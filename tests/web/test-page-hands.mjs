/* The page by hand: commands, keys, menus. */
import assert from 'node:assert/strict';

import { Daemon, Person, Program, main, test, until } from './harness.mjs';
import { Visitor, axe } from './browser.mjs';

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
	/* Many lines are many messages: that is asked once. */
	const lines = Array.from({ length: 12 }, (_, i) => 'line ' + i);
	await ann.say(lines.join('\n'));
	await ann.shows('#fault', /^These are 12 messages, one a line/);
	assert.equal(await text(), lines.join('\n'));
	assert.ok(!(await ann.texts()).includes('line 0'));
	await key('Enter');
	await ann.sees(...lines);
	assert.equal(await text(), '');
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

await main();
