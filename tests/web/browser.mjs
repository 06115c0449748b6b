/*
 * Debian's Chromium, and what a test does with a page in it. Whatever a page
 * complains of fails the test: an exception, an error on the console, a
 * dialog, a breach of the Content-Security-Policy.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import { SLOW, cleanup, diag, finallyDo, skipAll, until } from './harness.mjs';

const CHROMIUM = process.env.CHROMIUM || '/usr/bin/chromium';

if (!existsSync(CHROMIUM))
	skipAll('there is no ' + CHROMIUM);
const { chromium } = await import('playwright-core').catch(() =>
	skipAll('no playwright-core: npm ci in tests/web'));

const browser = await chromium.launch({ executablePath: CHROMIUM, args: [
	'--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
	'--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync'] });
finallyDo(() => browser.close());

/*
 * While the daemon is down the console says so: of the WebSocket, and of the
 * icon, which Chromium asks for again when the address changes.
 */
const EXPECTED = /WebSocket connection to .* failed|ERR_CONNECTION_REFUSED/;

export class Visitor {
	static async open(daemon, options = {}) {
		const v = new Visitor();
		v.context = await browser.newContext({
			viewport: { width: 1280, height: 800 }, ...options });
		v.context.setDefaultTimeout(10000 * SLOW);
		v.complaints = [];
		cleanup(async () => {
			v.complaints.forEach(diag);
			await v.context.close();
			assert.deepEqual(v.complaints, []);
		});
		await v.tab(daemon, options.hash);
		return v;
	}

	/* Another tab of the same browser. */
	async tab(daemon, hash = '', session = null) {
		const page = this.page = await this.context.newPage();
		if (session)
			await page.addInitScript(s => {
				sessionStorage.partyline ??= s;
			}, session);
		const complain = what => this.complaints.push(what);
		page.on('pageerror', e => complain(e.stack || String(e)));
		page.on('dialog', d => complain('dialog: ' + d.message()));
		page.on('console', m => {
			if (m.type() === 'error' && !EXPECTED.test(m.text()))
				complain(m.text());
		});
		await page.goto(daemon.url + hash);
		try {
			await page.waitForSelector('#name:focus, #text');
		} catch (error) {
			diag(JSON.stringify(await page.evaluate(() => [
				document.readyState, document.hasFocus(),
				document.activeElement.id, document.body.innerText,
				performance.getEntriesByType('resource').map(r =>
					[r.name, r.responseStatus, r.duration])])));
			diag(daemon.log);
			throw error;
		}
		return page;
	}

	/* Comes in by this name, and sees the lobby. */
	static async come(daemon, name, options) {
		const v = await Visitor.open(daemon, options);
		await v.enter(name);
		return v;
	}

	async enter(name) {
		await this.page.fill('#name', name);
		await this.page.keyboard.press('Enter');
		await this.page.waitForSelector('#chat:not([hidden])');
		await this.page.waitForSelector('#list li', { state: 'attached' });
	}

	async say(text) {
		await this.page.fill('#text', text);
		await this.page.keyboard.press('Enter');
	}

	/* What the log shows of messages that are stored: texts, oldest first. */
	texts() {
		return this.page.$$eval('#log .msg:not(.pending) .text',
			all => all.map(e => e.innerText));
	}

	sees(...wanted) {
		let got;
		return until(async () => {
			got = await this.texts();
			return wanted.every(t => got.includes(t));
		}, () => wanted + ' among ' + JSON.stringify(got));
	}

	notes(what) {
		let got;
		return until(async () => {
			got = await this.page.$$eval('#log .note .text',
				all => all.map(e => e.innerText));
			return got.some(t => t.includes(what));
		}, () => JSON.stringify(what) + ' among ' + JSON.stringify(got));
	}

	/* Waits for an element to have this text. */
	shows(selector, text) {
		let got;
		return until(async () => {
			got = await this.page.$$eval(selector,
				all => all.map(e => e.innerText.trim()));
			return got.some(t => text instanceof RegExp ? text.test(t) :
				t === text);
		}, () => selector + ' to be ' + text + ', not ' + JSON.stringify(got));
	}

	title(wanted) {
		return until(async () => await this.page.title() === wanted,
			'the title ' + wanted);
	}

	/*
	 * What the server says goes through here from now on: hold(which) keeps
	 * back lines that are so, and what it returns lets them go on.
	 */
	async between() {
		let which = null, held = [], pass;
		await this.page.routeWebSocket(/\/ws$/, ws => {
			pass = line => ws.send(line);
			ws.connectToServer().onMessage(line => {
				if (which?.(JSON.parse(line)))
					held.push(line);
				else
					pass(line);
			});
		});
		await this.page.reload();
		this.hold = f => {
			which = f;
			return async () => {
				await until(() => held.length, 'what is held back');
				which = null;
				held.splice(0).forEach(pass);
			};
		};
	}

	focus() {
		return this.page.evaluate(() => document.activeElement.id ||
			document.activeElement.dataset.id || document.activeElement.tagName);
	}
}

/* Whether the message with this text is all in sight. */
export const inSight = (v, text) => v.page.$$eval('#log .msg', (all, wanted) => {
	const log = document.getElementById('log').getBoundingClientRect();
	return all.some(e => {
		const at = e.getBoundingClientRect();
		return e.querySelector('.text').textContent === wanted &&
			at.top >= log.top && at.bottom <= log.bottom;
	});
}, text);

export const DARK = { colorScheme: 'dark' };
export const NARROW = { viewport: { width: 360, height: 640 }, hasTouch: true,
	isMobile: true };

export const PASSWORD = 'plum cake at four', BETTER = 'apple cake at five';

/* Keeps the name that somebody is in by, as from the keyboard. */
export async function keepName(v, password) {
	await v.say('/register');
	await v.shows('#account-title', 'Keep this name');
	assert.equal(await v.focus(), 'new-password');
	await v.page.keyboard.type(password);
	await v.page.keyboard.press('Tab');
	await v.page.keyboard.type(password);
	await v.page.keyboard.press('Enter');
	await v.notes('is yours now');
}

export async function logIn(v, name, password) {
	await v.page.fill('#name', name);
	await v.page.keyboard.press('Enter');
	await v.page.waitForSelector('#password:focus');
	await v.page.keyboard.type(password);
	await v.page.keyboard.press('Enter');
}

/* Neither kept anywhere, nor left in a field. */
export async function noTrace(v) {
	const trace = await v.page.evaluate(() => JSON.stringify([
		{ ...localStorage }, { ...sessionStorage }, location.href,
		[...document.querySelectorAll('input')].map(i => i.value)]));
	assert.doesNotMatch(trace, /cake/);
}

export async function axe(v, what) {
	const path = createRequire(import.meta.url).resolve('axe-core');
	/* The page's policy is not asked for what a debugger evaluates. */
	await v.page.evaluate(readFileSync(path, 'utf8') + '; 0');
	const { violations } = await v.page.evaluate(() => window.axe.run());
	assert.deepEqual(violations.map(x => x.id + ': ' + x.nodes.map(n =>
		n.html + ' ' + n.failureSummary).join('\n')), [], what);
}
