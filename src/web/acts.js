/*
 * What one may do about a person or a message, and the menu that offers it:
 * one row an act, and who may not sees none of it.
 */
import { fold } from './partyline.js';
import { may, rank } from './rights.js';
import { roleOf } from './rules.js';
import { $, make } from './view.js';

const titles = { mute: 'Mute', kick: 'Kick', ban: 'Ban' };

const inRoom = app => app.current.room && !app.current.out;

/* May one do that here, to others, by what both are? */
function allowed(act) {
	return (app, it) => inRoom(app) && other(app, it) &&
		may(act, app.roleIn(app.current.role),
			it.role || roleOf(app.current, it.name || it.from));
}

/* One's own needs no role; but the name may have been a guest's before. */
function removable(app, it) {
	const { current, line } = app;
	if (!inRoom(app) || !it.seq || it.redacted)
		return false;
	return may('redact', app.roleIn(current.role)) ||
		(fold(it.from) === fold(line.name) &&
			(it.seq > current.since || it.time >= Date.parse(line.created)));
}

/* The only owner stays one. */
const resigns = (app, m) => m.role === 'op' || (m.role === 'owner' &&
	[...app.current.members.values()].some(o => o.role === 'owner' &&
		other(app, o)));

function order(cmd) {
	return (app, m) => app.order(cmd, { name: m.name })
		.catch(error => app.fault(error.message));
}

function other(app, it) {
	return (it.name || it.from) !== app.line.name;
}

/* of, label(it), may(app, it), run(app, it); it is a member or a message. */
const acts = [
	['person', () => 'Talk alone', other, (app, m) => app.tell(m.name, '')],
	['person', () => 'Mention', other, (app, m) => app.mention(m.name)],
	['message', it => 'Answer ' + it.from, other,
		(app, it) => app.mention(it.from)],
	['message', it => 'Talk with ' + it.from + ' alone',
		(app, it) => other(app, it) && app.current.room,
		(app, it) => app.tell(it.from, '')],
	['message', () => 'Copy the text', (app, it) => !it.redacted,
		(app, it) => navigator.clipboard.writeText(it.text)
			.catch(() => app.fault('The browser does not let it be copied.'))],
	['message', () => 'Remove it…', removable,
		(app, it) => app.act('redact', { seq: it.seq }, it.text)],
	['person', () => 'Make a member', (app, m) => m.role === 'visitor' &&
		allowed('invite')(app, m), order('invite')],
	['person', () => 'Take the voice away', (app, m) => m.role === 'member' &&
		app.current.settings?.moderated && allowed('voice')(app, m),
	order('deop')],
	['person', () => 'Make an op', (app, m) => rank(m.role) < rank('op') &&
		allowed('op')(app, m), order('op')],
	['person', () => 'Make an owner', (app, m) => m.guest === false &&
		rank(m.role) < rank('owner') && allowed('owner')(app, m),
	order('owner')],
	['person', () => 'Make an op no more', (app, m) => m.role === 'op' &&
		allowed('deop')(app, m), order('deop')],
	['person', () => 'Give your role up', (app, m) => inRoom(app) &&
		!other(app, m) && resigns(app, m), order('deop')],
	...['person', 'message'].flatMap(of => [true, false].map(on =>
		[of, it => (on ? 'Ignore ' : 'Hear again: ') + (it.name || it.from),
			(app, it) => other(app, it) &&
				app.ignores(it.name || it.from) !== on,
			(app, it) => app.ignore(it.name || it.from, on)
				.catch(error => app.fault(error.message))])),
	...['mute', 'kick', 'ban'].flatMap(cmd => ['person', 'message'].map(of =>
		[of, it => titles[cmd] + (it.from ? ' ' + it.from : '') + '…',
			allowed(cmd),
			(app, it) => app.act(cmd, { name: it.name || it.from })]))
].map(([of, label, may, run]) => ({ of, label, may, run }));

const box = $('acts');

/* open(of, it, e): at the pointer, or below what has the focus. */
export function menu(app) {
	const fitting = (of, it) => acts.filter(a => a.of === of && a.may(app, it));

	function open(of, it, e) {
		const fit = fitting(of, it);
		if (!fit.length)
			return false;
		box.replaceChildren(...fit.map(a => make('button', {
			textContent: a.label(it), role: 'menuitem', tabIndex: -1,
			onclick() {
				box.hidePopover();
				a.run(app, it);
			} })));
		box.ariaLabel = 'What to do about ' + (it.name || it.from);
		box.showPopover();
		const at = e.target.getBoundingClientRect();
		const pointer = e.clientX > 0 && e.type === 'contextmenu';
		const [x, y] = pointer ? [e.clientX, e.clientY] : [at.left, at.bottom];
		const fits = (v, room) => Math.max(8, Math.min(v, room - 8)) + 'px';
		box.style.left = fits(x, innerWidth - box.offsetWidth);
		box.style.top = fits(y, innerHeight - box.offsetHeight);
		box.firstChild.focus();
		return true;
	}

	box.onkeydown = e => {
		const all = [...box.children], at = all.indexOf(document.activeElement);
		const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[e.key];
		if (e.key === 'Tab')
			box.hidePopover();
		else if (to === undefined)
			return;
		else
			all.at(to % all.length).focus();
		e.preventDefault();
		e.stopPropagation();
	};
	open.any = (of, it) => fitting(of, it).length > 0;
	return open;
}
