/* What it looks like. What people wrote becomes text nodes and nothing else. */
import { fold } from './partyline.js';

const DAY = 86400000;
const format = o => new Intl.DateTimeFormat(undefined, o);
const clock = format({ hour: '2-digit', minute: '2-digit' });
const day = format({ weekday: 'long', day: 'numeric', month: 'long',
	year: 'numeric' });
const short = format({ day: 'numeric', month: 'short' });

export const $ = id => document.getElementById(id);
export const put = (id, words) => { $(id).textContent = words; };
export const tell = (id, words, wrong) => {
	put(id, words);
	$(id).classList.toggle('error', !!wrong);
};
export const count = (n, what) => n + ' ' + what + (n === 1 ? '' : 's');

/* Once, soon. */
const due = new Set();
export function later(f, ms = 60) {
	if (due.has(f))
		return;
	due.add(f);
	setTimeout(() => {
		due.delete(f);
		f();
	}, ms);
}

/* make('button.link', { onclick } or 'text', node or text or null, …) */
export function make(what, props, ...children) {
	const [tag, ...classes] = what.split('.');
	const e = document.createElement(tag);
	if (e.type === 'submit')
		e.type = 'button';
	Object.assign(e, typeof props === 'string' ? { textContent: props } : props);
	e.classList.add(...classes);
	e.append(...children.filter(c => c));
	return e;
}

export const said = (what, text) =>
	make(what, { textContent: text, dir: 'auto' });

/* What stands where a message's text was. */
export const removed = () => make('i', 'This message was removed.');

export function tint(e, name) {
	let h = 0;
	for (const c of fold(name))
		h = Math.imul(h ^ c.codePointAt(0), 0x27d4eb2f);
	e.style.setProperty('--h', (h >>> 16) % 360);
	return e;
}

export const avatar = name => tint(make('span.avatar', { ariaHidden: 'true',
	textContent: [...name.replace(/^[-_.]+/, '') || name][0].toUpperCase() }),
	name);

/* A row of a list that is a button. */
export function row(id, look, icon, words, end, props) {
	const b = make('button', { className: look || '', ...props }, icon, words,
		...[end].flat());
	b.dataset.id = id;
	return make('li', null, b);
}

/* What is pressed and not let go of yet; the lists that wait for that, as a
 * click on a row that was exchanged meanwhile would be none. */
let pressed = null;
const waiting = new Map();
addEventListener('pointerdown', e => { pressed = e.target; }, true);
for (const end of ['pointerup', 'pointercancel'])
	addEventListener(end, () => setTimeout(() => {	// behind the click
		pressed = null;
		for (const [ul, rows] of waiting)
			fill(ul, rows);
	}), true);

/* The focus stays on what it was on. */
export function fill(ul, rows) {
	waiting.delete(ul);
	if (ul.contains(pressed)) {
		waiting.set(ul, rows);
		return;
	}
	const at = ul.contains(document.activeElement) &&
		document.activeElement.dataset.id;
	ul.replaceChildren(...rows);
	if (at)
		[...ul.querySelectorAll('button')].find(b => b.dataset.id === at)
			?.focus();
}

