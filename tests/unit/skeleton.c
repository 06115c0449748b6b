/*
 * What looks alike and what does not, and the index of names by it.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>
#include <uninorm.h>
#include <unistr.h>

#include "skeleton.h"

static struct name
name_of(const char *s)
{
	const char *why = NULL;
	struct name n;

	cr_assert(name_parse(&n, s, strlen(s), &why), "%s %s", s, why);
	return n;
}

static bool
alike(const char *a, const char *b, enum looks looks)
{
	struct name of_a = name_of(a), of_b = name_of(b);

	return names_alike(&of_a, &of_b, looks);
}

/* The same shapes. */
static const char *const same[][2] = {
	/* Cyrillic for Latin, letter by letter and whole */
	{ "а", "a" }, { "с", "c" }, { "ԁ", "d" }, { "е", "e" }, { "һ", "h" },
	{ "і", "i" }, { "ј", "j" }, { "к", "k" }, { "м", "m" }, { "о", "o" },
	{ "р", "p" }, { "ԛ", "q" }, { "г", "r" }, { "ѕ", "s" }, { "т", "t" },
	{ "ѵ", "v" }, { "ԝ", "w" }, { "х", "x" }, { "у", "y" }, { "ь", "b" },
	{ "В", "B" }, { "Н", "H" }, { "Р", "P" }, { "С", "C" }, { "Т", "T" },
	{ "Х", "X" }, { "М", "M" }, { "К", "K" }, { "А", "A" }, { "Е", "E" },
	{ "О", "O" }, { "І", "l" }, { "Ӏ", "l" }, { "ӏ", "l" }, { "З", "3" },
	{ "сору", "copy" }, { "НОМЕР", "HOMEP" }, { "ОТТО", "otto" },
	{ "lоbby", "lobby" }, { "аdmin", "admin" }, { "ADМIN", "admin" },
	/* Greek */
	{ "α", "a" }, { "ι", "i" }, { "κ", "k" }, { "ν", "v" }, { "ο", "o" },
	{ "ρ", "p" }, { "τ", "t" }, { "υ", "u" }, { "χ", "x" }, { "ω", "w" },
	{ "γ", "y" }, { "η", "n" }, { "β", "ß" },
	{ "Α", "A" }, { "Β", "B" }, { "Ε", "E" }, { "Ζ", "Z" }, { "Η", "H" },
	{ "Ι", "l" }, { "Κ", "K" }, { "Μ", "M" }, { "Ν", "N" }, { "Ο", "O" },
	{ "Ρ", "P" }, { "Τ", "T" }, { "Υ", "Y" }, { "Χ", "X" },
	{ "Φ", "Ф" }, { "φ", "ф" }, { "Π", "П" }, { "Γ", "Г" }, { "α", "а" },
	{ "ΝΙΚΟΣ", "NlKOΣ" }, { "Nίκος", "Νίκος" }, { "NÍKOΣ", "Νίκος" },
	{ "vίκος", "Νίκος" }, { "ΗELP", "help" }, { "νina", "Vina" },
	/* other scripts */
	{ "օ", "o" }, { "ս", "u" }, { "հ", "h" }, { "Լ", "L" }, { "Տ", "S" },
	{ "ᎪᏴ", "AB" }, { "ꭺꮃ", "aw" }, { "ᴀᴅᴍɪɴ", "admin" },
	{ "ꓐꓳꓐ", "bob" }, { "ⲟ", "o" }, { "ס", "o" }, { "اسم", "lسم" },
	{ "علی", "علي" }, { "مـحمد", "محمد" }, { "ann०", "anno" },
	{ "ヒ一ロ", "ヒーロ" }, { "カ", "力" }, { "แม", "เเม" },
	/* Latin's own */
	{ "Ian", "lan" }, { "ıan", "ian" }, { "admi\xcc\x87n", "admin" },
	{ "İan", "i\xcc\x87" "an" }, { "ɑnn", "ann" }, { "ɡ", "g" },
	{ "\xc7\x8e", "\xc4\x83" },		/* caron, breve */
	{ "ş", "ș" }, { "é", "е\xcc\x81" },
};

