/* The page: finding what was said. */
import assert from 'node:assert/strict';

import { Daemon, Program, main, test, until } from './harness.mjs';
import { DARK, NARROW, Visitor, axe, inSight } from './browser.mjs';

const hits = v => v.page.$$eval('#hits li', all =>
	all.map(e => [...e.querySelectorAll('b, .head .muted, .found')]
		.map(x => x.textContent)));

test('finding what was said: words, where, the way there and back',
async () => {
	const d = await Daemon.start();
	const bot = await Program.come(d, 'bot', 'lobby', 'garden');
	await bot.say('Where is the <b>Café</b> from the first day?');
	for (let i = 0; i < 250; i++)
		await bot.say('line ' + i);
	for (let i = 0; i < 30; i++)
		await bot.say('cafeteria ' + i, 'garden');
	const ann = await Visitor.come(d, 'ann');
	const { page } = ann, key = k => page.keyboard.press(k);
	await bot.ask({ cmd: 'tell', to: 'ann', text: 'the secret cafe' });
	await ann.sees('line 249');
	await ann.say('and mine');
	await ann.sees('and mine');
	await key('Control+Shift+F');
	await page.waitForSelector('#words:focus');
	await key('Enter');
	await ann.shows('#search-said', 'Which words?');
	await page.keyboard.type('CAFE');
	await key('Enter');
	await ann.shows('#search-said', '2 messages');
	assert.deepEqual(await hits(ann), [
		['bot', 'to you alone', 'the secret cafe'],
		['bot', '#lobby', 'Where is the <b>Café</b> from the first day?']]);
	assert.deepEqual(await page.$$eval('#hits mark', all =>
		all.map(e => e.textContent)), ['cafe', 'Café']);
	assert.equal(await page.$('#hits li b b, #hits .found b'), null);
	await axe(ann, 'what was found');
	/* In the room, with what was said around it; Escape is the way back. */
	await key('ArrowDown');
	await key('ArrowDown');
	await key('Enter');
	const first = 'Where is the <b>Café</b> from the first day?';
	await until(() => inSight(ann, first), 'what was found');
	await ann.sees('line 0', 'line 40');
	assert.ok(!(await ann.texts()).includes('line 200'));
	assert.match(await page.evaluate(() =>
		document.activeElement.textContent), /Café/);
	await bot.say('newest');
	await ann.shows('#pill', '1 new message ↓');
	await key('Escape');
	assert.ok(await page.isVisible('#search'));
	assert.match(await page.evaluate(() =>
		document.activeElement.textContent), /Café/);
	await key('ArrowUp');
	await key('Enter');
	await ann.shows('#title', 'bot');
	await until(() => inSight(ann, 'the secret cafe'), 'what was told');
	await key('Escape');
	await key('Escape');
	assert.ok(!await page.isVisible('#search'));
	await page.click('[data-id="#lobby"]');
	await key('Escape');
	await ann.sees('newest');
	await until(() => inSight(ann, 'newest'), 'the end');
	/* Page by page, here alone, and in a room one is not in. */
	await ann.say('/search cafe*');
	await ann.shows('#search-said', '20 messages, and perhaps more');
	await key('Escape');
	await page.click('#look');
	assert.equal(await page.inputValue('#words'), 'cafe*');
	await page.check('#here');
	await ann.shows('#search-said', '1 message');
	await page.uncheck('#here');
	await ann.shows('#search-said', '20 messages, and perhaps more');
	await page.click('#search-more');
	await ann.shows('#search-said', '32 messages');
	assert.ok(!await page.isVisible('#search-more'));
	await until(async () => /cafeteria 10/.test(await page.evaluate(() =>
		document.activeElement.textContent)), 'the focus on the next one');
	await key('Enter');
	await ann.shows('#title', '#garden');
	await until(() => inSight(ann, 'cafeteria 10'), 'it in its room');
	await ann.say('/search nowhere-at-all');
	await ann.shows('#search-said', 'Nothing was found.');
	await page.fill('#words', '!!!');
	await key('Enter');
	await page.waitForSelector('#search-said.error');
});

