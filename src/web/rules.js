/* The dialogs that keep a room in order: an act with its reason, the room. */
import { fold } from './partyline.js';
import { may, rank } from './rights.js';
import { SETTINGS, spell } from './deeds.js';
import { $, make, put, said, tell, when } from './view.js';

const TIMES = [600, 3600, 86400, 604800];

/* Title, button, what no time means; none: it has no time. */
const kinds = {
	kick: ['Kick {}', 'Kick', 'May come back at once'],
	ban: ['Ban {}', 'Ban', 'For ever'],
	mute: ['Mute {}', 'Mute', 'For ever'],
	redact: ['Remove this message?', 'Remove it', '']
};

function acting(app) {
	const box = $('act'), time = $('act-time'), reason = $('act-reason');
	let doing;

	$('act-form').onsubmit = () => {
		$('act-do').disabled = true;
		const fields = { ...doing.fields, for: Number(time.value) || undefined,
			reason: reason.value.trim() || undefined };
		app.line.request(doing.cmd, fields).then(() => box.close(),
			error => put('act-error', error.message))
			.then(() => { $('act-do').disabled = false; });
		return false;
	};
	$('act-cancel').onclick = () => box.close();

	/* fields: of the command, besides time and reason; text: what goes. */
	return (cmd, fields, text = '') => {
		const [title, button, forever] = kinds[cmd];
		doing = { cmd, fields: { room: app.current.name, ...fields } };
		put('act-title', title.replace('{}', fields.name) + (cmd === 'redact' ?
			'' : ' · ' + app.current.title));
		put('act-do', button);
		put('act-text', text);
		put('act-error', '');
		$('act-text').hidden = !text;
		time.closest('p').hidden = !forever;
		time.replaceChildren(...[0, ...TIMES].map(s => make('option',
			{ value: forever ? s : 0, textContent: s ? spell(s) : forever })));
		time.value = cmd === 'mute' ? TIMES[0] : 0;
		reason.value = '';
		box.showModal();
		(forever ? time : reason).focus();
		return true;
	};
}

function setting(app) {
	const box = $('rules');
	let talk;

	function fields() {
		const out = { room: talk.name };
		for (const s of SETTINGS) {
			const f = $('set-' + s);
			const v = f.type === 'checkbox' ? f.checked : Number(f.value);
			if (v !== talk.settings?.[s])
				out[s] = v;
		}
		return out;
	}

	function fill(settings) {
		for (const s of SETTINGS) {
			const f = $('set-' + s);
			if (f.type === 'checkbox')
				f.checked = !!settings[s];
			else
				f.value = settings[s];
		}
	}

	const row = (cmd, s) => make('li', null, make('span.who', null,
		said('b', s.name || s.address),
		said('span.muted', 'by ' + s.by + ', ' + when(Date.parse(s.at)) +
			(s.until ? ', until ' + when(Date.parse(s.until)) : '') +
			(s.reason ? ': ' + s.reason : ''))),
	make('button.link', { textContent: cmd === 'unban' ? 'Let in again' :
		'Let speak again', ariaLabel: (cmd === 'unban' ? 'Let in again: ' :
		'Let speak again: ') + (s.name || s.address),
	onclick: () => undo(cmd, s) }));

	async function list() {
		const { bans, mutes } = await app.line.bans(talk.name);
		$('bans').replaceChildren(...bans.map(s => row('unban', s)));
		$('mutes').replaceChildren(...mutes.map(s => row('unmute', s)));
		$('no-bans').hidden = bans.length + mutes.length > 0;
		$('bans-title').hidden = !bans.length;
		$('mutes-title').hidden = !mutes.length;
	}

	async function undo(cmd, { name, address }) {
		try {
			await app.line.request(cmd, { room: talk.name,
				...(address ? { address } : { name }) });
			await list();
			tell('rules-said', (name || address) + (cmd === 'unban' ?
				' may come in again.' : ' may speak again.'));
			$('rules-close').focus();
		} catch (error) {
			tell('rules-said', error.message, true);
		}
	}

	$('rules-form').onsubmit = () => {
		put('rules-error', '');
		tell('rules-said', '');
		app.line.request('configure', fields()).then(reply => {
			talk.settings = reply;
			tell('rules-said', 'That is how it is now.');
		}, error => put('rules-error', error.message));
		return false;
	};
	$('invite-form').onsubmit = () => {
		const name = $('invite-name').value.trim().replace(/^@/, '');
		if (!name)
			tell('rules-said', 'Whom?', true);
		else
			app.line.request('invite', { room: talk.name, name }).then(reply => {
				tell('rules-said', (reply.name || name) + ' is a member now.');
				$('invite-name').value = '';
			}, error => tell('rules-said', error.message, true));
		return false;
	};
	$('rules-close').onclick = () => box.close();

	return async () => {
		talk = app.current;
		const own = app.roleIn(talk.role);
		try {
			talk.settings = await app.line.request('configure',
				{ room: talk.name });
			if (may('ban', own))
				await list();
		} catch (error) {
			return app.fault(error.message);
		}
		if (talk !== app.current || box.open)
			return true;
		fill(talk.settings);
		put('rules-title', talk.title);
		put('rules-role', rank(own) > 1 ? 'You are ' + (own === 'operator' ?
			'an operator of this server.' : own === 'op' ?
				'an op here.' : 'its owner.') :
			own === 'visitor' ? 'You may read here.' : 'You are a member.');
		tell('rules-said', '');
		put('rules-error', '');
		const owner = may('configure', own);
		$('rules-set').disabled = !owner;
		$('rules-save').hidden = !owner;
		$('invite-form').hidden = !may('invite', own);
		$('sanctions').hidden = !may('ban', own);
		box.showModal();
		$('rules-close').focus();
		return true;
	};
}

export const rules = app => ({ act: acting(app), setup: setting(app) });

const SECONDS = { s: 1, m: 60, min: 60, h: 3600, d: 86400, w: 604800 };

/*
 * "bob 1h spamming" as the fields of kick, ban and mute; null is wrong. This
 * server's operators may give "ip:192.0.2.7" for bob.
 */
export function whom(args) {
	const [, name, n, unit, reason] =
		/^@?(\S+)(?:\s+(\d+)(s|m|min|h|d|w)(?=\s|$))?\s*(.*)$/.exec(args) || [];
	return name ? { ...(name.startsWith('ip:') ? { address: name.slice(3) } :
		{ name }), for: n ? n * SECONDS[unit] : undefined,
	reason: reason || undefined } : null;
}

export const roleOf = (talk, name) =>
	talk.members.get(fold(name))?.role || 'none';
