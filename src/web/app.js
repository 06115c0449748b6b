/* The page: its parts, what all of them know, and what its buttons do. */
import { $, Log, make } from './view.js';
import { account } from './account.js';
import { menu } from './acts.js';
import { commands, keys as keyList } from './commands.js';
import { composer } from './composer.js';
import { finder } from './finder.js';
import { hearing } from './hear.js';
import { keys } from './keys.js';
import { linking } from './link.js';
import { lists } from './lists.js';
import { marks } from './marks.js';
import { orders } from './orders.js';
import { LAST, reader } from './reader.js';
import { rules } from './rules.js';
import { search } from './search.js';
import { sides } from './sides.js';
import { sight } from './sight.js';
import { speaking } from './speak.js';
import { talking } from './talks.js';

/* To this each part adds what the others may have it do. */
const app = {
	talks: new Map(),	// by id, in the order of the sidebar
	current: null,		// the one that is shown
	line: null,		// the connection, once there is a name
	entered: false,		// that is through the door
	absent: '',		// why one is away, if one is
	found: null		// what a search led to, while it has the focus
};

app.log = new Log($('log'), {
	older: talk => app.page(talk, true),
	newer: talk => app.page(talk, false),
	moved: () => app.attend(),
	scrolled: () => app.since(),
	menu: (it, e) => app.menu('message', it, e),
	retry: p => app.send(app.current, p),
	edit(p) {
		app.drop(app.current, p);
		app.box.edit((p.kind === 'action' ? '/me ' :
			p.text[0] === '/' ? '/' : '') + p.text);
	},
	discard: p => app.drop(app.current, p)
});
app.box = composer(app);
app.marked = marks(app);
app.find = finder(app);
app.account = account(app);
app.menu = menu(app);
app.search = search(app);
for (const part of [orders, talking, sight, reader, hearing, speaking, sides,
	rules, lists, keys, linking])
	Object.assign(app, part(app));

$('find').onclick = () => app.find('');
$('help').onclick = app.manual;
$('own').onclick = () => app.account();
$('menu').onclick = () => app.drawer('side');
for (const e of [$('veil'), ...document.querySelectorAll('.shut')])
	e.onclick = () => app.drawer();
$('leave').onclick = () => app.leave('');
$('toggle').onclick = () => app.drawer('members');
$('pill').onclick = () => {
	app.toEnd();
	app.close();
};
$('setup').onclick = () => app.setup();
$('enter').onclick = () => {
	const talk = app.current;
	app.line.join(talk.name, talk.last ? { after: talk.last } : { last: LAST })
		.then(() => talk === app.current && $('text').focus(),
			error => {
				talk.out = error.message;
				talk.again = error.code !== 'banned';
				app.paint();
			});
};
$('look').onclick = () => app.search('');
$('since').onclick = app.toNew;
$('topic').onclick = () => {
	app.box.begin('/topic ' + app.current.topic);
	$('text').focus();
};
onoffline = ononline = () => app.line?.wake();
document.onvisibilitychange = () => {
	if (document.hidden || !app.line)
		return;
	app.line.wake();
	app.attend();
	if (app.entered)
		app.refresh();
};
/* Who is away is only asked. */
setInterval(() => app.entered && !document.hidden && app.refresh(), 60000);
$('manual-list').append(...commands.map(c => [c.usage, c.help]).concat(keyList)
	.flatMap(([what, help]) => [make('dt', null, make('kbd', what)),
		make('dd', help)]));

app.drawer();
app.begin();
