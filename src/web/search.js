/* The dialog that finds what was said, and the way to it and back. */
import { fold } from './partyline.js';
import { idOf } from './talk.js';
import { $, avatar, count, make, put, removed, said, tell, when } from './view.js';

const box = $('search'), query = $('words'), hits = $('hits');
const SHOWN = 240, LEAD = 60;	// of a long text, and in front of what is found
const FAR = 50;			// of other rooms looked at again

const bare = word => fold(word).normalize('NFD').replace(/\p{M}/gu, '');
const WORD = /[\p{L}\p{N}\p{M}]+/gu;

/* Whether a word is one of those that are looked for, as the server sees it. */
export function matcher(text) {
	const words = [...text.matchAll(/([\p{L}\p{N}\p{M}]+)(\*?)/gu)]
		.map(([, word, star]) => ({ word: bare(word), star }));
	return word => {
		const w = bare(word);
		return words.some(q => (q.star ? w.startsWith(q.word) : w === q.word));
	};
}

/* The text, or what of a long one is around the first such word; marked. */
export function marked(e, text, query) {
	const is = matcher(query);
	const found = [...text.matchAll(WORD)].filter(m => is(m[0]));
	let at = Math.max(0, (found[0]?.index || 0) - LEAD);
	if (text.length <= SHOWN)
		at = 0;
	at = at && text.indexOf(' ', at) + 1;
	const end = at + SHOWN;
	e.append(at ? '… ' : '');
	for (const m of found.filter(f => f.index >= at && f.index < end)) {
		e.append(text.slice(at, m.index), make('mark', m[0]));
		at = m.index + m[0].length;
	}
	e.append(text.slice(at, Math.max(at, end)),
		end < text.length ? ' …' : '');
	return e;
}

/*
 * again() shows it as it was left, and whether there is anything to show;
 * removed(room, seq): that message's text is gone, and here as well.
 */
export function search(app) {
	let asked, next, busy, chosen;
	const gone = new Set();		// since it was asked
	const key = (room, seq) => fold(room) + ' ' + seq;

	const say = (words, wrong) => tell('search-said', words, wrong);

	function hit(m) {
		const own = m.room[0] === '@';
		const e = make('button.hit', { onclick() {
			chosen = e;
			box.close();
			app.goTo(m);
		} }, avatar(m.from), make('span.who', null,
			make('span.head', null, said('b', m.from),
				said('span.muted', own ? 'to you alone' : '#' + m.room),
				make('time', { textContent: when(Date.parse(m.time)),
					dateTime: m.time })),
			marked(said('span.found', ''), m.text || '', asked.query)));
		e.dataset.message = key(m.room, m.seq);
		return make('li', null, e);
	}

	/* One page more; a search ends after a while, and so perhaps with none. */
	async function more() {
		const ask = asked;
		if (busy === ask)
			return;
		busy = ask;
		say('Looking…');
		let messages = [], error = null, from = next;
		try {
			do {
				const reply = await app.line.request('search',
					{ ...ask, before: from });
				messages = reply.messages.filter(m => !m.redacted &&
					!gone.has(key(m.room, m.seq)));
				from = reply.more ? reply.next : 0;
			} while (!messages.length && from && ask === asked && box.open);
		} catch (e) {
			error = e;
		}
		if (busy === ask)
			busy = null;
		if (ask !== asked)
			return;
		if (error) {
			say(error.message, true);
			return;
		}
		next = from;
		const first = hits.children.length;
		hits.append(...messages.map(hit));
		$('search-more').hidden = !next;
		const n = hits.children.length;
		say(n ? count(n, 'message') + (next ? ', and perhaps more' : '') :
			next ? 'None so far' : 'Nothing was found.');
		if (first && messages.length)
			hits.children[first].firstChild.focus();
	}

	function begin() {
		const words = query.value.trim(), talk = app.current;
		if (!words)
			return say('Which words?', true);
		asked = { query: words, limit: 20, room: !$('here').checked ?
			undefined : talk.room ? talk.name : '@' + app.line.name };
		next = undefined;
		gone.clear();
		hits.replaceChildren();
		return more();
	}

	$('search-form').onsubmit = () => {
		begin();
		return false;
	};
	$('here').onchange = () => query.value.trim() && begin();
	$('search-more').onclick = more;
	box.onclick = e => {
		if (e.target === box)
			box.close();
	};
	/* Between the words and what was found. */
	box.onkeydown = e => {
		const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
		const all = [query, ...hits.querySelectorAll('button')];
		const at = all.indexOf(document.activeElement);
		if (!step || at < 0)
			return;
		all[Math.max(0, Math.min(at + step, all.length - 1))].focus();
		e.preventDefault();
	};

	function removedIs(room, seq) {
		gone.add(key(room, seq));
		for (const e of hits.querySelectorAll('button')) {
			if (e.dataset.message === key(room, seq))
				e.querySelector('.found').replaceChildren(removed());
		}
	}

	/* Of rooms that one is not in nothing is told: so it is asked. */
	async function lookAgain() {
		const far = [...hits.querySelectorAll('button')]
			.map(e => e.dataset.message.split(' ')).filter(([room]) =>
				room[0] !== '@' && !app.talks.has(idOf('room', room)));
		for (const [room, at] of far.slice(0, FAR)) {
			const seq = Number(at), { messages: [m] } =
				await app.line.request('history',
					{ room, before: seq + 1, limit: 1 });
			if (m?.seq === seq && m.redacted)
				removedIs(room, seq);
		}
	}

	/* As it was left, if there is anything. */
	function open() {
		box.showModal();
		lookAgain().catch(() => {});
	}

	function show(words) {
		const { current } = app;
		put('here-name', current.room ? 'Only in ' + current.title :
			'Only what was said to you alone');
		open();
		if (words)
			query.value = words;
		query.focus();
		query.select();
		if (words)
			begin();
		return true;
	}
	show.removed = removedIs;
	show.again = () => {
		if (!chosen?.isConnected)
			return false;
		open();
		chosen.focus();
		return true;
	};
	return show;
}
