/*
 * What the clients of the model ask: anything, sensible more often than not.
 */
#include <stdio.h>

#include "model.h"
#include "sequences.h"

uint32_t
model_rnd(struct model *m, uint32_t n)
{
	return sequence_rnd(&m->dice, n);
}

static bool
chance(struct model *m, uint32_t percent)
{
	return model_rnd(m, 100) < percent;
}

static const char *
spelt(struct model *m, const char *word)
{
	static char out[4][16];
	static unsigned i;
	char *s = out[i++ % 4];

	snprintf(s, 16, "%s", word);
	if (chance(m, 20))
		s[0] += 'A' - 'a';
	return s;
}

static const char *
some_room(struct model *m)
{
	static char inbox[16];

	if (chance(m, 80))
		return spelt(m, m_rooms[model_rnd(m, M_ROOMS)]);
	snprintf(inbox, sizeof(inbox), "@%s", m_names[model_rnd(m, M_NAMES)]);
	return inbox;
}

static void
ask_subscribe(struct model *m, struct ask *a)
{
	a->cmd = CMD_SUBSCRIBE;
	a->room = some_room(m);
	if (chance(m, 40)) {
		a->has |= HAS_AFTER;
		a->after = model_rnd(m, (uint32_t)m->f->store.seq + 3);
	}
	if (chance(m, 30)) {
		a->has |= HAS_LAST;
		a->last = model_rnd(m, 4);
	}
	if (chance(m, 20))
		a->epoch = chance(m, 50) ? FAKE_EPOCH : "another";
}

static void
ask_login(struct model *m, struct ask *a)
{
	uint32_t i = model_rnd(m, M_NAMES);

	a->cmd = CMD_LOGIN;
	a->name = spelt(m, m_names[i]);
	if (chance(m, 60))
		a->resume = chance(m, 80) ? m->secrets[i] : "0000000000000000";
}

static void
ask_say(struct model *m, struct ask *a)
{
	static const char *const texts[] = { "hi", "ho", "he", "hum" };

	a->cmd = CMD_SAY;
	a->room = some_room(m);
	a->text = texts[model_rnd(m, NITEMS(texts))];
	a->kind = (enum msg_kind)model_rnd(m, 3);
	a->key = chance(m, 30) ? "k" : NULL;
	a->from = chance(m, 50) ? m_names[model_rnd(m, M_NAMES)] : NULL;
	if (chance(m, 35)) {
		a->cmd = CMD_TELL;
		a->name = spelt(m, m_names[model_rnd(m, M_NAMES)]);
	}
}

static void
ask_any(struct model *m, struct ask *a)
{
	static const enum cmd cmds[] = { CMD_UNSUBSCRIBE, CMD_UNSUBSCRIBE,
	    CMD_TOPIC, CMD_TOPIC, CMD_RENAME, CMD_HISTORY, CMD_ROOMS, CMD_WHO,
	    CMD_AWAY, CMD_SEEN, CMD_PING, CMD_QUIT };

	a->cmd = cmds[model_rnd(m, NITEMS(cmds))];
	if (a->cmd != CMD_WHO || chance(m, 60))
		a->room = some_room(m);
	a->name = spelt(m, m_names[model_rnd(m, M_NAMES)]);
	a->string = chance(m, 70) ? "words" : "";
	a->seq = model_rnd(m, (uint32_t)m->f->store.seq + 2);
}

struct ask
model_ask(struct model *m, bool logged_in)
{
	struct ask a = { .cmd = CMD_NONE };
	uint32_t dice = model_rnd(m, 100);

	if (logged_in ? dice < 3 : dice < 45)
		ask_login(m, &a);
	else if (dice < 35)
		ask_subscribe(m, &a);
	else if (dice < 75)
		ask_say(m, &a);
	else
		ask_any(m, &a);
	return a;
}
