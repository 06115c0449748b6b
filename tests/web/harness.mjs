/*
 * What the tests of the page stand on: TAP, deadlines, the daemon, clients.
 * PARTYLINED names the binary, E2E_SLOW is a factor for every deadline;
 * PAGE_REQUIRED makes what would be skipped fail.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const HERE = dirname(fileURLToPath(import.meta.url));
export const TOP = resolve(HERE, '../..');
export const SLOW = Number(process.env.E2E_SLOW || 1);
export const BINARY = resolve(process.env.PARTYLINED ||
	(existsSync('partylined') ? 'partylined' : join(TOP, 'partylined')));

const tests = [], cleanups = [];

export const test = (name, run) => tests.push({ name, run });
export const cleanup = f => cleanups.push(f);
export const diag = text =>
	console.log(String(text).replace(/^/gm, '# '));

export function skipAll(why) {
	if (process.env.PAGE_REQUIRED) {
		console.log('Bail out! ' + why);
		process.exit(1);
	}
	console.log('1..0 # SKIP ' + why);
	process.exit(0);
}

/* What f returns once it is true; asks again until then, with a deadline. */
export async function until(f, what, seconds = 10) {
	const end = Date.now() + seconds * 1000 * SLOW;
	for (;;) {
		const got = await f();
		if (got)
			return got;
		if (Date.now() > end)
			throw new Error('waited ' + seconds + ' s for ' + (typeof what ===
				'function' ? what() : what));
		await new Promise(r => setTimeout(r, 10));
	}
}

async function deadline(run, seconds) {
	let timer;
	const over = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error('not done within ' +
			seconds + ' s')), seconds * 1000 * SLOW);
	});
	await Promise.race([run(), over]).finally(() => clearTimeout(timer));
}

export async function main() {
	const only = process.argv[2];
	let failed = 0, n = 0;
	const chosen = tests.filter(t => !only || t.name.includes(only));
	console.log('1..' + chosen.length);
	for (const t of chosen) {
		const start = Date.now();
		let error;
		try {
			await deadline(t.run, 180);
		} catch (e) {
			error = e;
		}
		for (const f of cleanups.splice(0).reverse()) {
			try {
				await f();
			} catch (e) {
				error ||= e;
			}
		}
		n++;
		console.log((error ? 'not ok ' : 'ok ') + n + ' - ' + t.name);
		diag((Date.now() - start) + ' ms');
		if (error) {
			failed++;
			diag(error.stack || error);
		}
	}
	await atEnd();
	process.exit(failed ? 1 : 0);
}

let atEnd = async () => {};
export const finallyDo = f => { atEnd = f; };

/*
 * One partylined with a state directory of its own. A browser that is held up
 * between connecting and asking is not to be taken for a person and greeted.
 */
export class Daemon {
	constructor(options = {}) {
		this.dir = mkdtempSync(join(tmpdir(), 'partyline-web-'));
		this.options = { store: 'memory', server_name: 'village', rate: 0,
			max_clients_address: 0, greet_delay: 5000, log_to: 'stderr',
			state_dir: this.dir, ...options };
		this.port = 0;
		this.log = '';
		cleanup(() => this.#clean());
	}

	static async start(options) {
		const d = new Daemon(options);
		await d.start();
		return d;
	}

	async start() {
		const words = ['-n', '-o', 'listen=auto 127.0.0.1:' + this.port];
		for (const [name, value] of Object.entries(this.options))
			words.push('-o', name + '=' + value);
		const from = this.log.length;
		this.process = spawn(BINARY, words,
			{ stdio: ['ignore', 'ignore', 'pipe'] });
		this.process.on('error', e => { this.log += e.message; });
		this.process.stderr.on('data', data => { this.log += data; });
		this.ended = new Promise(r => this.process.on('close', r));
		await until(() => {
			const log = this.log.slice(from);
			if (this.process.exitCode !== null)
				throw new Error('partylined does not start: ' + log);
			return / ready /.test(log);
		}, () => 'the daemon: ' + this.log);
		this.port = Number(/listening .*port=(\d+)/.exec(
			this.log.slice(from))[1]);
	}

	/* What partylinectl says to that; it is beside the daemon. */
	async ctl(...words) {
		const ctl = process.env.PARTYLINECTL ||
			join(dirname(BINARY), 'partylinectl');
		const { stdout } = await promisify(execFile)(ctl,
			['-s', join(this.dir, 'control'), ...words]);
		return stdout;
	}

	get url() {
		return 'http://127.0.0.1:' + this.port + '/';
	}

	/* SIGKILL: no chance to store or to say anything. */
	async kill() {
		this.process.kill('SIGKILL');
		await this.ended;
		this.process = null;
	}

	async stop() {
		this.process.kill('SIGTERM');
		const status = await this.ended;
		this.process = null;
		assert.equal(status, 0, 'exit status of the daemon: ' + this.log);
	}

	async #clean() {
		try {
			if (this.process)
				await this.stop();
		} finally {
			rmSync(this.dir, { recursive: true, force: true });
		}
	}
}

