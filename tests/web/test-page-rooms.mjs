/* The page: rooms kept in order, whom one hears, what comes in as oneself. */
import assert from 'node:assert/strict';

import { Daemon, Person, Program, main, test, until } from './harness.mjs';
import { DARK, NARROW, PASSWORD, Visitor, axe, keepName, logIn }
	from './browser.mjs';

const offered = v => v.page.$$eval('#acts button', all =>
	all.map(e => e.textContent));

/* Opens the menu of a member. */
async function about(v, name) {
	await v.shows('#list .name', name);
	await v.page.click('#list [data-id="' + name + '"]', { button: 'right' });
}

const choose = (v, what) => v.page.click('#acts >> text="' + what + '"');

for (const [name, options] of Object.entries({ light: {}, dark: DARK })) {
	test('a room kept in order: roles, mutes, kicks, bans: ' + name,
	async () => {
		const d = await Daemon.start({ store: 'sqlite' });
		const ann = await Visitor.come(d, 'ann', options);
		await ann.say('/join den');
		await ann.shows('#title', '#den');
		/* A guest's room stays open: nobody could open it again. */
		await ann.page.click('#setup');
		await ann.page.check('#set-private');
		await ann.page.click('#rules-save');
		await ann.shows('#rules-error', /register/);
		await ann.page.click('#rules-close');
		await keepName(ann, PASSWORD);
		const ben = await Visitor.come(d, 'ben', options);
		await ben.say('/join den');
		const cat = await Person.come(d, 'cat');
		cat.type('/join den');
		await cat.sees('You are in #den');
		await ann.shows('#list .tag', 'owner');
		/* Who may nothing is offered nothing. */
		await about(ben, 'cat');
		assert.deepEqual(await offered(ben),
			['Talk alone', 'Mention', 'Ignore cat']);
		await ben.page.keyboard.press('Escape');
		await about(ann, 'ben');
		assert.deepEqual(await offered(ann), ['Talk alone', 'Mention',
			'Make an op', 'Ignore ben', 'Mute…', 'Kick…', 'Ban…']);
		await axe(ann, 'menu');
		await choose(ann, 'Make an op');
		await ann.notes('You made ben an op');
		await ben.notes('ann made you an op');
		await ann.shows('#list .tag', 'op');
		await about(ben, 'ann');
		assert.deepEqual(await offered(ben),
			['Talk alone', 'Mention', 'Ignore ann']);
		await ben.page.keyboard.press('Escape');
		/* Its button does what the pointer's other one does. */
		await ben.page.hover('#list [data-id=cat]');
		await ben.page.click('#list [data-id="cat "]');
		await choose(ben, 'Mute…');
		await axe(ben, 'mute');
		await ben.page.selectOption('#act-time', '3600');
		await ben.page.fill('#act-reason', 'much too loud');
		await ben.page.keyboard.press('Enter');
		await ann.notes('ben muted cat for 1 hour: much too loud');
		await cat.sees('ben muted cat for 1 h: much too loud');
		/* What is set, who is muted, and that it ends. */
		await ann.page.click('#setup');
		await ann.shows('#mutes .who b', 'cat');
		await ann.shows('#mutes .muted', /^by ben, .*, until .*: much too loud$/);
		await axe(ann, 'what the room is like');
		await ann.page.click('#mutes button');
		await ann.shows('#rules-said', 'cat may speak again.');
		await ann.shows('#no-bans', /Nobody/);
		await ann.page.check('#set-private');
		await ann.page.fill('#set-pace', '30');
		await ann.page.click('#rules-save');
		await ann.shows('#rules-said', 'That is how it is now.');
		await ann.page.fill('#invite-name', 'dan');
		await ann.page.keyboard.press('Enter');
		await ann.page.click('#rules-close');
		await ben.notes('ann set that the room is private now, and that it ' +
			'takes one message a person in 30 seconds');
		await ann.shows('[data-id="#den"] .tag', 'private');
		await ben.shows('[data-id="#den"] .tag', 'private');
		/* Sent out: it is said, and one may come again. */
		await ben.say('/join lobby');
		await ann.say('/kick ben spamming');
		await ann.notes('You kicked ben: spamming');
		await ben.shows('[data-id="#den"] .tag', 'out');
		await ben.page.click('[data-id="#den"]');
		await ben.shows('#out-words', 'ann kicked you: spamming.');
		assert.ok(!await ben.page.isVisible('#text'));
		await axe(ben, 'sent out');
		await ben.page.click('#enter');
		await ben.shows('#out-words', /private/);
		await ann.page.click('#setup');
		await ann.page.uncheck('#set-private');
		await ann.page.fill('#set-pace', '0');
		await ann.page.keyboard.press('Enter');
		await ann.shows('#rules-said', 'That is how it is now.');
		await ann.page.click('#rules-close');
		await ben.page.click('#enter');
		await ben.page.waitForSelector('#text:focus');
		assert.ok(!await ben.page.isVisible('#out'));
		/* Banned, by the keyboard; a reload does not bring one in again. */
		await ann.page.focus('#list [data-id=ben]');
		await ann.page.keyboard.press('Shift+F10');
		await ann.page.keyboard.press('End');
		await ann.page.keyboard.press('Enter');
		await ann.shows('#act-title', 'Ban ben · #den');
		await ann.page.keyboard.press('Tab');
		await ann.page.keyboard.type('again <b>');
		await ann.page.keyboard.press('Enter');
		await ben.shows('#out-words', 'ann banned you: again <b>.');
		assert.ok(!await ben.page.isVisible('#enter'));
		await ben.page.reload();
		await ben.shows('#title', '#lobby');
		assert.equal(await ben.page.$('[data-id="#den"]'), null);
		await ben.say('/join den');
		await ben.shows('#fault', /You are banned from #den: again <b>/);
		await ann.say('/unban ben');
		await ann.notes('You unbanned ben');
		await ben.say('/join den');
		await ben.shows('#title', '#den');
		/* What was done before is told, and not done again. */
		await ben.notes('ann banned you: again <b>');
		await ben.say('still a guest');
		await ann.sees('still a guest');
	});
}

test('what is removed, who is muted, who is slow: plainly', async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const ann = await Visitor.come(d, 'ann');
	await keepName(ann, PASSWORD);
	await ann.say('/join den');
	await ann.shows('#title', '#den');
	const ben = await Visitor.come(d, 'ben');
	await ben.say('/join den');
	await ben.shows('#title', '#den');
	for (const text of ['one', 'my secret', 'three'])
		await ben.say(text);
	await ann.say('mine');
	await ann.sees('one', 'my secret', 'three', 'mine');
	await ben.sees('mine');
	const menu = (v, text) => v.page.click('#log .msg:has-text("' + text +
		'") .text', { button: 'right' });
	/* One's own, and for ops anybody's. */
	await menu(ben, 'mine');
	assert.ok(!(await offered(ben)).includes('Remove it…'));
	await ben.page.keyboard.press('Escape');
	await menu(ben, 'my secret');
	await choose(ben, 'Remove it…');
	await ben.shows('#act-text', 'my secret');
	assert.equal(await ben.focus(), 'act-reason');
	await axe(ben, 'to remove');
	await ben.page.keyboard.type('a slip');
	await ben.page.keyboard.press('Enter');
	const gone = 'This message was removed.';
	await ann.sees('one', gone, 'three', 'mine');
	await ann.notes('ben removed a message: a slip');
	await menu(ann, 'three');
	assert.deepEqual(await offered(ann), ['Answer ben',
		'Talk with ben alone', 'Copy the text', 'Remove it…', 'Ignore ben',
		'Mute ben…', 'Kick ben…', 'Ban ben…']);
	await choose(ann, 'Remove it…');
	await ann.page.click('#act-do');
	await until(async () => (await ben.texts()).filter(t => t === gone)
		.length === 2, 'both to be gone');
	await ann.page.reload();
	await until(async () => (await ann.texts()).join() ===
		['one', gone, gone, 'mine'].join(), 'them to stay gone');
	await ann.notes('ben removed a message: a slip');
	/* Muted: said at once, in the box, and at each try. */
	await ann.say('/mute ben 10m hush');
	await ben.notes('ann muted you for 10 minutes: hush');
	await until(() => ben.page.$eval('#text', e =>
		e.placeholder === 'You are muted in #den'), 'the box to say so');
	await ben.say('hm');
	await ben.shows('.failed .state', /You are muted in #den for another .*: hush/);
	await ben.page.click('text=Discard');
	await ann.say('/unmute ben');
	await ben.notes('ann unmuted you');
	/* Slow mode: what is too early waits; elsewhere one talks on. */
	await ann.say('/configure');
	await ann.page.fill('#set-pace', '3');
	await ann.page.check('#set-moderated');
	await ann.page.keyboard.press('Enter');
	await ann.shows('#rules-said', 'That is how it is now.');
	await ann.page.click('#rules-close');
	await until(() => ben.page.$eval('#text', e =>
		e.placeholder === 'Only members speak in #den'), 'the box to say so');
	await ann.shows('#list .tag', 'visitor');
	await about(ann, 'ben');
	await choose(ann, 'Make a member');
	await ben.notes('ann invited you');
	await ben.say('quick');
	await ben.say('quicker');
	await ben.shows('.waiting .state', /#den is slow/);
	await ben.say('/join lobby');
	await ben.say('not slow here');
	await ben.sees('not slow here');
	await ben.page.click('[data-id="#den"]');
	await ann.sees('quick', 'quicker');
	await until(async () => !await ben.page.$('.waiting'), 'it to be said');
});

test('an owner makes another, and only then gives it up', async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const ben = await Program.come(d, 'ben');
	await ben.ask({ cmd: 'register', password: PASSWORD });
	const ann = await Visitor.come(d, 'ann');
	await keepName(ann, PASSWORD);
	await ann.say('/join den');
	await ann.shows('#title', '#den');
	await ben.ask({ cmd: 'subscribe', room: 'den' });
	const give = 'Give your role up';
	await ann.page.click('#list [data-id=ann]', { button: 'right' });
	assert.ok(!(await offered(ann)).includes(give));
	await ann.page.keyboard.press('Escape');
	/* Who enters may have an account: that is asked. */
	await until(async () => {
		await about(ann, 'ben');
		const all = await offered(ann);
		await ann.page.keyboard.press('Escape');
		return all.includes('Make an owner');
	}, 'it to be known what ben is');
	await ann.shows('#list [data-id=ben] .tag', '');
	await about(ann, 'ben');
	await choose(ann, 'Make an owner');
	await ann.notes('You made ben an owner');
	await about(ann, 'ann');
	await choose(ann, give);
	await ann.notes('You gave a role up');
	await ann.page.click('#setup');
	await ann.shows('#rules-role', 'You are a member.');
});

test('a room for accounts alone: a guest is told so where one writes',
async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const ann = await Visitor.come(d, 'ann');
	await keepName(ann, PASSWORD);
	await ann.say('/join den');
	await ann.shows('#title', '#den');
	const ben = await Visitor.come(d, 'ben');
	await ben.say('/join den');
	await ben.shows('#title', '#den');
	await ann.page.click('#setup');
	await ann.page.check('#set-registered');
	await ann.page.click('#rules-save');
	await ann.shows('#rules-said', 'That is how it is now.');
	await ben.notes('lets only people with an account in now');
	const box = (v, words) => until(async () => await v.page.getAttribute(
		'#text', 'placeholder') === words, 'the box to say ' + words);
	await box(ben, 'Only who has an account speaks in #den');
	await box(ann, 'Message #den');
	await keepName(ben, PASSWORD);
	await box(ben, 'Message #den');
	await ben.say('so I may');
	await ann.sees('so I may');
});