/* The text with its links; only what URL() takes for http(s) is one. */
export function linked(e, text) {
	let at = 0;
	for (const m of text.matchAll(/\bhttps?:\/\/[^\s<>"`]+/gi)) {
		let word = m[0].replace(/[.,;:!?'*\]}…»”]+$/, '');
		while (word.endsWith(')') && !word.includes('('))
			word = word.slice(0, -1);
		if (!URL.canParse(word))
			continue;
		e.append(text.slice(at, m.index), make('a', { textContent: word,
			href: word, target: '_blank', rel: 'noopener noreferrer' }));
		at = m.index + word.length;
	}
	e.append(text.slice(at));
	return e;
}

const midnight = time => new Date(time).setHours(0, 0, 0, 0);

function dayName(time) {
	const ago = Math.round((midnight(Date.now()) - midnight(time)) / DAY);
	return ['Today', 'Yesterday'][ago] || day.format(time);
}

export const when = time => (midnight(time) === midnight(Date.now()) ? '' :
	short.format(time) + ', ') + clock.format(time);

/* One item's node; its separators come and go with its neighbours. */
function nodeOf(item, on) {
	const text = said('div.text', '');
	if (item.note)
		return make('div.item.note', null, linked(text, item.text));
	const from = tint(said('b.from', item.from), item.from);
	const action = item.kind === 'action';
	if (item.redacted)
		text.append(removed());
	else
		linked(text, item.text);
	if (action)
		text.prepend(from, ' ');
	const body = make('div.body', null, make('div.head', null, !action && from,
		item.kind === 'notice' && make('span.tag', 'notice'),
		make('time', { textContent: clock.format(item.time),
			dateTime: new Date(item.time).toISOString() })), text);
	const e = make('div.item.msg', { tabIndex: -1 }, avatar(item.from), body);
	if (!item.state)
		body.append(make('button.more.icon', { textContent: '⋯', tabIndex: -1,
			ariaLabel: 'What to do with this', ariaHasPopup: 'menu',
			onclick: event => on.menu(item, event) }));
	e.classList.add(item.kind || 'text');
	e.classList.toggle('mention', !!item.mention);
	if (item.state) {
		e.classList.add('pending', item.state);
		const failed = item.state === 'failed';
		body.append(make('div.state', failed ? item.error :
			item.state === 'sent' ? 'Sending…' :
			item.why || 'Will be sent when the connection is back',
			failed && make('button.link', { textContent: 'Try again',
				onclick: () => on.retry(item) }),
			failed && make('button.link', { textContent: 'Edit',
				onclick: () => on.edit(item) }),
			failed && make('button.link', { textContent: 'Discard',
				onclick: () => on.discard(item) })));
	}
	return e;
}

/* isNew: when reading ended before it, if it did. */
function decorate(node, item, prev, isNew) {
	const newDay = !prev || midnight(prev.time) !== midnight(item.time);
	const grouped = !newDay && !isNew && !prev.note && !item.note &&
		prev.from === item.from && (prev.kind || 'text') === 'text' &&
		(item.kind || 'text') === 'text' && item.time - prev.time < 300000;
	const key = [newDay && dayName(item.time), isNew, grouped].join();
	if (node.decoration === key)
		return;
	node.decoration = key;
	node.querySelectorAll('.sep').forEach(s => s.remove());
	node.classList.toggle('grouped', grouped);
	if (isNew)
		node.prepend(make('div.sep.new', isNew));
	if (newDay)
		node.prepend(make('div.sep', dayName(item.time)));
}

/* Shows one talk, and keeps its place in it. */
export class Log {
	talk = null;
	stuck = true;		// at the end, and to stay there
	nodes = new Map();

	/* on: {older, newer, moved, scrolled, retry, edit, discard, menu} */
	constructor(e, on) {
		this.e = e;
		this.on = on;
		e.onscroll = () => this.#scrolled();
		/* Links and what is marked have the browser's own menu. */
		e.oncontextmenu = event => !getSelection().isCollapsed ||
			!!event.target.closest('a') || !this.#menu(event);
		e.onkeydown = event => !this.#key(event);
		new ResizeObserver(() => this.stuck && this.toEnd()).observe(e);
	}

	show(talk) {
		if (this.talk)
			this.talk.scroll = this.stuck ? null : this.e.scrollTop;
		const { scroll } = talk;
		this.talk = talk;
		this.nodes.clear();
		this.e.replaceChildren();
		this.stuck = true;
		this.sync();
		if (scroll !== null)
			this.e.scrollTop = scroll;
		this.#scrolled();
	}

	/* Soon: as many changes as there are become one. */
	update(talk) {
		if (talk !== this.talk || this.due)
			return;
		this.due = true;
		const run = () => {
			this.due = false;
			this.sync();
		};
		if (document.hidden)
			setTimeout(run, 50);
		else
			requestAnimationFrame(run);
	}

	toEnd() {
		this.stuck = true;
		this.e.scrollTop = this.e.scrollHeight;
	}

	sync() {
		const { talk, nodes, e } = this;
		if (this.stuck)
			talk.trim(500);
		const anchor = !this.stuck && this.#anchor();
		const top = anchor && anchor.getBoundingClientRect().top;
		const wanted = [...talk.items, ...talk.pending.filter(p => !p.shown)];
		const keep = new Set(wanted);
		for (const [item, node] of nodes) {
			if (!keep.has(item) || item.changed) {
				node.remove();
				nodes.delete(item);
			}
			item.changed = false;
		}
		/* Only what comes at the end is worth reading out. */
		let at = e.firstChild, prev, ended, quiet = !at || talk.quiet;
		let marked = talk.marker === null;
		talk.quiet = false;
		for (const item of wanted) {
			let node = nodes.get(item);
			if (!node) {
				nodes.set(item, node = nodeOf(item, this.on));
				quiet ||= at && !item.state && !at.matches('.pending');
			}
			const isNew = !marked && !item.own && !item.note &&
				item.seq > talk.marker && (ended ? 'New since ' + when(ended) :
				'New');
			marked ||= isNew;
			if (item.seq <= talk.marker)
				ended = item.time;
			decorate(node, item, prev, isNew);
			prev = item;
			if (quiet)
				e.ariaLive = 'off';
			if (node === at)
				at = at.nextSibling;
			else
				e.insertBefore(node, at);
		}
		if (quiet)
			setTimeout(() => { e.ariaLive = 'polite'; }, 200);
		if (this.stuck)
			this.toEnd();
		else if (anchor)
			e.scrollTop += anchor.getBoundingClientRect().top - top;
		this.#scrolled();
	}

	/* What is in sight first, and stays where it is. */
	#anchor() {
		const { scrollTop, children } = this.e;
		let low = 0, high = children.length - 1;
		while (low < high) {
			const mid = (low + high) >> 1, c = children[mid];
			if (c.offsetTop + c.offsetHeight > scrollTop)
				high = mid;
			else
				low = mid + 1;
		}
		return children[low]?.querySelector('.text');
	}

	#menu(event) {
		const node = event.target.closest('.msg');
		for (const [item, n] of this.nodes) {
			if (n === node && !item.state)
				return this.on.menu(item, event);
		}
		return false;
	}

	/* The newest message takes the focus, for the arrows to go on. */
	choose() {
		[...this.e.querySelectorAll('.msg')].at(-1)?.focus();
	}

	/* Enter, then the arrows: from message to message. */
	#key(event) {
		const { key, target } = event, all = [...this.e.querySelectorAll('.msg')];
		const at = all.indexOf(target);
		if (key === 'Enter' && at >= 0)
			return this.#menu(event);
		const to = key === 'Enter' && target === this.e ? all.at(-1) :
			at < 0 ? null : key === 'ArrowUp' ? all[at - 1] :
			key === 'ArrowDown' ? all[at + 1] : null;
		if (event.altKey || !to)
			return false;
		to.focus({ preventScroll: true });
		to.scrollIntoView({ block: 'nearest' });
		return true;
	}

	#scrolled() {
		const { scrollTop, scrollHeight, clientHeight } = this.e;
		const below = scrollHeight - scrollTop - clientHeight;
		this.stuck = below < 40 && !this.talk?.newer;
		if (this.talk && scrollTop < 300)
			this.on.older(this.talk);
		else if (this.talk?.newer && below < 300)
			this.on.newer(this.talk);
		if (this.stuck)
			this.on.moved();
		this.on.scrolled();
	}

	/* Whether what is new begins above what is in sight. */
	get newAbove() {
		const { marker, first, older, reach, room } = this.talk;
		const sep = this.e.querySelector('.new');
		if (marker === null || !sep)
			return false;
		return sep.getBoundingClientRect().bottom <
			this.e.getBoundingClientRect().top ||
			(older && (room ? first : reach) > marker + 1);
	}

	/* To that, or to the message with this seq, which takes the focus. */
	jump(seq) {
		const item = seq ? this.talk.items.find(i => i.seq === seq) : null;
		const node = seq ? this.nodes.get(item) :
			this.e.querySelector('.new')?.parentNode;
		if (!node)
			return false;
		this.stuck = false;
		node.scrollIntoView({ block: seq ? 'center' : 'start' });
		this.#scrolled();
		node.focus({ preventScroll: true });
		return true;
	}
}

/* Options below an input that keeps the focus; pick(i) takes one. */
export class Choice {
	at = -1;

	constructor(ul, input, pick) {
		Object.assign(this, { ul, input, pick });
		ul.onmousedown = e => e.preventDefault();
	}

	show(rows, at) {
		this.ul.replaceChildren(...rows.map((li, i) => {
			li.role = 'option';
			li.id = this.ul.id + '-' + i;
			li.onclick = () => this.pick(i);
			return li;
		}));
		this.mark(at);
	}

	mark(at) {
		const all = [...this.ul.children], n = all.length;
		this.at = at < 0 || !n ? -1 : at % n;
		all.forEach((li, i) => { li.ariaSelected = String(i === this.at); });
		this.input.setAttribute('aria-activedescendant',
			all[this.at]?.id || '');
		all[this.at]?.scrollIntoView({ block: 'nearest' });
	}

	/* True if the arrow key was for it. */
	key(e) {
		const n = this.ul.children.length;
		if (!n || !/^Arrow(Up|Down)$/.test(e.key))
			return false;
		this.mark(e.key === 'ArrowDown' ? this.at + 1 :
			(Math.max(this.at, 0) || n) - 1);
		return true;
	}
}
