/*
 * Who may do what in a room, as the server has it: each role may do what those
 * before it may. The server decides; this is what is worth offering.
 */
const ranks = { member: 1, op: 2, owner: 3, operator: 4 };

/* Least role; whether whom it is done to must be below. */
const rights = {
	redact: ['op', false],
	kick: ['op', true],
	ban: ['op', true],
	unban: ['op', false],
	mute: ['op', true],
	unmute: ['op', false],
	invite: ['op', false],
	voice: ['op', true],
	op: ['owner', false],
	deop: ['owner', true],
	owner: ['owner', false],
	configure: ['owner', false]
};

export const rank = role => ranks[role] || 0;

export function may(act, own, theirs) {
	const [least, below] = rights[act];
	return rank(own) >= rank(least) && (!below || rank(theirs) < rank(own));
}