test('what a guest may remove: only what was said since the guest came',
async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const boss = await Program.come(d, 'boss', 'den');
	const old = await Program.come(d, 'ben', 'den');
	await old.say('of a former ben', 'den');
	old.socket.destroy();
	await until(async () => !(await boss.ask({ cmd: 'who' })).members
		.some(m => m.name === 'ben'), 'the former one to be gone');
	const ben = await Visitor.come(d, 'ben');
	await ben.say('/join den');
	await ben.sees('of a former ben');
	await ben.say('mine');
	await ben.sees('mine');
	const offers = async (v, text) => {
		await v.page.click('#log .msg:has-text("' + text + '") .text',
			{ button: 'right' });
		const all = await offered(v);
		await v.page.keyboard.press('Escape');
		return all.includes('Remove it…');
	};
	assert.ok(await offers(ben, 'mine'));
	assert.ok(!await offers(ben, 'of a former ben'));
	assert.ok(await ben.page.$('#log .msg:has-text("former") .more'));
	/* By another connection, and by another name, it is another's. */
	await ben.page.reload();
	await ben.sees('mine');
	assert.ok(!await offers(ben, 'mine'));
	await ben.say('again mine');
	await ben.sees('again mine');
	assert.ok(await offers(ben, 'again mine'));
	await ben.say('/name bert');
	await ben.notes('ben is now bert');
	assert.ok(!await offers(ben, 'again mine'));
	await ben.say('/name ben');
	await ben.notes('bert is now ben');
	/* Whose name is kept, or who is an op, may. */
	await keepName(ben, PASSWORD);
	assert.ok(await offers(ben, 'again mine'));
	assert.ok(!await offers(ben, 'of a former ben'));
	await ben.say('and mine now');
	await ben.sees('and mine now');
	await ben.page.reload();
	await ben.sees('and mine now');
	assert.ok(!await offers(ben, 'of a former ben'));
	await ben.page.click('#log .msg:has-text("and mine now") .text',
		{ button: 'right' });
	await choose(ben, 'Remove it…');
	await ben.page.click('#act-do');
	await ben.sees('This message was removed.');
	const ann = await Visitor.come(d, 'ann');
	await ann.say('/join den');
	await ann.sees('again mine');
	assert.ok(!await offers(ann, 'again mine'));
	await boss.ask({ cmd: 'op', room: 'den', name: 'ann' });
	await ann.notes('boss made you an op');
	assert.ok(await offers(ann, 'again mine'));
});