/* Of these only some are taken for one another, at a glance. */
static const char *const close_only[][2] = {
	{ "1", "l" }, { "1", "i" }, { "0", "o" }, { "O", "0" },
	{ "adm1n", "admin" }, { "admln", "admin" }, { "ADMlN", "admin" },
	{ "r00t", "root" }, { "rооt", "r00t" }, { "rnax", "max" },
	{ "ѵvilly", "willy" }, { "g00gIe", "google" }, { "mail", "mall" },
	{ "v1", "vi" }, { "corn", "com" }, { "اسم", "1سم" },
};

static const char *const different[][2] = {
	{ "ann", "anne" }, { "ann", "bob" }, { "a-b", "a_b" }, { "a.b", "a-b" },
	{ "ab", "a-b" }, { "é", "e" }, { "é", "è" }, { "ü", "u" },
	{ "ø", "o" }, { "ł", "l" }, { "ñ", "n" }, { "ç", "c" },
	{ "д", "a" }, { "ж", "x" }, { "я", "r" }, { "и", "n" }, { "п", "n" },
	{ "Σ", "E" }, { "σ", "o" }, { "δ", "d" }, { "λ", "a" }, { "μ", "m" },
	{ "2", "z" }, { "5", "s" }, { "8", "b" }, { "6", "b" }, { "9", "g" },
	{ "c", "o" }, { "u", "v" }, { "n", "h" }, { "v", "y" }, { "m", "n" },
	{ "clan", "dan" }, { "日本", "日木" }, { "木", "本" }, { "土", "士" },
	{ "ガ", "カ" }, { "그", "ᄀ-" }, { "한", "하" }, { "ב", "כ" },
	{ "ب", "ت" }, { "иван", "ivan" }, { "Иван", "ИваНа" },
};

Test(skeleton, same)
{
	size_t i;

	for (i = 0; i < NITEMS(same); i++) {
		cr_assert(alike(same[i][0], same[i][1], LOOKS_SAME),
		    "%s %s", same[i][0], same[i][1]);
		cr_assert(alike(same[i][0], same[i][1], LOOKS_CLOSE),
		    "%s %s", same[i][0], same[i][1]);
	}
}

Test(skeleton, at_a_glance)
{
	size_t i;

	for (i = 0; i < NITEMS(close_only); i++) {
		cr_assert(alike(close_only[i][0], close_only[i][1],
		    LOOKS_CLOSE), "%s %s", close_only[i][0], close_only[i][1]);
		cr_assert(!alike(close_only[i][0], close_only[i][1],
		    LOOKS_SAME), "%s %s", close_only[i][0], close_only[i][1]);
	}
}

Test(skeleton, different)
{
	size_t i;

	for (i = 0; i < NITEMS(different); i++) {
		cr_assert(!alike(different[i][0], different[i][1],
		    LOOKS_SAME), "%s %s", different[i][0], different[i][1]);
		cr_assert(!alike(different[i][0], different[i][1],
		    LOOKS_CLOSE), "%s %s", different[i][0], different[i][1]);
	}
}

Test(skeleton, shapes)
{
	static const struct {
		const char	*shown, *same, *close;
	} names[] = {
		{ "", "", "" }, { "ann", "ann", "ann" },
		{ "AZaz09-_.", "azaz09-_.", "azazo9-_." },
		{ "Info1", "lnfo1", "lnfol" }, { "rrnn", "rrnn", "rmn" },
		{ "vvv", "vvv", "wv" }, { "rn", "rn", "m" },
		{ "ОК", "ok", "ok" }, { "é", "e\xcc\x81", "e\xcc\x81" },
		{ "ـ", "", "" }, { "ΣΑΣ", "σaσ", "σaσ" },
	};
	char out[SKELETON_SIZE];
	size_t i;

	for (i = 0; i < NITEMS(names); i++) {
		name_skeleton(names[i].shown, LOOKS_SAME, out);
		cr_assert_str_eq(out, names[i].same);
		name_skeleton(names[i].shown, LOOKS_CLOSE, out);
		cr_assert_str_eq(out, names[i].close);
	}
}

