/* What is in sight is read; of the rest it is told how much there is. */
import { $, count, later, put } from './view.js';

export function sight(app) {
	let missed = 0;

	/* What is below: new messages, or those that are not even here. */
	function pill() {
		const { newer } = app.current;
		$('pill').hidden = !missed && !newer;
		put('pill', (missed ? count(missed, 'new message') :
			'Jump to the newest') + ' ↓');
	}

	function attend() {
		const { current } = app;
		if (!current || document.hidden || !app.entered || !app.log.stuck)
			return;
		missed = 0;
		current.read = Math.max(current.read, current.last);
		current.unread = 0;
		current.many = false;
		current.loud = false;
		pill();
		app.marked.read(current);
		later(app.marked.tell);
		later(app.sidebar);
	}

	/* What is unread becomes what is new: a line says where it begins. */
	function begun(talk) {
		const { unread, many } = talk;
		talk.marker = unread ? talk.read : null;
		talk.fresh = !unread ? '' : many ? 'Many new messages' :
			count(unread, 'new message');
		missed = 0;
		pill();
	}

	function since() {
		$('since').hidden = !app.log.newAbove;
		put('since', '↑ ' + (app.current?.fresh || ''));
	}

	/* Somebody else's new message, which may be in sight at once. */
	function came(talk, it, loud) {
		const shown = talk === app.current;
		if (shown && !document.hidden && app.log.stuck && app.entered) {
			later(attend);
			return;
		}
		talk.loud ||= loud;
		if (!talk.counted || it.seq > talk.head)
			talk.unread++;
		if (shown) {
			if (talk.unread === 1 || talk.marker === null)
				talk.marker = talk.read;
			talk.fresh = count(talk.unread, 'new message');
			missed++;
			pill();
		}
		later(app.sidebar);
	}

	return { pill, attend, begun, since, came };
}