test('roles are told, and an operator may everything', async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const bot = await Program.come(d, 'bot', 'den');
	const ann = await Visitor.come(d, 'ann', NARROW);
	await keepName(ann, PASSWORD);
	await ann.say('/join den');
	await ann.shows('#title', '#den');
	await ann.page.click('#setup');
	await ann.shows('#rules-role', 'You are a member.');
	assert.ok(!await ann.page.isVisible('#rules-save'));
	assert.ok(await ann.page.isDisabled('#set-private'));
	assert.ok(!await ann.page.isVisible('#sanctions'));
	await axe(ann, 'what a member sees');
	await ann.page.click('#rules-close');
	await bot.ask({ cmd: 'op', room: 'den', name: 'ann' });
	await ann.notes('bot made you an op');
	await ann.page.click('#setup');
	await ann.shows('#rules-role', 'You are an op here.');
	await axe(ann, 'what an op sees');
	assert.ok(await ann.page.evaluate(() => document.documentElement
		.scrollWidth <= innerWidth));
	await ann.page.click('#rules-close');
	await ann.say('/deop ann');
	await ann.notes('You gave a role up');
	await d.ctl('op', 'ann');
	await ann.page.reload();
	await ann.shows('#title', '#den');
	await ann.page.click('#setup');
	await ann.shows('#rules-role', 'You are an operator of this server.');
	assert.ok(await ann.page.isVisible('#rules-save'));
	await ann.page.click('#rules-close');
	/* Addresses are an operator's. */
	await ann.say('/ban ip:192.0.2.7 1h a bot');
	await ann.notes('You banned an address for 1 hour: a bot');
	await ann.say('/mute ip:no-address');
	await ann.shows('#fault', /address/);
	await ann.page.fill('#text', '');
	await ann.say('/bans');
	await ann.shows('#bans b', '192.0.2.7');
	await ann.page.click('#bans button');
	await ann.shows('#rules-said', '192.0.2.7 may come in again.');
	await ann.page.fill('#invite-name', 'no body!');
	await ann.page.click('#invite-form button');
	await ann.shows('#rules-said.error', /letters/);
});

