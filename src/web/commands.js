/* What can be typed behind a slash, and what completes it. */
import { fold } from './partyline.js';
import { whom } from './rules.js';

const plain = name => name.replace(/^[#@]/, '');
const one = args => args !== '' && !/\s/.test(args);

/*
 * Name, arguments, help, run(app, args), what names complete it. run may throw
 * what the server refused, or come back with false: wrong usage.
 */
export const commands = [
	['help', '', 'list the commands and keys', app => app.manual()],
	['me', 'TEXT', 'say what you do: /me waves',
		(app, args) => args !== '' && app.say(args, 'action')],
	['msg', 'NAME TEXT', 'say something to one person alone', msg, 'people'],
	['join', 'ROOM', 'enter a room, or make it',
		(app, args) => one(args) && app.join(plain(args)), 'rooms'],
	['leave', '[ROOM]', 'leave a room, or this one',
		(app, args) => app.leave(args), 'rooms'],
	['topic', '[TEXT]', "show the room's topic, or set it",
		(app, args) => app.topic(args)],
	['who', '[ROOM]', 'list who is in a room; * is everybody', who, 'rooms'],
	['away', '[TEXT]', 'say that you are away, or back',
		(app, args) => app.away(args)],
	['name', 'NEW', 'take another name',
		(app, args) => args !== '' && app.line.rename(args)],
	['register', '', 'keep your name, by a password', app =>
		app.line.guest ? app.account(true) :
			app.fault('Your name is yours already.')],
	['password', '', 'take another password', app => app.line.guest ?
		app.fault('Your name has none: /register.') : app.account(true)],
	['tokens', '', 'what logs in as you; a new one, for a program', app =>
		app.line.guest ?
			app.fault('Only an account has tokens: /register.') : app.account()],
	['room', 'ROOM', 'go to a room that you are in',
		(app, args) => one(args) && app.go(args), 'rooms'],
	['rooms', '[WORD]', 'find a room', (app, args) => app.find(args)],
	['search', '[WORDS]', 'find what was said',
		(app, args) => app.search(args)],
	['history', '', 'read older messages', app => app.older()],
	['catchup', '', 'to where the new messages begin', app => app.toNew()],
	...[['kick', 'send somebody out of this room'],
		['ban', 'keep somebody out'], ['mute', 'let somebody say nothing']]
		.map(([cmd, help]) => [cmd, 'NAME [TIME] [REASON]',
			help + (cmd === 'kick' ? '; TIME is 10m, 2h, 1d' : ''),
			order(cmd), 'people']),
	['unban', 'NAME', 'let somebody in again', order('unban')],
	['unmute', 'NAME', 'let somebody speak again', order('unmute')],
	['invite', 'NAME', 'make somebody a member of this room',
		order('invite'), 'people'],
	['op', 'NAME', 'make somebody an op', order('op'), 'people'],
	['deop', 'NAME', 'take a role away', order('deop'), 'people'],
	['owner', 'NAME', 'make somebody an owner of this room', order('owner'),
		'people'],
	['ignore', '[NAME]', 'hear no more of somebody; list whom', (app, args) =>
		(args ? one(args) && app.ignore(plain(args)) : app.account()),
	'people'],
	['unignore', 'NAME', 'hear of somebody again',
		(app, args) => one(args) && app.ignore(plain(args), false)],
	['bans', '', 'who is banned and muted here', setup],
	['set', '', 'what this room is like', setup],
	['configure', '', 'the same', setup],
	['redact', '', 'remove a message: choose one, then Enter', async app => {
		await app.note('Which message? ↑ and ↓ choose one, Enter opens ' +
			'its menu.');
		app.log.choose();
	}],
	['quit', '', 'go', app => app.quit()]
].map(([name, args, text, run, of]) =>
	({ name, usage: ('/' + name + ' ' + args).trim(), help: text, run, of }));

export const keys = [
	['Enter', 'send'],
	['Shift+Enter', 'a new line: another message'],
	['Tab', 'complete a name or command'],
	['↑', 'what you said last, in an empty box'],
	['Alt+↑, Alt+↓', 'the room above or below'],
	['Alt+Shift+↑, ↓', 'the next unread one'],
	['Ctrl+K', 'find a room or a person'],
	['Ctrl+Shift+F', 'find what was said; Esc there goes back'],
	['Ctrl+J', 'to where the new messages begin'],
	['Ctrl+/', 'this list'],
	['PgUp, PgDn', 'scroll'],
	['Enter, ↑, ↓', 'in the messages: from one to the next; Enter again ' +
		'opens its menu'],
	['Esc', 'close; then to the newest message']
];

function setup(app) {
	return app.current.room ? app.setup() : app.fault('This is no room.');
}

function order(cmd) {
	return (app, args) => {
		const fields = whom(args);
		return !fields ? false : !app.current.room ?
			app.fault('That is of a room.') : app.order(cmd, fields);
	};
}

const find = name => commands.find(c => c.name === name.toLowerCase());

async function who(app, args) {
	const room = args === '*' ? undefined : plain(args) || app.current.name;
	const rows = await app.line.who(room);
	return app.note(rows.length + (room ? ' in #' + room : ' here') + ': ' +
		rows.map(r => r.name + (r.away ? ' (away: ' + r.away + ')' : ''))
			.join(', '));
}

function msg(app, args) {
	const [, to, text] = /^(\S*)\s*(.*)$/s.exec(args);
	return to !== '' && app.tell(plain(to), text);
}

/* Runs "/name args", or tells the person what is wrong with it. */
export async function run(app, line) {
	const [, name, args] = /^\/(\S*)\s*(.*)$/s.exec(line), c = find(name);
	if (!c)
		app.fault('There is no command /' + name + '. /help lists them.');
	else if (await c.run(app, args.trim()) === false)
		app.fault('Usage: ' + c.usage);
}

/*
 * What could stand at the caret: {from, to, options: [{value, label, help}]}
 * or null. A bare name is only completed when asked to by the Tab key.
 */
export function complete(app, text, caret, asked) {
	const head = text.slice(0, caret);
	const from = head.search(/\S*$/), word = head.slice(from);
	const want = fold(plain(word)), mark = word.slice(0, word.search(/[^#@]|$/));
	const offer = options => options.length === 0 ? null :
		{ from, to: caret, options };
	const names = (of, end) => offer(app.names(of)
		.filter(n => fold(n).startsWith(want)).slice(0, 8)
		.map(n => ({ value: mark + n + end, label: mark + n, help: '' })));

	if (from === 0 && /^\/[^/]*$/.test(word))
		return offer(commands.filter(c => c.name.startsWith(want.slice(1)))
			.map(c => ({ value: '/' + c.name + ' ', label: c.usage,
				help: c.help })));
	const [, name] = /^\/(\S+)\s+\S*$/.exec(head) || [];
	const of = name && find(name)?.of;
	if (of || /^[#@]/.test(word))
		return names(of || (word[0] === '#' ? 'rooms' : 'people'), ' ');
	return asked && word ? names('people', from === 0 ? ': ' : ' ') : null;
}
