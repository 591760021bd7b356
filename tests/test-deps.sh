#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Whether the targets of AFTER_DEPS (Makefile) can do on a machine that has nothing but Debian and root: no compiler, no
# pkg-config and no library until deps has run, in the second case a compiler without the libraries. Nothing is made: the shell
# that make is given runs what asks, and the second make dry. Says what is wrong, one finding a line.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
unset deps_there # of the make that checks us
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/shell" <<'SHELL'
#!/bin/bash
# "-c COMMAND", of a recipe or of $(shell).
command=${*: -1}
there=$FRESH_DIR/packages
case $command in
tests/deps.sh) touch "$there" ;;
*deps_there=1*) # the second make
	echo "$command" >>"$FRESH_DIR/second"
	[ ! -e "$there" ] || [ "$FRESH_HOW" = first ] || exec bash -c "$command --dry-run" ;;
*-print-file-name=*)
	if [ -e "$there" ]; then exec bash -c "$command"; fi
	[ "$FRESH_HAS" = nothing ] && exit 127
	echo "${command##*-print-file-name=}" ;; # what gcc says of a file that it does not find
pkg-config*)
	if [ -e "$there" ]; then exec bash -c "$command"; fi
	exit 127 ;;
find\ * | git\ *) exec bash -c "$command" ;;
*) printf '%s\n' "$command" >>"$FRESH_DIR/recipes" ;;
esac
SHELL
chmod 755 "$tmp/shell"

# fresh HAS TARGET HOW: runs make as on a machine that HAS nothing, or a compiler; no further than to the second make if HOW is first.
fresh() {
	rm -f "$tmp"/{packages,recipes,second}
	FRESH_HAS=$1 FRESH_HOW=$3 FRESH_DIR=$tmp MAKEFLAGS='' make --no-print-directory SHELL="$tmp/shell" BUILD="$tmp/build" "$2" >"$tmp/said" 2>&1 ||
		echo "Makefile:1: make $2, at first with $1: $(tail -n 1 "$tmp/said")"
	[ -e "$tmp/packages" ] || echo "Makefile:1: make $2 does not see to deps"
	[ -e "$tmp/second" ] && [ ! -e "$tmp/recipes" ] || echo "Makefile:1: make $2: a make reads on that has asked before deps"
}

# linked HAS TARGET: and what it would link then names its archives by their paths, and the libraries of pkg-config.
linked() {
	local agent name
	fresh "$1" "$2" whole
	agent=$(grep -A 3 -F -- "-o $tmp/build/ingot-agent " "$tmp/said")
	for name in newt slang yaml crypt archive; do
		grep -q " /[^ ]*/lib$name\.a\( \|\$\)" <<<"$agent" || echo "Makefile:1: make $2, at first with $1: ingot-agent is linked without lib$name.a"
	done
	grep -q -- ' -ljansson' <<<"$agent" || echo "Makefile:1: make $2, at first with $1: ingot-agent is linked without what pkg-config names"
}

targets=$(sed -n 's/^AFTER_DEPS := //p' Makefile)
[ -n "$targets" ] || echo "Makefile:1: AFTER_DEPS is empty"
for target in $targets; do fresh nothing "$target" first; done
linked nothing iso
linked "a compiler" lab
# As a prerequisite deps would come too late for what make has asked by then.
git ls-files -- '*.mk' Makefile | xargs -d '\n' grep -nE '^[a-z-]+:.*[: ]deps( |$)' | grep -v '^Makefile:[0-9]*:with-deps: deps$' |
	sed -E 's|^([^:]+:[0-9]+):.*|\1: deps as a prerequisite: name the target in AFTER_DEPS (Makefile)|'
exit 0
