/* The door: a name, and the password of one that somebody keeps. */
import { $, put } from './view.js';

/* Why a connection went, as bye has it: for a while, or for good. */
export const lost = {
	shutdown: 'The server is being restarted',
	drain: 'The server is about to go, and asks all to come back later',
	upgrade: 'The server is being upgraded',
	'store-unavailable': 'The server cannot store messages just now',
	'server-full': 'The server is full'
};
export const ended = {
	replaced: 'You have come back elsewhere.',
	revoked: 'The token that this tab came in by has been revoked.',
	kicked: 'The operator of this server has ended your connection.',
	'read-timeout': 'The server has heard nothing for too long.'
};

/* come(name, password) is called with what was given. */
export function door(come) {
	const name = $('name'), password = $('password');
	let locked = false;

	/* lock: the name is kept, and wants its password; plain: nothing is wrong. */
	function show(words, { busy = false, lock = false, plain = busy } = {}) {
		$('chat').hidden = true;
		$('door').hidden = false;
		document.title = 'Partyline';
		put('door-error', words);
		$('door-error').className = plain ? 'plain' : 'error';
		if (busy) {
			put('come', 'Connecting…');
			return;
		}
		locked = lock;
		name.readOnly = lock;
		$('secret').hidden = $('other').hidden = !lock;
		put('come', lock ? 'Log in' : 'Come in');
		name.ariaInvalid = String(!!words && !lock);
		password.value = '';
		const field = lock ? password : name;
		field.focus();
		field.select();
	}

	$('door-form').onsubmit = () => {
		const n = name.value.trim();
		if (!n)
			show('A name has one letter at least.');
		else if (locked && !password.value)
			show('A password, please.', { lock: true });
		else
			come(n, locked ? password.value : '');
		return false;
	};
	$('other').onclick = () => show('');

	return { show, hide() {
		$('door').hidden = true;
		$('chat').hidden = false;
		password.value = '';
	} };
}
