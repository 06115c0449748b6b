/* What is said here, and how it stands with it until it is stored. */
import { newKey } from './partyline.js';
import { linesOf } from './composer.js';
import { told } from './hear.js';

export function speaking(app) {
	function drop(talk, p) {
		talk.pending = talk.pending.filter(q => q !== p);
		app.log.update(talk);
	}

	function send(talk, p) {
		const { line, log } = app;
		p.state = line.state === 'online' ? 'sent' : 'waiting';
		p.changed = true;
		if (!talk.pending.includes(p))
			talk.pending.push(p);
		log.update(talk);
		line[talk.room ? 'say' : 'tell'](talk.name, p.text, p).then(reply => {
			p.seq = reply.seq;
			if (!talk.room) {
				const it = { time: Date.parse(reply.time), own: true,
					text: p.text, from: line.name, to: reply.to };
				app.respell(talk, reply.to);
				talk.append(it, talk === app.current && !log.stuck);
				told(it);
				talk.absence(reply);
			}
			if (!talk.room || p.shown || talk.items.some(i => i.seq === p.seq))
				drop(talk, p);
		}, error => {
			Object.assign(p, { state: 'failed', error: error.message + ' ',
				changed: true });
			log.update(talk);
		});
	}

	function say(words, kind) {
		if (app.box.isTooLong(words))
			return true;
		app.toEnd();
		for (const l of linesOf(words))
			send(app.current, { key: newKey(), kind, text: l,
				time: Date.now(), from: app.line.name, own: true });
		return true;
	}

	return { drop, send, say };
}
