/* The page: what happens to the connection, the server and oneself. */
import assert from 'node:assert/strict';

import { Daemon, Person, Program, main, relay, test, until } from
	'./harness.mjs';
import { Visitor } from './browser.mjs';

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

/* Each message that is stored is shown, once and in order. */
async function whole(v, bot) {
	let stored, shown;
	await until(async () => {
		stored = await bot.texts();
		shown = await v.texts();
		return shown.join('\n') === stored.join('\n');
	}, () => JSON.stringify(shown) + ' to be ' + JSON.stringify(stored), 20);
}

test('a laptop that slept, and a network that went: all is there, once',
async () => {
	const d = await Daemon.start({ store: 'sqlite' }), r = await relay(d);
	const bot = await Program.come(d, 'bot', 'lobby');
	const ann = await Visitor.come(r, 'ann');
	await bot.say('before');
	await ann.sees('before');
	/* Its connection is dead, and nobody has told it. */
	r.lull();
	for (let i = 0; i < 5; i++)
		await bot.say('slept ' + i);
	await ann.say('typed at once');
	await ann.context.setOffline(true);
	await ann.context.setOffline(false);
	await ann.shows('#banner', /^The connection is lost; trying again/);
	await ann.sees('slept 4', 'typed at once');
	await whole(ann, bot);
	await until(async () => !await ann.page.isVisible('#banner'),
		'the banner to go');
	/* It has come back as itself: nobody saw it go. */
	assert.ok(!bot.events.some(e => e.event === 'leave'));
	/* No network for a while: it is said, and what is typed waits. */
	await ann.context.setOffline(true);
	r.up = false;
	r.cut();
	await ann.shows('#banner', /^There is no network; trying again/);
	await ann.say('typed without');
	await ann.page.waitForSelector('.waiting');
	await bot.say('meanwhile');
	r.up = true;
	await ann.context.setOffline(false);
	await ann.sees('meanwhile', 'typed without');
	await whole(ann, bot);
	await until(async () => !await ann.page.$('.pending'), 'all to be stored');
});

test('how long it is until the next try is counted', async () => {
	const d = await Daemon.start(), ann = await Visitor.come(d, 'ann');
	await d.kill();
	const left = async () => Number(/again in (\d+) s/.exec(
		await ann.page.textContent('#banner'))?.[1]);
	/* Each wait is at least as long as the one before: it is less by itself. */
	const most = await until(async () => {
		const n = await left();
		return n >= 3 && n;
	}, 'a longer wait', 30);
	await until(async () => await left() < most, 'it to be less');
	await d.start();
	await until(async () => !await ann.page.isVisible('#banner'), 'the end');
});

test('cut again and again: no gap and nothing twice', async () => {
	const d = await Daemon.start({ store: 'sqlite' }), r = await relay(d);
	const bot = await Program.come(d, 'bot', 'lobby');
	const ann = await Visitor.come(r, 'ann');
	for (let i = 0; i < 30; i++) {
		await bot.say('bot ' + i);
		await ann.say('ann ' + i);
		if (i % 6 === 2)
			r.cut();
		if (i % 12 === 5) {
			/* Stored, but the answer is lost. */
			r.deaf = true;
			await ann.say('deaf ' + i);
			await until(async () => (await bot.texts()).includes('deaf ' + i) ||
				await ann.page.isVisible('#banner'), 'it to be stored');
			r.cut();
			r.deaf = false;
		}
		await ann.page.evaluate(() =>
			document.querySelector('#banner button')?.click());
	}
	await ann.sees('ann 29');
	await whole(ann, bot);
	await until(async () => !await ann.page.$('.pending'), 'all to be stored');
	const texts = await ann.texts();
	for (let i = 0; i < 30; i++)
		assert.ok(texts.includes('bot ' + i) && texts.includes('ann ' + i));
});

test('what could not be said comes back to be mended', async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const ann = await Visitor.come(d, 'ann');
	const box = () => ann.page.inputValue('#text');
	const long = 'x'.repeat(900) + ' and more';
	await d.kill();
	await ann.shows('#banner', /lost/);
	await ann.say(long);
	await ann.say('/me ' + long);
	await ann.say('//' + long);
	await ann.page.fill('#text', 'half written');
	/* It comes back, and takes less at once. */
	d.options.max_text = 500;
	await d.start();
	await ann.shows('.failed .state', /909 bytes; it may have 500/);
	await until(async () => (await ann.page.$$('.failed')).length === 3,
		'all to fail');
	const edit = () => ann.page.click('.failed >> text=Edit');
	await edit();
	assert.equal(await ann.focus(), 'text');
	assert.equal(await box(), 'half written\n' + long);
	await ann.shows('#left', '409 bytes too long');
	await ann.page.fill('#text', '');
	await edit();
	assert.equal(await box(), '/me ' + long);
	await ann.page.fill('#text', '');
	await edit();
	assert.equal(await box(), '//' + long);
	await until(async () => !await ann.page.$('.failed'), 'none to be left');
	await ann.page.fill('#text', '//shorter');
	await ann.page.keyboard.press('Enter');
	await ann.sees('/shorter');
	assert.equal((await ann.texts()).length, 1);
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

await main();
