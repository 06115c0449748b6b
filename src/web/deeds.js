/* What is done in a room to keep it in order: said in words, and taken in. */
import { fold } from './partyline.js';

const units = [[604800, 'week'], [86400, 'day'], [3600, 'hour'],
	[60, 'minute'], [1, 'second']];

export function spell(seconds) {
	const [s, unit] = units.find(u => seconds % u[0] === 0);
	const n = seconds / s;
	return n + ' ' + unit + (n === 1 ? '' : 's');
}

const flags = {
	private: ['is private now', 'is open to all again'],
	moderated: ['lets only members speak now', 'lets everybody speak again'],
	registered: ['lets only people with an account in now',
		'lets guests in again'],
	history: ['shows newcomers what was before',
		'does not show newcomers what was before']
};
export const SETTINGS = [...Object.keys(flags), 'presence', 'pace'];

function settingWords(name, value) {
	if (name === 'pace')
		return value ? 'takes one message a person in ' + spell(value) :
			'has no pace any more';
	if (name === 'presence')
		return 'tells of up to ' + value + ' who come and go';
	return flags[name][value ? 0 : 1];
}

const roleWords = (role, whom) => (role === 'none' ?
	'took the role of ' + whom + ' away' :
	'made ' + whom + (role === 'member' ? ' a member' : ' an ' + role));

const past = { kicked: 'kicked', banned: 'banned', unbanned: 'unbanned',
	muted: 'muted', unmuted: 'unmuted', invited: 'invited' };

/* "ann banned bob for 1 hour: spamming" */
export function sentence(e, me) {
	const who = name => (!name ? 'an address' :
		fold(name) === fold(me) ? 'you' : name);
	const by = fold(e.by) === fold(me) ? 'You' : e.by;
	const why = e.reason ? ': ' + e.reason : '';
	if (e.event === 'role' && fold(e.by) === fold(e.name))
		return by + ' gave a role up' + why;
	if (e.event === 'role')
		return by + ' ' + roleWords(e.role, who(e.name)) + why;
	if (e.event === 'redact')
		return by + ' removed a message' + why;
	if (e.event === 'configure')
		return by + ' set that the room ' + SETTINGS.filter(s => s in e)
			.map(s => settingWords(s, e[s])).join(', and that it ');
	return by + ' ' + past[e.event] + ' ' + who(e.name) +
		(e.for ? ' for ' + spell(e.for) : '') + why;
}

/* What it changes; what comes of the room's past changes messages alone. */
const changes = {
	role(talk, e, me) {
		const role = e.role !== 'none' ? e.role :
			talk.settings?.moderated ? 'visitor' : 'member';
		const row = talk.members.get(fold(e.name));
		if (row)
			row.role = role;
		if (me)
			talk.role = role;
	},
	invited: (talk, e, me) =>
		changes.role(talk, { ...e, role: 'member' }, me),
	kicked: gone,
	banned: gone,
	muted(talk, e, me) {
		if (me)
			talk.muted = e.for ? Date.now() + e.for * 1000 : Infinity;
	},
	unmuted(talk, e, me) {
		if (me)
			talk.muted = 0;
	},
	configure(talk, e) {
		talk.settings = { ...talk.settings, ...Object.fromEntries(
			SETTINGS.filter(s => s in e).map(s => [s, e[s]])) };
	}
};
export const deeds = [...Object.keys(changes), 'unbanned', 'redact'];

function gone(talk, e, me) {
	if (e.name)
		talk.members.delete(fold(e.name));
	if (me) {
		talk.out = sentence(e, e.name) + '.';
		talk.again = e.event === 'kicked' && !e.for;
	}
}

export function takeIn(talk, e, name) {
	if (e.event === 'redact') {
		talk.removed.add(e.target);
		const it = talk.items.find(i => i.seq === e.target);
		if (it)
			Object.assign(it, { redacted: true, text: '', changed: true });
	} else if (!(e.seq <= talk.head)) {
		changes[e.event]?.(talk, e, !!e.name && fold(e.name) === fold(name));
	}
}
