/* The dialog about oneself: away, another name, a password for it, to go. */
import { $, put, tell } from './view.js';

const box = $('account');
const fields = ['old', 'new', 'again'].map(id => $(id + '-password'));

export function account(app) {
	const [old, fresh, again] = fields;

	function fail(words, field) {
		put('account-error', words);
		field?.focus();
		field?.select();
	}

	async function submit() {
		const { line } = app, { guest } = line;
		put('account-error', '');
		if (!guest && !old.value)
			return fail('What is the password until now?', old);
		if (!fresh.value)
			return fail('A password, please.', fresh);
		if (fresh.value !== again.value)
			return fail('These two are not the same.', again);
		$('keep').disabled = true;
		try {
			await (guest ? line.register(fresh.value) :
				line.passwd(old.value, fresh.value));
			box.close();
			app.changed(guest ? line.name + ' is yours now: from now on ' +
				'it wants its password.' : 'Your password is another now.');
		} catch (error) {
			const wrong = error.code === 'bad-password';
			const wait = error.reply?.retry_ms;
			fail(wrong ? 'That is not the password until now.' : wait ?
				'That was tried too often. Try again in ' +
				Math.ceil(wait / 1000) + ' s.' :
				error.message, wrong ? old : fresh);
		}
		$('keep').disabled = false;
	}

	/* One is told how it ended where one is, and again at one's name. */
	async function away(words) {
		try {
			await app.away(words);
			tell('lists-said', words ? 'You are away now.' : 'You are back.');
			show();
		} catch (error) {
			tell('lists-said', error.message, true);
		}
	}

	async function rename(name) {
		try {
			await app.line.rename(name);
			tell('lists-said', 'You are ' + app.line.name + ' now.');
			show();
		} catch (error) {
			tell('lists-said', error.message, true);
			$('other-name').select();
		}
	}

	function show() {
		const { guest, name } = app.line;
		put('own-title', 'You are ' + name);
		$('away-text').value = app.absent;
		$('back').hidden = !app.absent;
		$('other-name').value = '';
		$('name-form').hidden = !guest;
		$('account-name').value = name;
	}

	const forms = {
		account: submit,
		away: () => away($('away-text').value.trim()),
		name: () => $('other-name').value.trim() ?
			rename($('other-name').value.trim()) :
			tell('lists-said', 'Which name?', true)
	};
	for (const of in forms)
		$(of + '-form').onsubmit = () => {
			forms[of]();
			return false;
		};
	$('back').onclick = () => {
		away('');
		$('away-text').focus();
	};
	$('quit').onclick = () => app.quit();
	$('account-close').onclick = () => box.close();
	/* What was typed is not kept beyond it. */
	box.onclose = () => {
		fields.forEach(f => { f.value = ''; });
		put('token', '');
	};

	/* secret: it is about the password. */
	return secret => {
		const { guest } = app.line;
		show();
		put('account-title', guest ? 'Keep this name' : 'Another password');
		put('account-help', guest ? 'With a password it is yours: nobody ' +
			'else can take it, your rooms and what is said to you wait for ' +
			'you, and you can be here from several places at once.' :
			'Whoever is here by the old one stays.');
		put('keep', guest ? 'Keep it' : 'Change it');
		put('account-error', '');
		$('old-password').closest('p').hidden = guest;
		app.lists();
		if (!box.open)
			box.showModal();
		(!secret ? $('account-close') : guest ? fresh : old).focus();
		return true;
	};
}
