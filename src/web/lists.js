/* What the own dialog lists: who is ignored, and what logs in as oneself. */
import { fold } from './partyline.js';
import { spell } from './deeds.js';
import { $, make, put, said, tell, when } from './view.js';
import { tab } from './keep.js';

const PAGE = 'page-';		// what the labels of tabs begin with
const DAY = 86400, GOOD = [30 * DAY, 365 * DAY];	// s

const row = (name, more, button, label, onclick) => make('li', null,
	make('span.who', null, said('b', name), said('span.muted', more)),
	make('button.link', { textContent: button, ariaLabel: label, onclick }));

/*
 * A token for this tab. Where there are as many as there may be, that of the
 * page's oldest tab gives way, and nothing that is not a tab's: that tab goes on,
 * but asks for the password when it is loaded again.
 */
export async function tabToken(line, expires) {
	tab.label ||= PAGE + Math.random().toString(36).slice(2, 10);
	const ask = () => line.request('token', { label: tab.label, expires });
	try {
		return (await ask()).token;
	} catch (error) {
		if (error.code !== 'forbidden')
			throw error;
		const { tokens } = await line.request('tokens');
		const [oldest] = tokens.filter(t => t.label.startsWith(PAGE))
			.sort((a, b) => Date.parse(a.created) - Date.parse(b.created));
		if (!oldest)
			throw error;
		await line.request('revoke', { label: oldest.label, stay: true });
		return (await ask()).token;
	}
}

export function lists(app) {
	let names = new Map();	// whom one ignores, by folded name

	async function fetchIgnored() {
		const { ignored } = await app.line.request('ignored');
		names = new Map(ignored.map(i => [fold(i.name), i]));
	}

	/* Also used by menus and commands; shown at once, everywhere. */
	async function ignore(name, on = true) {
		const reply = await app.line.request(on ? 'ignore' : 'unignore',
			{ name });
		await fetchIgnored();
		if (on)
			app.hush(reply.name);
		else
			app.reread();
		app.note(on ? 'You hear no more of ' + reply.name + '.' :
			'You hear of ' + reply.name + ' again.');
	}

	async function showIgnored() {
		await fetchIgnored();
		const rows = [...names.values()].map(i => row(i.name,
			'since ' + when(Date.parse(i.since)), 'Hear again',
			'Hear again: ' + i.name, () => change(() =>
				ignore(i.name, false), i.name + ' is heard again.')));
		$('ignored').replaceChildren(...rows);
		$('ignored-part').hidden = !rows.length;
	}

	async function showTokens() {
		const { tokens } = app.line.guest ? { tokens: [] } :
			await app.line.request('tokens');
		$('tokens').replaceChildren(...tokens.map(t => {
			const what = t.label === tab.label ? 'This tab' :
				t.label.startsWith(PAGE) ? 'A tab of this page' : t.label;
			return row(what, 'since ' + when(Date.parse(t.created)) +
				(t.expires ? ', until ' + when(Date.parse(t.expires)) : ''),
			'Revoke', 'Revoke: ' + what, () => change(async () => {
				await app.line.request('revoke', { label: t.label });
				if (t.label === tab.label)
					tab.token = '';
			}, what + ' wants the password from now on.'));
		}));
		$('tokens-part').hidden = app.line.guest;
	}

	/* A secret that a program logs in with; shown, and kept nowhere. */
	async function makeToken(label, expires) {
		try {
			const { token } = await app.line.request('token',
				{ label, expires });
			put('token', token);
			$('token-made').hidden = false;
			$('token-label').value = '';
			tell('lists-said', '');
			await showTokens();
			getSelection().selectAllChildren($('token'));
			$('token-made').scrollIntoView({ block: 'nearest' });
		} catch (error) {
			tell('lists-said', error.message, true);
		}
	}

	$('token-time').append(...[0, ...GOOD].map(s => make('option',
		{ value: s, textContent: s ? spell(s) : 'For ever' })));
	$('token-form').onsubmit = () => {
		const label = $('token-label').value.trim();
		if (label)
			makeToken(label, Number($('token-time').value) || undefined);
		else
			tell('lists-said', 'What is it for?', true);
		return false;
	};

	const show = () => Promise.all([showIgnored(), showTokens()]);

	async function change(act, words) {
		try {
			await act();
			await show();
			tell('lists-said', words);
		} catch (error) {
			tell('lists-said', error.message, true);
		}
		$('account-close').focus();
	}

	return { ignore,
		ignores: name => names.has(fold(name)),
		fetchIgnored: () => fetchIgnored().catch(() => {}),
		lists() {
			tell('lists-said', '');
			$('ignored-part').hidden = $('tokens-part').hidden =
				$('token-made').hidden = true;
			show().catch(error => tell('lists-said', error.message, true));
		} };
}