/* Bytes of a damaged store. */
Test(skeleton, no_names)
{
	char out[SKELETON_SIZE], s[2 * SKELETON_SIZE];
	size_t i;

	name_skeleton("\xff\xd0\xb0", LOOKS_SAME, out);
	cr_assert_str_eq(out, "\xff\xd0\xb0");
	memset(s, 'a', sizeof(s) - 1);
	s[sizeof(s) - 1] = '\0';
	name_skeleton(s, LOOKS_CLOSE, out);
	cr_assert_eq(strlen(out), SKELETON_SIZE - 1);
	for (i = 0; i < 390; i += 3)
		memcpy(s + i, "\xec\xb0\xb1", 3);	/* thrice as long */
	s[i] = '\0';
	name_skeleton(s, LOOKS_SAME, out);
	cr_assert_str_eq(out, s);
	for (i = 0; i < 390; i += 3)
		memcpy(s + i, "แ", 3);
	name_skeleton(s, LOOKS_SAME, out);
	cr_assert_str_eq(out, s);
}

/* A skeleton is UTF-8, decomposed, and its own skeleton. */
static void
check_skeleton(const char *shown)
{
	char once[SKELETON_SIZE], twice[SKELETON_SIZE];
	size_t len = 2 * SKELETON_SIZE, n;
	uint8_t plain[2 * SKELETON_SIZE];
	int looks;

	for (looks = LOOKS_SAME; looks <= LOOKS_CLOSE; looks++) {
		name_skeleton(shown, (enum looks)looks, once);
		n = strlen(once);
		cr_assert(utf8_valid(once, n, NULL));
		name_skeleton(once, (enum looks)looks, twice);
		cr_assert_str_eq(once, twice);
		if (n == 0)
			continue;
		len = sizeof(plain);
		cr_assert_eq(u8_normalize(UNINORM_NFD, (uint8_t *)once, n,
		    plain, &len), plain);
		cr_assert(len == n && memcmp(plain, once, n) == 0, "%s",
		    shown);
	}
}

static size_t
put(char *s, ucs4_t c)
{
	return (size_t)u8_uctomb((uint8_t *)s, c, 4);
}

/* Every character that names may hold. */
Test(skeleton, every_character, .timeout = 120)
{
	char s[8] = "";
	struct name n;
	ucs4_t c;

	for (c = 0x21; c <= 0x10ffff; c++) {
		if (c == 0xd800)
			c = 0xe000;
		s[put(s, c)] = '\0';
		if (name_parse(&n, s, strlen(s), NULL)) {
			check_skeleton(n.shown);
			check_skeleton(n.key);
		}
	}
}

/* The longest that a skeleton can be. */
Test(skeleton, longest)
{
	char s[NAME_SIZE] = "", out[SKELETON_SIZE];
	struct name n;
	int i;

	for (i = 0; i < NAME_CHARS; i++)
		strcat(s, "\xec\xb0\xb1");	/* Hangul, of three letters */
	n = name_of(s);
	name_skeleton(n.shown, LOOKS_SAME, out);
	cr_assert_eq(strlen(out), 9 * NAME_CHARS);
	*s = '\0';
	for (i = 0; i < NAME_CHARS; i++)
		strcat(s, "แ");			/* two letters */
	name_skeleton(s, LOOKS_SAME, out);
	cr_assert_eq(strlen(out), 6 * NAME_CHARS);
}