test('by the keyboard alone: settings, and a message removed', async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const ann = await Visitor.come(d, 'ann');
	const { keyboard } = ann.page;
	await ann.say('/join den');
	await ann.shows('#title', '#den');
	await ann.say('one');
	await ann.say('a slip');
	await ann.sees('one', 'a slip');
	await ann.say('/set');
	await ann.page.waitForSelector('#rules-close:focus');
	await keyboard.press('Tab');
	assert.equal(await ann.focus(), 'set-private');
	await keyboard.press('Tab');
	await keyboard.press('Space');
	await keyboard.press('Enter');
	await ann.shows('#rules-said', 'That is how it is now.');
	await keyboard.press('Escape');
	await ann.notes('You set that the room lets only members speak now');
	await ann.say('/redact');
	await ann.page.waitForSelector('#log .msg:focus');
	await keyboard.press('Enter');
	await ann.page.waitForSelector('#acts button:focus');
	for (let i = 0; i < 10 && !await ann.page.$eval(':focus',
		e => /^Remove/.test(e.textContent)); i++)
		await keyboard.press('ArrowDown');
	await keyboard.press('Enter');
	await ann.shows('#act-text', 'a slip');
	await keyboard.type('a slip');
	await keyboard.press('Enter');
	await ann.sees('one', 'This message was removed.');
	await ann.notes('You removed a message: a slip');
});

