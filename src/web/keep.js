/* What the browser and the tab keep, if they may. Never a password. */
const kept = (store, value) => {
	try {
		const all = { ...value, ...JSON.parse(store().partyline) };
		return { ...all, read: { __proto__: null, ...all.read } };
	} catch {
		return value;
	}
};

/* rooms: null before the first time. */
export const browser = kept(() => localStorage,
	{ name: '', rooms: null, epoch: '', read: { __proto__: null } });
export const tab = kept(() => sessionStorage,
	{ name: '', session: '', token: '', told: [] });

let changes = [], saving;

/* Within a second; what other tabs have kept meanwhile stays. */
export function keep(change) {
	change(browser);
	changes.push(change);
	saving ||= setTimeout(save, 1000);
}

export function save() {
	saving = clearTimeout(saving);
	Object.assign(browser, kept(() => localStorage, browser));
	changes.splice(0).forEach(change => change(browser));
	let left = 50000;	// 100 KB
	tab.told = tab.told.slice(1 + tab.told.findLastIndex(it =>
		(left -= JSON.stringify(it).length) < 0));
	try {
		localStorage.partyline = JSON.stringify(browser);
		sessionStorage.partyline = JSON.stringify(tab);
	} catch { /* full, or forbidden */ }
}
onpagehide = save;
