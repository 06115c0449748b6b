#!/usr/bin/env node
// A bot that rolls dice: node bot.mjs [url] [name] [room], then say !roll 2d6
import { Partyline } from '../../../src/web/partyline.js';
import { connectTcp } from './tcp.mjs';

const [url = 'tcp://127.0.0.1:4000', name = 'dicebot', room = 'lobby'] =
	process.argv.slice(2);
const line = new Partyline(url, { name,
	...url.startsWith('tcp:') && { connect: connectTcp } });

line.on('state', ({ state, reason, delay }) =>
	console.log(state, reason ?? '', delay ? `again in ${delay} ms` : ''));

line.on('message', ({ room, from, text }) => {
	const [, n, sides] = /^!roll (\d{1,2})d(\d{1,4})$/.exec(text ?? '') ?? [];
	if (!n || from === line.name || room[0] === '@')
		return;
	let sum = 0;
	for (let i = 0; i < n; i++)
		sum += 1 + Math.floor(Math.random() * sides);
	line.say(room, `${from}: ${n}d${sides} is ${sum}`).catch(console.error);
});

await line.open();
await line.join(room);
