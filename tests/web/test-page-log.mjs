/* The page: what is shown of a room, how much of it, and what is new in it. */
import assert from 'node:assert/strict';

import { Daemon, Program, main, test, until } from './harness.mjs';
import { PASSWORD, Visitor, axe, inSight, keepName, logIn } from
	'./browser.mjs';

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

test('what happens in a room that is not at its end is bounded as well',
async () => {
	const d = await Daemon.start();
	const bot = await Program.come(d, 'bot', 'lobby');
	for (let i = 0; i < 50; i++)
		await bot.say('line ' + i);
	const ann = await Visitor.come(d, 'ann');
	await ann.sees('line 49');
	const to = top => ann.page.$eval('#log', (e, t) => {
		e.scrollTop = t;
	}, top);
	await to(0);
	await until(() => ann.page.$eval('#log', e => e.scrollTop < 40), 'the top');
	for (let i = 0; i < 20; i++)
		await Promise.all(Array.from({ length: 60 }, (_, j) => bot.ask({
			cmd: 'topic', room: 'lobby', topic: 'topic ' + (i * 60 + j) })));
	await ann.shows('#topic', 'topic 1199');
	await ann.shows('#pill', 'Jump to the newest ↓');
	const items = await ann.page.$$eval('#log .item', all => all.length);
	assert.ok(items <= 1000, items + ' are kept');
	await ann.sees('line 0');
	await bot.say('fresh');
	await ann.shows('#pill', '1 new message ↓');
	await ann.page.click('#pill');
	await ann.sees('line 49', 'fresh');
	assert.ok(!await ann.page.isVisible('#pill'));
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

test('a click counts, though the list changes under it', async () => {
	const d = await Daemon.start();
	const bot = await Program.come(d, 'bot', 'lobby', 'garden');
	const ann = await Visitor.open(d);
	await ann.enter('ann');
	await ann.say('/join garden');
	await ann.shows('#title', '#garden');
	await ann.page.hover('[data-id="#lobby"] .name');
	await ann.page.mouse.down();
	await bot.say('one', 'lobby');
	await until(async () => /^\(1\)/.test(await ann.page.title()), 'it');
	await bot.say('two', 'lobby');
	await until(async () => /^\(2\)/.test(await ann.page.title()), 'both');
	await ann.page.mouse.up();
	await ann.shows('#title', '#lobby');
	await ann.sees('two');
	/* And the list is as it is to be. */
	await until(async () => !await ann.page.$('#rooms .badge'), 'no badge');
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

test('what was told long ago: back in a talk with one person, and forth',
async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const first = await Program.come(d, 'ann');
	await first.ask({ cmd: 'register', password: PASSWORD });
	first.socket.destroy();		// what it took in would count as read
	const bot = await Program.come(d, 'bot'), eve = await Program.come(d, 'eve');
	const tell = (who, text) => who.ask({ cmd: 'tell', to: 'ann', text });
	const MANY = 2300;
	for (let i = 0; i < 5; i++)
		await tell(eve, 'eve ' + i);
	await Promise.all(Array.from({ length: MANY }, (_, i) =>
		tell(bot, 'told ' + i)));
	const ann = await Visitor.open(d);
	await logIn(ann, 'ann', PASSWORD);
	await ann.page.click('[data-id="@bot"]');
	await ann.sees('told ' + (MANY - 1));
	await ann.say('mine');
	await ann.sees('mine');
	const to = top => ann.page.$eval('#log', (e, t) => {
		e.scrollTop = t;
	}, top);
	const seen = new Set();
	/* Each once and in order, and never more than so many. */
	const look = async () => {
		const texts = await ann.texts();
		const told = texts.filter(t => t.startsWith('told'));
		const at = Number(told[0].slice(5));
		assert.deepEqual(told, told.map((_, i) => 'told ' + (at + i)));
		assert.ok(texts.length <= 1100, texts.length + ' are kept');
		told.forEach(t => seen.add(t));
		return texts;
	};
	await until(async () => {
		await to(0);
		return (await look()).includes('told 0');
	}, 'the first one', 30);
	assert.equal(seen.size, MANY);
	await ann.shows('#pill', 'Jump to the newest ↓');
	await tell(bot, 'fresh');
	await ann.shows('#pill', '1 new message ↓');
	await until(async () => {
		await to(1e9);
		return (await look()).includes('fresh');
	}, 'the newest one', 30);
	assert.deepEqual((await ann.texts()).slice(-3),
		['told ' + (MANY - 1), 'mine', 'fresh']);
	await until(async () => {
		await to(1e9);
		return !await ann.page.isVisible('#pill');
	}, 'the end');
	/* Up by far again, and back at once. */
	await until(async () => {
		await to(0);
		return (await look()).includes('told 700');
	}, 'older ones', 30);
	await ann.page.click('#pill');
	await until(() => inSight(ann, 'fresh'), 'the end');
	/* Who is not among the last ones is found as well, and so is a word. */
	await ann.say('/msg eve');
	await ann.shows('#title', 'eve');
	await ann.sees('eve 0', 'eve 4');
	assert.equal((await ann.texts()).length, 5);
	await ann.say('/search "told 7"');
	await ann.shows('#search-said', '1 message');
	await ann.page.keyboard.press('ArrowDown');
	await ann.page.keyboard.press('Enter');
	await ann.shows('#title', 'bot');
	await until(() => inSight(ann, 'told 7'), 'what was found');
	await look();
});

test('what a guest was told: all of it, as long as the connection lasts',
async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const bot = await Program.come(d, 'bot');
	const ann = await Visitor.come(d, 'ann');
	await Promise.all(Array.from({ length: 450 }, (_, i) =>
		bot.ask({ cmd: 'tell', to: 'ann', text: 'told ' + i })));
	await ann.shows('[data-id="@bot"] .badge', /^450/);
	await ann.page.click('[data-id="@bot"]');
	await ann.sees('told 449');
	/* Out of sight only some were kept. */
	assert.ok(!(await ann.texts()).includes('told 0'));
	await until(async () => {
		await ann.page.$eval('#log', e => { e.scrollTop = 0; });
		return (await ann.texts()).includes('told 0');
	}, 'the first one');
	assert.deepEqual(await ann.texts(),
		Array.from({ length: 450 }, (_, i) => 'told ' + i));
});

await main();
