/* What is read of a room: its newest messages, or pages of its history. */
import { $ } from './view.js';

export const LAST = 60;		// messages to begin a room with
const AROUND = 60;		// before and behind what one goes to
export const WINDOW = 1000;	// and at most here, while one has scrolled up

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
	 * A page of a room's history, before the first message here or after the last
	 * one. What comes is of no use if that one is another by then.
	 */
	async function page(talk, older) {
		const edge = () => (older ? talk.items.find(i => i.seq)?.seq : talk.last);
		const seq = edge(), cond = older ? 'older' : 'newer';
		if (talk.loading || !talk[cond] || !talk.room || !seq)
			return;
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
				talk.quiet = true;
			}
			app.log.update(talk);
			if (talk === app.current)
				app.pill();
		} catch { /* the next scroll asks again */ }
		talk.loading = false;
	}

	/* To the newest message, which may have to be asked for. */
	async function toEnd() {
		const talk = app.current;
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

	/* To a message of the current room, with what was said before and after. */
	async function around(seq) {
		const talk = app.current, here = i => i.seq === seq;
		if (!talk.items.some(here)) {
			const pages = await Promise.all([
				ask(talk, { before: seq + 1, limit: AROUND }),
				ask(talk, { after: seq, limit: AROUND })]);
			const items = talk.made(pages.flatMap(p => p.messages),
				app.line.name);
			if (!items.some(here))
				throw new Error('That message is no longer kept.');
			Object.assign(talk, { items, older: pages[0].more, quiet: true,
				newer: pages[1].more || items.at(-1).seq < talk.newest });
		}
		if (talk !== app.current)
			return;
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
		const first = talk.items.find(i => i.seq)?.seq;
		if (talk.older && first > marker + 1) {
			const { messages } = await ask(talk, { after: marker, limit: 1 });
			if (messages.length && messages[0].seq < first)
				await around(messages[0].seq).catch(() => {});
		}
		if (talk === app.current)
			app.log.jump();
	}

	return { page, toEnd, around, toNew };
}
