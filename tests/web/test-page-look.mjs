/* The page: what it looks like, to the eye and to axe. */
import assert from 'node:assert/strict';

import { Daemon, Program, main, test, until } from './harness.mjs';
import { DARK, NARROW, PASSWORD, Visitor, axe, logIn } from './browser.mjs';

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

test('the door fits, and says plainly what it wants', async () => {
	const d = await Daemon.start();
	const kim = await Program.come(d, 'kim');
	await kim.ask({ cmd: 'register', password: PASSWORD });
	for (const [width, height] of [[1280, 800], [390, 844], [360, 640],
		[320, 480]]) {
		const v = await Visitor.open(d, { viewport: { width, height } });
		/* In the middle, and not a pixel to scroll. */
		const { top, below, over } = await v.page.evaluate(() => {
			const e = document.documentElement;
			const at = document.getElementById('door-form')
				.getBoundingClientRect();
			return { top: at.top, below: innerHeight - at.bottom,
				over: e.scrollHeight - e.clientHeight };
		});
		assert.equal(over, 0, width + ' by ' + height);
		assert.ok(Math.abs(top - below) < 0.5, top + ' and ' + below);
	}
	const v = await Visitor.open(d, NARROW);
	const tone = () => v.page.$eval('#door-error', e =>
		getComputedStyle(e).color === getComputedStyle(document.body).color);
	await v.page.keyboard.press('Enter');
	await v.shows('#door-error', /one letter/);
	assert.ok(!await tone(), 'an error looks like one');
	await v.page.fill('#name', 'kim');
	await v.page.keyboard.press('Enter');
	await v.page.waitForSelector('#password:focus');
	await v.shows('#door-error',
		'kim is a registered name: its password, please.');
	assert.ok(await tone(), 'what is asked for is no error');
	assert.ok(await v.page.evaluate(() => document.getElementById('door-error')
		.getBoundingClientRect().bottom <= document.querySelector('#secret label')
		.getBoundingClientRect().top), 'it stands above the password');
	await v.page.keyboard.type('wrong');
	await v.page.keyboard.press('Enter');
	await v.shows('#door-error', /password is wrong/);
	assert.ok(!await tone(), 'a wrong one is an error');
});

test('by touch alone: drawers close, nothing lies upon a text', async () => {
	const d = await Daemon.start();
	const { mira, lin } = await lively(d);
	await lin.ask({ cmd: 'away', text: 'carrying things' });
	await mira.say('w '.repeat(300));
	await mira.say('w '.repeat(300));
	await mira.say('w '.repeat(300), 'lobby', 'action');
	const v = await Visitor.come(d, 'ann', NARROW);
	const { page } = v;
	await until(async () => (await v.texts()).length === 9, 'all of it');
	assert.deepEqual(await page.$$eval('#log .msg', all => all.filter(e => {
		const dots = e.querySelector('.more').getBoundingClientRect();
		if (Math.abs(dots.top - e.querySelector('.head, .text')
			.getBoundingClientRect().top) > 8)
			return true;
		return ['.text', 'time'].some(s => {
			const at = e.querySelector(s).getBoundingClientRect();
			return at.right > dots.left && at.bottom > dots.top &&
				at.top < dots.bottom;
		});
	}).map(e => e.innerText)), []);
	for (const [button, drawer] of [['#menu', '#side'],
		['#toggle', '#members']]) {
		await page.click(button);
		await page.click(drawer + ' .shut');
		await until(() => page.$eval(drawer, e => getComputedStyle(e)
			.visibility === 'hidden'), 'the drawer to close');
		assert.equal('#' + await v.focus(), button);
	}
	/* A menu is small, and leaves the rest as it was. */
	await page.click('#log .msg .more');
	assert.ok(await page.isVisible('#acts'));
	assert.equal(await page.$eval('#acts', e =>
		getComputedStyle(e, '::backdrop').backgroundColor), 'rgba(0, 0, 0, 0)');
	await page.keyboard.press('Escape');
	/* What is cut short is told in full. */
	assert.match(await page.getAttribute('#list [data-id=lin]', 'title'),
		/away: carrying things$/);
	await Program.come(d, 'gardener', 'garden');
	await page.keyboard.press('Control+k');
	await v.shows('#found li', /garden\s+1 here$/);
});

test('what is on a button is told to those who do not see it', async () => {
	const d = await Daemon.start();
	await lively(d);
	const v = await Visitor.come(d, 'ann', NARROW);
	const names = await v.page.$$eval('#chat button', all => all
		.filter(e => !e.closest('[hidden]')).map(e => [e.id || e.outerHTML,
			e.ariaLabel || e.textContent.trim() || e.title]));
	for (const [id, name] of names)
		assert.match(name, /\p{L}{3}/u, id + ' is called ' + name);
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