/* A name of characters from where they are of interest, out of a seed. */
static size_t
random_name(uint64_t *dice, char *s)
{
	static const struct {
		ucs4_t	from, n;
	} ranges[] = { { 'a', 26 }, { 'A', 26 }, { '0', 10 }, { 0xc0, 0x190 },
	    { 0x250, 0x60 }, { 0x300, 0x46 }, { 0x370, 0x90 },
	    { 0x400, 0x130 }, { 0x531, 0x56 }, { 0x5d0, 27 }, { 0x620, 0x50 },
	    { 0x6f0, 10 }, { 0x905, 0x6a }, { 0xe01, 0x5a }, { 0x1100, 0x80 },
	    { 0x13a0, 0x5e }, { 0x1f00, 0xff }, { 0x3041, 0xbf },
	    { 0x4e00, 0x80 }, { 0xa4d0, 0x30 }, { 0xab70, 0x50 },
	    { 0xac00, 0x2ba4 }, { 0xff10, 0x60 }, { 0x10400, 0x50 },
	    { 0x1d400, 0x3ff } };
	size_t len = 0;
	uint32_t n, k;

	for (n = 1 + (uint32_t)(*dice >> 60); n > 0; n--) {
		*dice = *dice * 6364136223846793005 + 1442695040888963407;
		k = (uint32_t)(*dice >> 40) % NITEMS(ranges);
		len += put(s + len, ranges[k].from +
		    (uint32_t)(*dice >> 33) % ranges[k].n);
	}
	s[len] = '\0';
	return len;
}

/*
 * Of any name: as shown it is itself, its key is its own key, and it looks
 * like itself however it is written.
 */
Test(skeleton, random_names, .timeout = 120)
{
	uint64_t seed = (uint64_t)time(NULL), dice = seed;
	struct name n, again;
	uint8_t plain[512];
	unsigned i, good = 0;
	size_t len;
	char s[80];

	for (i = 0; i < 60000; i++) {
		len = random_name(&dice, s);
		if (!name_parse(&n, s, len, NULL))
			continue;
		good++;
		cr_assert(name_parse(&again, n.shown, strlen(n.shown), NULL));
		cr_assert_str_eq(again.shown, n.shown);
		cr_assert_str_eq(again.key, n.key, "seed %llu",
		    (unsigned long long)seed);
		if (name_parse(&again, n.key, strlen(n.key), NULL)) {
			cr_assert_str_eq(again.key, n.key);
			cr_assert(names_alike(&n, &again, LOOKS_SAME));
		}
		len = sizeof(plain);
		cr_assert_eq(u8_normalize(UNINORM_NFKD, (uint8_t *)s,
		    strlen(s), plain, &len), plain);
		cr_assert(name_parse(&again, (char *)plain, len, NULL));
		cr_assert_str_eq(again.key, n.key);
		check_skeleton(n.shown);
		check_skeleton(n.key);
	}
	cr_assert_gt(good, 6000, "%u", good);
}

/* The index. */

struct person {
	struct name	 name;
	bool		 in;
};

static const char *
person_key(const void *p)
{
	return ((const struct person *)p)->name.key;
}

static const char *
person_shown(const void *p)
{
	return ((const struct person *)p)->name.shown;
}

struct people {
	struct table	 names;
	struct skeletons looks;
};

static void
people_init(struct people *x, enum looks looks)
{
	table_init(&x->names, person_key);
	skeletons_init(&x->looks, &x->names, person_shown, looks);
}

static void
people_free(struct people *x)
{
	skeletons_free(&x->looks);
	table_free(&x->names);
}

static void
join(struct people *x, struct person *p)
{
	table_put(&x->names, p);
	skeletons_add(&x->looks, p);
	p->in = true;
}

static void
part(struct people *x, struct person *p)
{
	skeletons_del(&x->looks, p);
	table_del(&x->names, p->name.key);
	p->in = false;
}

