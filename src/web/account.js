/* The dialog about one's own name: to keep it, or another password for it. */
import { $, put } from './view.js';

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

	$('account-form').onsubmit = () => {
		submit();
		return false;
	};
	$('account-close').onclick = () => box.close();
	/* What was typed is not kept beyond it. */
	box.onclose = () => fields.forEach(f => { f.value = ''; });

	return () => {
		const { guest, name } = app.line;
		put('account-title', guest ? 'Keep this name' : 'Another password');
		put('account-help', guest ? 'With a password it is yours: nobody ' +
			'else can take it, your rooms and what is said to you wait for ' +
			'you, and you can be here from several places at once.' :
			'Whoever is here by the old one stays.');
		put('keep', guest ? 'Keep it' : 'Change it');
		put('account-error', '');
		$('account-name').value = name;
		$('old-password').closest('p').hidden = guest;
		app.lists();
		box.showModal();
		(guest ? fresh : old).focus();
		return true;
	};
}
