/* The page: names that are kept, and what waits for them. */
import assert from 'node:assert/strict';

import { Daemon, Program, main, test, until } from './harness.mjs';
import { BETTER, PASSWORD, Visitor, keepName, logIn, noTrace } from
	'./browser.mjs';

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
	await two.page.fill('#name', 'Ann');
	await two.page.keyboard.press('Enter');
	await two.shows('#door-error',
		'Ann is a registered name: its password, please.');
	assert.equal(await two.focus(), 'password');
	await two.page.click('#other');
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
	await ann.shows('#door-error',
		'ann is a registered name: its password, please.');
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
	const d = await Daemon.start({ login_tries: 2, login_tries_window: '12s' });
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

test('oneself by the mouse: away and back, another name, a token, and out',
async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const bot = await Program.come(d, 'bot', 'lobby');
	const ann = await Visitor.come(d, 'an');
	const { page } = ann;
	await page.click('#own');
	await ann.shows('#own-title', 'You are an');
	assert.equal(await ann.focus(), 'account-close');
	assert.ok(!await page.isVisible('#back'));
	assert.ok(!await page.isVisible('#tokens-part'));
	await page.fill('#away-text', 'in the cellar');
	await page.click('#away-do');
	await ann.shows('#lists-said', 'You are away now.');
	await ann.shows('#me-state', 'away: in the cellar');
	const { away } = (await bot.ask({ cmd: 'who' })).members
		.find(m => m.name === 'an');
	assert.equal(away, 'in the cellar');
	await page.click('#back');
	await ann.shows('#lists-said', 'You are back.');
	await ann.shows('#me-state', 'here');
	assert.equal(await page.inputValue('#away-text'), '');
	/* What is refused is told where one is, and looks so. */
	for (const [name, why] of [['bot', /bot|name/], ['a b!', /letters/],
		[' ', 'Which name?']]) {
		await page.fill('#other-name', name);
		await page.click('#name-form button');
		await ann.shows('#lists-said.error', why);
		await ann.shows('#own-title', 'You are an');
	}
	await page.fill('#other-name', 'ann');
	await page.click('#name-form button');
	await ann.shows('#lists-said:not(.error)', 'You are ann now.');
	await ann.shows('#own-title', 'You are ann');
	await ann.shows('#me-name', 'ann');
	await page.fill('#new-password', PASSWORD);
	await page.fill('#again-password', PASSWORD);
	await page.click('#keep');
	await ann.notes('ann is yours now');
	/* A secret for a program, shown once. */
	await page.click('#own');
	await page.waitForSelector('#tokens-part');
	assert.ok(!await page.isVisible('#name-form'));
	await page.click('#token-form button');
	await ann.shows('#lists-said.error', 'What is it for?');
	await page.fill('#token-label', 'dice');
	await page.selectOption('#token-time', { label: '30 days' });
	await page.click('#token-form button');
	await ann.shows('#tokens b', 'dice');
	await ann.shows('#tokens .muted', /^since .*, until /);
	const token = await page.innerText('#token');
	const dice = new Program(d);
	await dice.ask({ cmd: 'login', name: 'ann', token });
	/* One of the same label takes its place. */
	await page.fill('#token-label', 'dice');
	await page.click('#token-form button');
	await until(async () => await page.innerText('#token') !== token,
		'another token');
	assert.equal((await page.$$('#tokens li')).length, 2);
	/* With it goes who came in by it. */
	await until(() => dice.events.some(e => e.event === 'bye' &&
		e.reason === 'revoked'), 'the end of that session');
	await page.click('#account-close');
	await page.click('#own');
	await ann.shows('#tokens b', 'dice');
	assert.ok(!await page.isVisible('#token-made'));
	assert.equal(await page.textContent('#token'), '');
	/* Out, and this tab does not come in again by itself. */
	await page.click('#quit');
	await page.waitForSelector('#name:focus');
	await until(async () => (await bot.ask({ cmd: 'who', room: 'lobby' }))
		.members.every(m => m.name !== 'ann'), 'nobody of that name');
	const back = new Program(d);
	await back.ask({ cmd: 'login', name: 'ann', password: PASSWORD });
	const { tokens } = await back.ask({ cmd: 'tokens' });
	assert.deepEqual(tokens.map(t => t.label), ['dice']);
});

await main();