static const char *
lookalike(struct people *x, const char *s)
{
	struct name n = name_of(s);

	return skeletons_find(&x->looks, n.key, n.shown);
}

Test(skeleton, index)
{
	struct person ann = { .name = name_of("Ann") };
	struct person ian = { .name = name_of("Ian") };
	struct person niko = { .name = name_of("Νίκος") };
	struct people x;

	people_init(&x, LOOKS_CLOSE);
	cr_assert_null(lookalike(&x, "аnn"));
	join(&x, &ann);
	join(&x, &ian);
	join(&x, &niko);
	cr_assert_str_eq(lookalike(&x, "аnn"), "Ann");
	cr_assert_str_eq(lookalike(&x, "АNN"), "Ann");
	cr_assert_null(lookalike(&x, "ANN"));		/* the same name */
	cr_assert_null(lookalike(&x, "anna"));
	cr_assert_str_eq(lookalike(&x, "lan"), "Ian");
	cr_assert_str_eq(lookalike(&x, "1an"), "Ian");
	cr_assert_null(lookalike(&x, "IAN"));
	cr_assert_str_eq(lookalike(&x, "Nίκος"), "Νίκος");
	cr_assert_str_eq(lookalike(&x, "vίκος"), "Νίκος");
	cr_assert_null(lookalike(&x, "ΝΊΚΟΣ"));
	part(&x, &niko);
	cr_assert_null(lookalike(&x, "Nίκος"));
	cr_assert_null(lookalike(&x, "vίκος"));
	part(&x, &ann);
	cr_assert_null(lookalike(&x, "аnn"));
	part(&x, &ian);
	cr_assert_eq(x.looks.index.n, 0);
	people_free(&x);
}

/* Names that are their own skeletons are nowhere twice. */
Test(skeleton, index_of_plain_names)
{
	struct person people[26];
	struct people x;
	char s[] = "room-a_0.1i";
	size_t i;

	people_init(&x, LOOKS_SAME);
	for (i = 0; i < NITEMS(people); i++) {
		s[5] = (char)('a' + i);
		people[i].name = name_of(s);
		join(&x, &people[i]);
	}
	cr_assert_eq(x.looks.index.n, 0);
	cr_assert_str_eq(lookalike(&x, "rооm-c_0.1i"), "room-c_0.1i");
	people_free(&x);
}

/* Those who were there before the rule; in any order of going. */
Test(skeleton, index_of_lookalikes)
{
	static const char *const names[] = { "ann", "аnn", "аnп", "ANΝ",
	    "ɑnn", "ᴀɴɴ", "Аnn0", "аnno", "anno", "Ann१" };
	struct person people[NITEMS(names)];
	struct people x;
	unsigned i, k, m, round, seed = 1;
	const char *got;

	people_init(&x, LOOKS_CLOSE);
	for (i = 0; i < NITEMS(names); i++)
		people[i] = (struct person){ .name = name_of(names[i]) };
	for (round = 0; round < 3000; round++) {
		seed = seed * 1103515245 + 12345;
		i = (seed >> 16) % NITEMS(names);
		if (people[i].in)
			part(&x, &people[i]);
		else
			join(&x, &people[i]);
		for (k = 0; k < NITEMS(names); k++) {
			got = skeletons_find(&x.looks, people[k].name.key,
			    people[k].name.shown);
			for (m = 0; m < NITEMS(names); m++) {
				if (m != k && people[m].in && names_alike(
				    &people[m].name, &people[k].name,
				    LOOKS_CLOSE))
					break;
			}
			cr_assert_eq(got != NULL, m < NITEMS(names), "%s %s",
			    names[k], got);
		}
	}
	for (i = 0; i < NITEMS(names); i++) {
		if (people[i].in)
			part(&x, &people[i]);
	}
	cr_assert_eq(x.looks.index.n, 0);
	people_free(&x);
}