test('a long text is shown around what was found, and never as HTML',
async () => {
	const d = await Daemon.start();
	const bot = await Program.come(d, 'bot', 'lobby');
	await bot.say('word '.repeat(300) + '<img src=x onerror=alert(1)> needle ' +
		'tail '.repeat(100));
	const ann = await Visitor.come(d, 'ann', { ...NARROW, ...DARK });
	await ann.say('/search needle');
	await ann.shows('#search-said', '1 message');
	const [[, , text]] = await hits(ann);
	assert.match(text, /^… .*<img src=x onerror=alert\(1\)> needle .* …$/);
	assert.ok(text.length < 300);
	assert.equal(await ann.page.$('#hits img'), null);
	await axe(ann, 'what was found, in the dark');
	assert.ok(await ann.page.evaluate(() => document.documentElement
		.scrollWidth <= innerWidth));
	assert.deepEqual(await ann.page.$$eval('#hits mark', all =>
		all.map(e => e.textContent)), ['needle']);
});

test('what is removed meanwhile is not shown where it was found', async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const bot = await Program.come(d, 'bot', 'lobby', 'garden');
	const said = [];
	for (const [text, room] of [['a plum', 'lobby'], ['plum two', 'lobby'],
		['plum three', 'lobby'], ['the last plum', 'garden']])
		said.push((await bot.say(text, room)).seq);
	const remove = (i, room = 'lobby') =>
		bot.ask({ cmd: 'redact', room, seq: said[i] });
	const ann = await Visitor.open(d);
	await ann.between();
	await ann.enter('ann');
	const { page } = ann;
	const gone = 'This message was removed.';
	const found = async () => (await hits(ann)).map(h => h[2]);
	await ann.say('/search plum');
	await ann.shows('#search-said', '4 messages');
	await page.keyboard.press('ArrowDown');
	await remove(1);
	await until(async () => (await found()).includes(gone), 'it to be gone');
	assert.deepEqual(await found(),
		['the last plum', 'plum three', gone, 'a plum']);
	/* The focus stays where it is, and what is left can be gone to. */
	assert.match(await page.evaluate(() =>
		document.activeElement.textContent), /the last plum/);
	/* What is removed while an answer is under way is not in it. */
	const go = ann.hold(line => line.reply === 'search');
	await page.keyboard.press('Control+a');
	await page.focus('#words');
	await page.keyboard.press('Enter');
	await ann.shows('#search-said', 'Looking…');
	await remove(0);
	await ann.sees('plum three', gone);
	await until(async () => (await ann.texts()).filter(t => t === gone)
		.length === 2, 'both to be gone');
	await go();
	await ann.shows('#search-said', '2 messages');
	assert.deepEqual(await found(), ['the last plum', 'plum three']);
	/* Where one is not in the room it is seen when one comes back to it. */
	await page.keyboard.press('Escape');
	await remove(3, 'garden');
	assert.deepEqual(await found(), ['the last plum', 'plum three']);
	await page.click('#look');
	await until(async () => (await found())[0] === gone, 'it to be gone here');
	assert.deepEqual(await found(), [gone, 'plum three']);
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('Enter');
	await ann.shows('#title', '#garden');
	await ann.sees(gone);
	/* Nor does a page of history bring back what was removed on its way. */
	for (let i = 0; i < 100; i++)
		await bot.say('line ' + i);
	await page.click('[data-id="#lobby"]');
	await ann.sees('line 99');
	const on = ann.hold(line => line.reply === 'history');
	await page.reload();
	await ann.sees('line 99');
	await page.$eval('#log', e => { e.scrollTop = 0; });
	await remove(2);
	await ann.notes('bot removed a message');
	await on();
	await ann.sees('line 0');
	assert.deepEqual((await ann.texts()).slice(0, 3), [gone, gone, gone]);
});

await main();
