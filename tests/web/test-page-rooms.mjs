/* The page: finding what was said, and keeping rooms in order. */
import assert from 'node:assert/strict';

import { Daemon, Person, Program, main, test, until } from './harness.mjs';
import { DARK, NARROW, PASSWORD, Visitor, axe, keepName, logIn }
	from './browser.mjs';

const hits = v => v.page.$$eval('#hits li', all =>
	all.map(e => [...e.querySelectorAll('b, .head .muted, .found')]
		.map(x => x.textContent)));

const inSight = (v, text) => v.page.$$eval('#log .msg', (all, wanted) => {
	const log = document.getElementById('log').getBoundingClientRect();
	return all.some(e => {
		const at = e.getBoundingClientRect();
		return e.querySelector('.text').textContent === wanted &&
			at.top >= log.top && at.bottom <= log.bottom;
	});
}, text);

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
	const ann = await Visitor.come(d, 'ann');
	await ann.say('/search needle');
	await ann.shows('#search-said', '1 message');
	const [[, , text]] = await hits(ann);
	assert.match(text, /^… .*<img src=x onerror=alert\(1\)> needle .* …$/);
	assert.ok(text.length < 300);
	assert.equal(await ann.page.$('#hits img'), null);
	assert.deepEqual(await ann.page.$$eval('#hits mark', all =>
		all.map(e => e.textContent)), ['needle']);
});

test('where reading ended: a line, and the way to it', async () => {
	const d = await Daemon.start();
	const bot = await Program.come(d, 'bot', 'lobby', 'garden');
	for (let i = 0; i < 10; i++)
		await bot.say('read ' + i, 'garden');
	const ann = await Visitor.come(d, 'ann');
	await keepName(ann, PASSWORD);
	await ann.say('/join garden');
	await ann.sees('read 9');
	const { page } = ann, lines = () => page.$$eval('.new', all =>
		all.map(e => [e.textContent.replace(/\d/g, '0')
			.replace(/ .M$/, ''), e.parentNode.querySelector('.text').innerText]));
	await page.click('[data-id="#lobby"]');
	for (let i = 0; i < 3; i++)
		await bot.say('new ' + i, 'garden');
	await ann.shows('[data-id="#garden"] .badge', /^3/);
	await page.click('[data-id="#garden"]');
	await ann.sees('new 2');
	assert.deepEqual(await lines(), [['New since 00:00', 'new 0']]);
	/* It is in sight: nothing needs to be said of it. */
	assert.ok(!await page.isVisible('#since'));
	/* More than is there at first: it is fetched. */
	await page.click('[data-id="#lobby"]');
	await ann.say('/quit');
	await page.waitForSelector('#name:focus');
	for (let i = 0; i < 200; i++)
		await bot.say('missed ' + i, 'garden');
	const two = await Visitor.open(d);
	await logIn(two, 'ann', PASSWORD);
	await two.shows('[data-id="#garden"] .badge', /^200/);
	await two.page.click('[data-id="#garden"]');
	await two.sees('missed 199');
	await two.shows('#since', '↑ 200 new messages');
	await axe(two, 'what is new above');
	await two.page.keyboard.press('Control+j');
	await until(() => inSight(two, 'missed 0'), 'the first new one');
	await two.sees('new 2', 'missed 0', 'missed 30');
	assert.ok(!await two.page.isVisible('#since'));
	assert.match((await two.page.textContent('.new')), /^New since \d/);
	await two.page.keyboard.press('Escape');
	await until(() => inSight(two, 'missed 199'), 'the end');
	assert.equal(await two.page.evaluate(() =>
		document.activeElement.id), 'text');
});

await main();
