/* The box in which one writes, its keys and what it offers. */
import { complete, run } from './commands.js';
import { $, Choice, count, make, put, said } from './view.js';

const text = $('text'), bytes = new TextEncoder();

/* Each line is a message: the wire has no line breaks. */
export const linesOf = words =>
	words.split('\n').map(l => l.trimEnd()).filter(l => l);

const MANY = 10;		// messages at once that are meant

export function composer(app) {
	let offer, last = '', warned = '';
	const choice = new Choice($('hints'), text, i => {
		text.setRangeText(offer.options[i].value, offer.from, offer.to, 'end');
		typed();
	});

	function fault(words) {
		put('fault', words);
		return true;
	}

	/* How much the longest line is over what the server takes, in bytes. */
	const overOf = words => app.line.limits ? Math.max(0, ...linesOf(words)
		.map(l => bytes.encode(l).length)) - app.line.limits.text : -Infinity;

	function isTooLong(words) {
		const over = overOf(words);
		return over > 0 && fault('That is ' + count(over, 'byte') +
			' too long: a message has ' + app.line.limits.text + ' at most.');
	}

	/* As high as what is in it; how much room is left, once that matters. */
	function fit() {
		text.style.height = 'auto';
		text.style.height = Math.min(text.scrollHeight, 200) + 'px';
		const over = overOf(text.value);
		const near = over > -app.line.limits.text / 10;
		$('left').hidden = !near;
		if (near)
			put('left', over > 0 ? count(over, 'byte') + ' too long' :
				count(-over, 'byte') + ' left');
		$('left').classList.toggle('error', over > 0);
	}

	function hint(offered) {
		const options = offered?.options || [];
		if (options.length && options.length !== offer?.options.length)
			put('said', count(options.length, 'suggestion'));
		offer = offered;
		$('hints').hidden = !offered;
		choice.show(options.map(o => make('li', null, said('b', o.label), ' ',
			make('span.muted', o.help))), -1);
	}

	function typed() {
		fit();
		fault('');
		hint(complete(app, text.value, text.selectionStart, false));
	}

	async function submit() {
		const words = text.value, talk = app.current;
		const many = linesOf(words).length;
		fault('');
		if (words.trim() === '')
			return;
		if (many > MANY && warned !== words) {
			warned = words;
			fault('These are ' + many + ' messages, one a line. Enter ' +
				'once more sends them.');
			return;
		}
		warned = '';
		begin('');
		last = words;
		if (/^\/(?!\/)/.test(words))
			await run(app, words.trim()).catch(error => fault(error.message));
		else
			app.say(words.replace(/^\/\//, '/'));
		if ($('fault').textContent && app.current === talk && text.value === '')
			text.value = words;
		fit();
	}

	function begin(words) {
		text.value = words;
		fit();
		hint(null);
		fault('');
	}

	/* What was not said comes back, behind what is there. */
	function edit(words) {
		text.value = (text.value.trim() ? text.value + '\n' : '') + words;
		typed();
		text.focus();
	}

	/* In front: it is said to somebody; elsewhere somebody is named. */
	function mention(name) {
		const { selectionStart: at, selectionEnd: end, value } = text;
		text.setRangeText(at === 0 ? name + ': ' :
			(/\s$/.test(value.slice(0, at)) ? '' : ' ') + name + ' ', at, end,
		'end');
		typed();
		text.focus();
	}

	function tabKey() {
		if (offer)
			choice.mark(Math.max(0, choice.at));
		else
			hint(complete(app, text.value, text.selectionStart, true));
		if (choice.at >= 0 || offer?.options.length === 1)
			choice.pick(Math.max(0, choice.at));
		return !!offer || text.value.endsWith(' ');
	}

	/* True if the key was for it. */
	function key(e) {
		const { key: k, shiftKey } = e;
		const plain = !e.ctrlKey && !e.metaKey && !e.altKey && !shiftKey;
		if (e.isComposing)
			return false;
		if (/^Page(Up|Down)$/.test(k)) {
			$('log').scrollBy(0, $('log').clientHeight *
				(k === 'PageUp' ? -0.85 : 0.85));
			return true;
		}
		if (k === 'Tab' && shiftKey)
			hint(null);	// or it would be what comes before the box
		if (!plain || choice.key(e))
			return plain;
		if (k === 'Enter') {
			if (choice.at >= 0)
				choice.pick(choice.at);
			else
				submit();
			return true;
		}
		if (k === 'Tab')
			return tabKey();
		if (k === 'Escape' && offer) {
			hint(null);
			e.stopPropagation();
			return true;
		}
		if (k !== 'ArrowUp' || text.value || !last)
			return false;
		text.value = last;
		typed();
		return true;
	}

	$('composer').onsubmit = () => {
		submit();
		return false;
	};
	text.oninput = typed;
	text.onkeydown = e => !key(e);
	text.onblur = () => hint(null);
	/* begin(words) puts them into the box, with nothing offered or wrong. */
	return { fault, begin, edit, isTooLong, mention };
}