test('who is ignored is not heard, until heard again', async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const eve = await Program.come(d, 'eve', 'lobby');
	const bob = await Program.come(d, 'bob', 'lobby');
	const ann = await Visitor.come(d, 'ann');
	await keepName(ann, PASSWORD);
	await eve.say('noise 1');
	await bob.say('voice 1');
	await ann.sees('noise 1', 'voice 1');
	await about(ann, 'eve');
	await choose(ann, 'Ignore eve');
	await ann.notes('You hear no more of eve.');
	await ann.shows('#list .tag', 'ignored');
	await eve.say('noise 2');
	await eve.ask({ cmd: 'tell', to: 'ann', text: 'noise 3' });
	await bob.say('voice 2');
	await ann.sees('voice 1', 'voice 2');
	assert.deepEqual(await ann.texts(), ['voice 1', 'voice 2']);
	await ann.page.reload();
	await ann.sees('voice 1', 'voice 2');
	assert.deepEqual(await ann.texts(), ['voice 1', 'voice 2']);
	assert.equal(await ann.page.$('[data-id="@eve"]'), null);
	await ann.shows('#list .tag', 'ignored');
	await ann.say('/ignore');
	await ann.shows('#ignored b', 'eve');
	await ann.shows('#tokens b', 'This tab');
	await axe(ann, 'the own dialog');
	await ann.page.click('#ignored button');
	await ann.shows('#lists-said', 'eve is heard again.');
	assert.ok(!await ann.page.isVisible('#ignored-part'));
	await ann.page.click('#account-close');
	await ann.sees('noise 1', 'voice 1', 'noise 2', 'voice 2');
	await eve.say('noise 4');
	await ann.sees('noise 4');
	await ann.say('/ignore EVE');
	await ann.notes('You hear no more of');
	assert.deepEqual(await ann.texts(), ['voice 1', 'voice 2']);
	await ann.say('/unignore eve');
	await ann.sees('noise 4');
});

test('tokens: listed, revoked, and of tabs only so many', async () => {
	const d = await Daemon.start({ store: 'sqlite' });
	const bot = new Program(d);
	await bot.ask({ cmd: 'login', name: 'ann' });
	await bot.ask({ cmd: 'register', password: PASSWORD });
	await bot.ask({ cmd: 'token', label: 'dice <b>' });
	for (let i = 0; i < 31; i++)
		await bot.ask({ cmd: 'token', label: 'page-old' + i });
	const ann = await Visitor.open(d, NARROW);
	await logIn(ann, 'ann', PASSWORD);
	const labels = async () => (await bot.ask({ cmd: 'tokens' })).tokens
		.map(t => t.label);
	await until(() => ann.page.evaluate(() => JSON.parse(
		sessionStorage.partyline).token), 'a token');
	const all = await labels();
	assert.equal(all.length, 32);
	assert.ok(all.includes('dice <b>'));
	assert.ok(!all.includes('page-old0') && all.includes('page-old1'));
	await ann.say('/password');
	await ann.shows('#tokens b', 'dice <b>');
	await ann.shows('#tokens b', 'This tab');
	await axe(ann, 'tokens');
	assert.ok(await ann.page.evaluate(() => document.documentElement
		.scrollWidth <= innerWidth));
	await ann.page.click('#tokens li:has-text("dice") button');
	await ann.shows('#lists-said', 'dice <b> wants the password from now on.');
	assert.ok(!(await labels()).includes('dice <b>'));
	await ann.page.click('#tokens li:has-text("This tab") button');
	await ann.shows('#lists-said', /^This tab wants/);
	await ann.page.reload();
	await ann.page.waitForSelector('#password:focus');
});

await main();
