/* What keys do anywhere on the page, and the drawers of a narrow one. */
import { $ } from './view.js';

const narrow = matchMedia('(max-width: 860px)');
const touch = matchMedia('(pointer: coarse)');
const text = $('text');

export function keys(app) {
	/* Which drawer is open: side or members. */
	function drawer(which) {
		const chat = $('chat'), was = chat.dataset.open;
		chat.dataset.open = which || '';
		$('side').inert = narrow.matches && which !== 'side';
		$('members').inert = narrow.matches && which !== 'members';
		$('talk').inert = !!which;
		$('veil').hidden = !which;
		$('menu').ariaExpanded = String(which === 'side');
		$('toggle').ariaExpanded = String(which === 'members');
		if (which)
			(['[aria-current=true]', 'li button', 'button']
				.map(s => $(which).querySelector(s)).find(e => e)).focus();
		else if (was)
			$(was === 'side' ? 'menu' : 'toggle').focus();
	}

	function close() {
		drawer();
		if (!touch.matches)
			text.focus();
	}

	/* In the order of the sidebar. */
	function neighbour({ key, shiftKey }) {
		const all = [...document.querySelectorAll('.lists [data-id]')]
			.map(b => app.talks.get(b.dataset.id));
		const at = all.indexOf(app.current);
		const next = [...all.slice(at + 1), ...all.slice(0, at)];
		if (key === 'ArrowUp')
			next.reverse();
		return next.find(t => !shiftKey || t.unread) || app.current;
	}

	/* True if the key was for it. */
	function anyKey(e) {
		const { key } = e, command = e.ctrlKey || e.metaKey;
		const open = $('chat').dataset.open;
		if (!app.entered ||
		    document.querySelector('dialog[open], :popover-open'))
			return false;
		if (command && key === 'k') {
			app.find('');
		} else if (command && e.shiftKey && key.toLowerCase() === 'f') {
			app.search('');
		} else if (command && key === 'j') {
			app.toNew();
		} else if (command && key === '/') {
			app.manual();
		} else if (e.altKey && /^Arrow(Up|Down)$/.test(key)) {
			app.select(neighbour(e));
		} else if (key === 'Escape') {
			/* From what was found back to what else was. */
			if (document.activeElement === app.found && app.search.again())
				return true;
			if (!open)
				app.toEnd();
			close();
		} else {
			if (key.length === 1 && key !== ' ' && !command && !e.altKey &&
			    !open)
				text.focus();		// and the key goes there
			return false;
		}
		return true;
	}

	document.onkeydown = e => !anyKey(e);
	narrow.onchange = () => drawer();
	return { drawer, close };
}
