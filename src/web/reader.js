/* What is read of a room: its newest messages, or pages of its history. */
import { item } from './talk.js';
import { $ } from './view.js';

export const LAST = 60;		// messages to begin a room with
export const WINDOW = 1000;	// and at most here, while one has scrolled up

/* pill() is called when there is more, or less, below. */
export function reader(app, log, pill) {
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
			const { messages, more } = await app.line.request('history',
				{ room: talk.name, [older ? 'before' : 'after']: seq });
			const items = messages.map(m => item(m, app.line.name));
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
			log.update(talk);
			if (talk === app.current)
				pill();
		} catch { /* the next scroll asks again */ }
		talk.loading = false;
	}

	/* To the newest message, which may have to be asked for. */
	async function toEnd() {
		const talk = app.current;
		if (!talk.newer) {
			log.toEnd();
			return;
		}
		try {
			const { messages, more } = await app.line.request('history',
				{ room: talk.name, limit: LAST });
			const items = messages.map(m => item(m, app.line.name));
			Object.assign(talk, { items, older: more, newer: false,
				quiet: true });
			/* Those that have come meanwhile, if any. */
			if (talk.last < talk.newest)
				await page(Object.assign(talk, { newer: true }), false);
		} catch { /* there is no connection: to the end of what there is */ }
		if (talk !== app.current)
			return;
		log.stuck = !talk.newer;
		log.sync();
		$('log').scrollTop = $('log').scrollHeight;
		pill();
	}

	return { page, toEnd };
}
