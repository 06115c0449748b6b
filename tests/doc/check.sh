# What the const tables say and what the man pages say is the same: every
# option, command, field, event and error is documented, and nothing else is.
# TAP. DUMP is tests/doc/dump, PARTYLINED and PARTYLINECTL the programs, srcdir
# the sources.
set -u

man=${srcdir:-.}/man
n=0
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# same NAME: whether $tmp/wanted and $tmp/got hold the same lines, some at all
same()
{
	n=$((n + 1))
	sort "$tmp/wanted" >"$tmp/a"
	sort "$tmp/got" >"$tmp/b"
	if [ -s "$tmp/a" ] && cmp -s "$tmp/a" "$tmp/b"; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		comm -23 "$tmp/a" "$tmp/b" | sed 's/^/# not documented: /'
		comm -13 "$tmp/a" "$tmp/b" | sed 's/^/# documented, but not there: /'
	fi
}

# items PAGE SECTION: the .It lines of a section's outermost lists, without
# their macros, what is optional with a "?": "say room text kind? key?"
items()
{
	awk -v section="$2" '
		/^\.Sh / { in_it = ($0 == ".Sh " section) }
		/^\.Bl / { depth++ }
		/^\.El/ { depth-- }
		in_it && depth == 1 && /^\.It / {
			line = ""
			open = 0
			optional = 0
			for (i = 2; i <= NF; i++) {
				if ($i == "Op" || $i == "Oo")
					optional = 1
				else if ($i == "Oc")
					optional = 0
				else if ($i !~ /^(Ic|Cm|Fa|Ar|Fl|Ns|Li)$/)
					line = line " " $i (optional ? "?" : "")
			}
			print substr(line, 2)
		}' "$man/$1"
}

# dumped KIND: what the tables hold
dumped()
{
	sed -n "s/^$1	//p" "$tmp/dump"
}

"$DUMP" >"$tmp/dump" || exit 1
echo 1..11

dumped command >"$tmp/wanted"
items partyline-protocol.7 COMMANDS >"$tmp/got"
same "commands and their fields"

dumped event >"$tmp/wanted"
items partyline-protocol.7 EVENTS | sed 's/ .*//' >"$tmp/got"
same "events"

dumped error >"$tmp/wanted"
items partyline-protocol.7 'ERROR NAMES' >"$tmp/got"
same "errors"

# "-- /help [COMMAND]: list the commands, or explain one."; the last two words
# in brackets, the last one in its own, are both optional
dumped text | sed -n 's|^-- \(/[a-z][^:]*\):.*|\1|p' |
    tr 'A-Z' 'a-z' | sed 's/\[\([a-z]*\)\]/\1?/g
	s/\[\([a-z]*\) \([a-z]*?\)\]/\1? \2/
	s/\[\([a-z]*\) \([a-z]*\)\]/\1? \2?/' | sort -u >"$tmp/wanted"
items partyline-protocol.7 'THE TEXT DIALECT' | sed 's/ | /|/' >"$tmp/got"
same "commands of the text dialect"

# "name type label label"
sed '1,/^metrics$/d; /^options$/,$d' "$tmp/dump" >"$tmp/wanted"
items partylined.8 METRICS >"$tmp/got"
same "metrics with type and labels"

# "name type bounds reloadable"; a word's bounds are the words themselves
sed '1,/^options$/d' "$tmp/dump" | awk -F '\t' '{
	print $1, $2, $2 == "word" ? "-" : $4, $5 }' >"$tmp/wanted"
awk '
	function flush() {
		if (name != "")
			print name, type, bounds, reloadable
		name = ""
	}
	/^\.Sh / { flush(); in_it = ($0 == ".Sh OPTIONS") }
	/^\.Bl / { depth++ }
	/^\.El/ { depth-- }
	in_it && depth == 1 && /^\.It / {
		flush()
		name = $3
		type = $NF
		bounds = "-"
		reloadable = "?"
	}
	/^Bounds: / { sub(/^Bounds: /, ""); sub(/\.$/, ""); bounds = $0 }
	/^Reloadable: / { sub(/\.$/, "", $2); reloadable = $2 }
	END { flush() }
' "$man/partylined.conf.5" >"$tmp/got"
same "options with type, bounds and whether they are reloadable"

"$PARTYLINED" -h 2>&1 | sed -n 's/^usage: *partylined *//p' |
    tr -c 'a-zA-Z-' ' ' | tr -s ' ' '\n' | sed -n 's/^-//p' |
    grep -o . | sort -u >"$tmp/wanted"
items partylined.8 DESCRIPTION | cut -d ' ' -f 1 >"$tmp/got"
same "flags, in the usage and in partylined(8)"

# The synopsis, too: .Op Fl dhntVv and so on.
sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/p' "$man/partylined.8" |
    grep -o 'Fl [a-zA-Z]*' | sed 's/Fl //' | grep -o . | sort -u >"$tmp/got"
same "flags, in the synopsis"

# The same of partylinectl.
dumped operator >"$tmp/wanted"
items partylinectl.8 COMMANDS >"$tmp/got"
same "the operator's commands and their arguments"

"$PARTYLINECTL" -h 2>&1 | sed -n 's/^usage: *partylinectl *//p' |
    tr -c 'a-zA-Z-' ' ' | tr -s ' ' '\n' | sed -n 's/^-//p' |
    grep -o . | sort -u >"$tmp/wanted"
items partylinectl.8 DESCRIPTION | cut -d ' ' -f 1 >"$tmp/got"
same "flags of partylinectl, in the usage and in partylinectl(8)"

sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESC/p' "$man/partylinectl.8" |
    grep -o 'Fl [a-zA-Z]*' | sed 's/Fl //' | grep -o . | sort -u >"$tmp/got"
same "flags of partylinectl, in the synopsis"
