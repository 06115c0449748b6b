/* What is read of a room or person: the newest messages, or older pages. */
import { WINDOW } from './talk.js';
import { $ } from './view.js';

export const LAST = 60;		// messages to begin a room with
const AROUND = 60;		// before and behind what one goes to
const PAGE = 100;		// of a history
const DIG = 10;			// pages of the inbox at once

const gone = () => new Error('That message is no longer kept.');

export function reader(app) {
	/* A page may be empty, for all in it is by people who are ignored. */
	async function ask(talk, fields) {
		const on = 'after' in fields ? 'after' : 'before';
		let reply;
		do {
			reply = await app.line.request('history',
				{ room: talk.name, ...fields,
					[on]: reply ? reply.next : fields[on] });
		} while (!reply.messages.length && reply.more && reply.next);
		return reply;
	}

	/*
	 * A page before the first message here or behind the last one. What comes of
	 * a room's history is of no use if that one is another by then.
	 */
	async function page(talk, older) {
		const edge = () => (older ? talk.first : talk.last);
		const seq = edge(), cond = older ? 'older' : 'newer';
		if (talk.loading || !talk[cond] || (talk.room && !seq))
			return;
		if (!talk.room) {
			if (older)
				return dig(talk);
			talk.uncut(PAGE, WINDOW);
			return shown(talk);
		}
		talk.loading = true;
		try {
			const { messages, more } = await ask(talk,
				{ [older ? 'before' : 'after']: seq });
			const items = talk.made(messages, app.line.name);
			if (edge() === seq && talk[cond]) {
				if (older)
					talk.addOlder(items, WINDOW);
				else
					talk.addNewer(items, WINDOW);
				/* Some may have come while these were on their way. */
				talk[cond] = more ||
					(!older && items.length > 0 && talk.last < talk.newest);
			}
			shown(talk);
		} catch { /* the next scroll asks again */ }
		talk.loading = null;
	}

	/* What came is shown, and not read out. */
	function shown(talk) {
		talk.quiet = true;
		app.log.update(talk);
		if (talk === app.current)
			app.pill();
	}

	/*
	 * Further back in the inbox for what this person told, to the message with
	 * that seq, or to one more, if there is any in so many pages.
	 */
	async function digging(talk, to) {
		const was = talk.first ?? Infinity;
		const found = () => (to ? talk.reach <= to : talk.first < was);
		for (let n = 0; talk.older && !found() && (to || n < DIG); n++) {
			const { messages, more } = await ask({ name: '@' + app.line.name },
				{ before: talk.reach, limit: n ? 10 * PAGE : 2 * PAGE });
			const before = talk.items.length;
			talk.addTold(messages, app.line.name);
			talk.reach = messages[0]?.seq ?? talk.reach;
			talk.older = more;
			/* What is in sight must stay. */
			if (to || (talk === app.current && !app.log.stuck))
				talk.cut(Math.max(WINDOW, talk.items.length - before + PAGE));
		}
	}

	async function dig(talk, to) {
		while (talk.loading)
			await talk.loading;
		const was = talk.first;
		talk.loading = digging(talk, to).catch(() => {});
		await talk.loading;
		talk.loading = null;
		if (talk.first !== was)
			shown(talk);
	}

	/* To the newest message, which may have to be asked for. */
	async function toEnd() {
		const talk = app.current;
		if (!talk.room && talk.newer) {
			talk.uncut(Infinity, WINDOW / 2);
			app.log.stuck = true;
			app.log.sync();
			app.pill();
		}
		if (!talk.newer && !talk.stale) {
			app.log.toEnd();
			return;
		}
		try {
			const { messages, more } = await ask(talk, { limit: LAST });
			const items = talk.made(messages, app.line.name);
			Object.assign(talk, { items, older: more, newer: false,
				stale: false, quiet: true });
			/* Those that have come meanwhile, if any. */
			if (talk.last < talk.newest)
				await page(Object.assign(talk, { newer: true }), false);
		} catch { /* there is no connection: to the end of what there is */ }
		if (talk !== app.current)
			return;
		app.log.stuck = !talk.newer;
		app.log.sync();
		$('log').scrollTop = $('log').scrollHeight;
		app.pill();
	}

	/* To a message here, with what was said before and after. */
	async function around(seq) {
		const talk = app.current, here = i => i.seq === seq;
		if (!talk.room && !talk.items.some(here)) {
			toEnd();
			await dig(talk, seq);
		} else if (!talk.items.some(here)) {
			const pages = await Promise.all([
				ask(talk, { before: seq + 1, limit: AROUND }),
				ask(talk, { after: seq, limit: AROUND })]);
			const items = talk.made(pages.flatMap(p => p.messages),
				app.line.name);
			if (!items.some(here))
				throw gone();
			Object.assign(talk, { items, older: pages[0].more, quiet: true,
				newer: pages[1].more || items.at(-1).seq < talk.newest });
		}
		if (talk !== app.current)
			return;
		if (!talk.items.some(here))
			throw gone();
		app.log.stuck = false;
		app.log.sync();
		app.log.jump(seq);
		app.pill();
	}

	/* To where what is new begins. */
	async function toNew() {
		const talk = app.current, { marker } = talk;
		if (marker === null)
			return;
		if (!talk.room && talk.reach > marker + 1) {
			await dig(talk, marker + 1);
			app.log.sync();
		} else if (talk.room && talk.older && talk.first > marker + 1) {
			const { messages } = await ask(talk, { after: marker, limit: 1 });
			if (messages.length && messages[0].seq < talk.first)
				await around(messages[0].seq).catch(() => {});
		}
		if (talk === app.current)
			app.log.jump();
	}

	return { page, toEnd, around, toNew };
}