/* A person at nc. */
export class Person {
	constructor(daemon, name) {
		this.seen = '';
		this.process = spawn('nc', ['127.0.0.1', String(daemon.port)]);
		this.process.stdout.on('data', data => { this.seen += data; });
		this.type(name);
		cleanup(() => this.process.kill());
	}

	static async come(daemon, name) {
		const p = new Person(daemon, name);
		await p.sees('You are in #lobby');
		return p;
	}

	type(line) {
		this.process.stdin.write(line + '\n');
	}

	sees(what) {
		return until(() => this.seen.includes(what),
			() => JSON.stringify(what) + ' in ' + this.seen);
	}
}

/* A program: plain JSON lines, and no code in common with what is tested. */
export class Program {
	constructor(daemon) {
		this.events = [];
		this.waiting = new Map();
		this.id = 0;
		let rest = '';
		this.socket = net.connect(daemon.port, '127.0.0.1');
		this.socket.setEncoding('utf8').on('error', () => {});
		this.socket.on('data', data => {
			const lines = (rest + data).split('\n');
			rest = lines.pop();
			for (const line of lines.filter(l => l[0] === '{').map(JSON.parse)) {
				if (line.event)
					this.events.push(line);
				else
					this.waiting.get(line.id)?.(line);
			}
		});
		cleanup(() => this.socket.destroy());
	}

	static async come(daemon, name, ...rooms) {
		const p = new Program(daemon);
		await p.ask({ cmd: 'login', name });
		for (const room of rooms)
			await p.ask({ cmd: 'subscribe', room });
		return p;
	}

	async ask(command) {
		const id = ++this.id;
		const answered = new Promise(r => this.waiting.set(id, r));
		this.socket.write(JSON.stringify({ ...command, id }) + '\n');
		let reply;
		answered.then(r => { reply = r; });
		await until(() => reply, 'a reply to ' + command.cmd);
		if (!reply.ok)
			throw new Error(JSON.stringify(reply));
		return reply;
	}

	say(text, room = 'lobby', kind = 'text') {
		return this.ask({ cmd: 'say', room, text, kind });
	}

	/* The texts of a room, oldest first, as the server keeps them. */
	async texts(room = 'lobby') {
		const { messages } = await this.ask({ cmd: 'history', room,
			limit: 1000 });
		return messages.map(m => m.text);
	}
}

/*
 * A relay that can be cut; or swallow what the server says (deaf); or lose the
 * connections that there are without a word (lull), as sleep and NAT do.
 */
export async function relay(daemon) {
	const r = { sockets: new Set(), deaf: false, up: true, log: '', at: 0 };
	const server = net.createServer(a => {
		if (!r.up) {
			a.destroy();
			return;
		}
		const b = net.connect(daemon.port, '127.0.0.1'), { at } = r;
		for (const s of [a, b])
			r.sockets.add(s.on('error', () => {}));
		a.on('data', x => at === r.at && b.write(x))
			.on('close', () => b.destroy());
		b.on('data', x => at === r.at && !r.deaf && a.write(x))
			.on('close', () => a.destroy());
	});
	await new Promise(done => server.listen(0, '127.0.0.1', done));
	r.port = server.address().port;
	r.url = 'http://127.0.0.1:' + r.port + '/';
	r.lull = () => r.at++;
	r.cut = () => {
		r.sockets.forEach(s => s.destroy());
		r.sockets.clear();
	};
	cleanup(() => {
		r.cut();
		server.close();
	});
	return r;
}
