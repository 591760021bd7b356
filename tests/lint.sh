#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Looks at the sources: says every finding with its place, and fails if there is one. What clang-tidy said of a source is
# kept in build/lint, under all that the source is made of: only what has changed is looked at again.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export work=build/lint
mkdir -p "$work/tidy" "$work/cppcheck" || exit 1
passed=0 failed=0

# Sources and scripts of this tree. A script is known by its name or its first line.
c_files() { git ls-files -- '*.c' '*.h'; }
scripts() {
	{
		git ls-files -- '*.sh'
		git ls-files | xargs -d '\n' awk 'FNR == 1 && /^#!.*[\/ ](ba|da)?sh$/ {print FILENAME} {nextfile}'
	} | sort -u
}

# Every check prints its findings, one a line, and nothing else; it returns the status of its tool.
check_spdx() {
	{
		git ls-files -- '*.c' '*.h' '*.S' '*.py' '*.mk' '*.awk' '*.ts' '*.tsx' '*.mjs' '*.js' '*.jq' '*.ipxe' '*.conf' '*.cfg' \
			'*.service' Makefile ':!tests/golden'
		scripts
	} | sort -u | while IFS= read -r file; do
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' || echo "$file:1: no SPDX line"
	done
	return 0
}

# What the project forbids: PATTERN, MEANING, the files where it may be. Comments do not count.
forbid() {
	c_files | xargs -d '\n' grep -nE "(^|[^_a-zA-Z0-9>.])($1)\(" | grep -vE ":[0-9]+:[[:space:]]*(/?\*|//)|$3" |
		sed -E "s|^([^:]+:[0-9]+):[[:space:]]*(.*)|\1: $2: \2|"
}

# Ways around the include paths, which the compiler would take. Tests look into modules, so they may have private headers.
layering() {
	local include='^[[:space:]]*#[[:space:]]*include[[:space:]]*["<]'
	c_files | xargs -d '\n' grep -nE "${include}[^\">]*\.\./" |
		sed -E 's|^([^:]+:[0-9]+):[[:space:]]*|\1: a folder includes what its module.mk names: |'
	c_files | grep -v '^tests/' | xargs -d '\n' grep -nE "${include}([^\">/]+/)+[^\">/]*_priv\.h" |
		awk -F: '{
			count = split($1, path, "/")
			split($3, text, /["<>]/)
			parts = split(text[2], header, "/")
			if (path[count - 1] != header[parts - 1])
				print $1 ":" $2 ": is for its own folder: " text[2]
		}'
	# What stands in quotes is looked for beside the file first, so one that lies above other folders sees them all.
	make -s --no-print-directory build/modules.list || return
	c_files | xargs -d '\n' grep -nE "$include" | awk -F: '
		FNR == NR {
			count = split($0, folders, " ")
			modules[folders[1]] = 1
			for (i = 1; i <= count; i++) {
				sub(".*/", "", folders[i])
				words[folders[i]] = 1
				split($0, module, " ")
				may[module[1], folders[i]] = 1
			}
			next
		}
		{
			folder = $1
			sub("/[^/]*$", "", folder)
			split($3, text, /["<>]/)
			count = split(text[2], header, "/")
			ours = $3 ~ /"/ || header[1] in words
			if (folder in modules && count > 1 && ours && !(count == 2 && (folder, header[1]) in may))
				print $1 ":" $2 ": is not in the folders that the module.mk names: " text[2]
		}' build/modules.list -
}

# docs/ARCHITECTURE.md, "Folders": all that there are, and no others.
check_folders() {
	local documented
	documented=$(awk '/^## / { on = $0 == "## Folders" } on && /^```/ { fence = !fence; next }
		on && fence { for (i = 1; i <= NF; i++) if ($i ~ /\/$/) print (i > 1 ? $1 $i : $1) }' docs/ARCHITECTURE.md | sort)
	[ -n "$documented" ] || echo "docs/ARCHITECTURE.md:1: has no list of folders"
	diff <(echo "$documented") <(git ls-files | awk -F/ 'NF > 1 { print $1 "/" } NF > 2 { print $1 "/" $2 "/" }' | sort -u) |
		sed -nE 's|^< (.*)|docs/ARCHITECTURE.md:1: there is no folder \1|p; s|^> (.*)|docs/ARCHITECTURE.md:1: does not list \1|p'
	return 0
}

check_forbidden() {
	layering
	forbid 'system|popen|v?fork|posix_spawnp?' 'processes are started by lib/cmd' '^lib/cmd/|^tests/'
	forbid 'strcpy|strcat|v?sprintf|gets|alloca' 'nothing keeps it within bounds' '^$'
	forbid 'ato[ifl]|atoll' 'does not notice what is no number' '^$'
	forbid 'u?sleep|nanosleep' 'wait for the event' '^$'
	git ls-files -- '*.py' | xargs -d '\n' grep -nE '\btime\.sleep\(|shell=True|os\.system\(' |
		sed -E 's|^([^:]+:[0-9]+):[[:space:]]*|\1: forbidden: |'
	return 0
}

check_format() {
	c_files | xargs -d '\n' clang-format --dry-run -Werror 2>&1 | grep -E '^[^ ].*(error|warning): '
	return "${PIPESTATUS[1]}"
}

check_python() {
	git ls-files -- '*.py' | xargs -d '\n' pyflakes3 2>&1
}

check_shellcheck() {
	scripts | xargs -d '\n' shellcheck -x -P SCRIPTDIR -P SCRIPTDIR/.. -f gcc
}

# What a person calls first works on a machine that has no compiler yet.
check_deps() { tests/test-deps.sh; }

# Each unit of the host image reaches no more of the system than images/host/exposure says, and all of them are in it.
check_units() {
	local unit most said units=images/host/overlay/usr/lib/systemd/system list=images/host/exposure
	diff <(sed 's/#.*//' "$list" | awk 'NF { print $1 }' | sort) <(git ls-files -- "$units/*.service" | xargs -n 1 basename | sort) |
		sed -nE "s|^< (.*)|$list:1: there is no unit \1|p; s|^> (.*)|$list:1: does not name \1|p"
	while read -r unit most; do
		# It measures on after a line that it does not understand, and says so.
		if ! said=$(systemd-analyze security --offline=true --no-pager --threshold="$most" "$units/$unit" 2>&1) ||
			grep -qE '\.service:[0-9]+:' <<<"$said"; then
			echo "$units/$unit:1: more than $most of 100: $(grep -E 'exposure level|\.service:[0-9]+:' <<<"$said" | tail -n 1)"
		fi
	done < <(sed 's/#.*//' "$list" | awk 'NF { print $1, $2 }')
	return 0
}

# The headers' macros and inline functions come from the project's headers; those of libraries from cppcheck.cfg.
check_cppcheck() {
	git ls-files -- '*.c' | cppcheck -q --std=c11 --enable=warning,portability,performance --inline-suppr \
		--file-list=- --suppressions-list=tests/cppcheck.suppress --library=posix --library=tests/cppcheck.cfg \
		--cppcheck-build-dir="$work/cppcheck" -j "$(nproc)" --template='{file}:{line}: {severity}: {message} [{id}]' \
		-Ilib -Iprovisioner -Inode-agent -I. -Itests -D_GNU_SOURCE -D__linux__ -DINGOT_VERSION=\"\" 2>&1
}

# One line of build/sources.list: SOURCE -- ARGUMENTS.
tidy_one() {
	local source=${1%% -- *} log key
	local said="$work/tidy/${source//\//-}"
	eval "set -- ${1#* -- }"
	key=$({ cat .clang-tidy; echo "$tidy_version $source $*"; clang -E -C "$@" "$source"; } 2>&1 | sha256sum)
	if [ "$(head -n 1 "$said" 2>/dev/null)" != "$key" ]; then
		# What did not come to an end is not kept as the word on this source.
		log=$(clang-tidy --quiet "$source" -- "$@" 2>&1) || { log+=$'\n'"$source:1: error: clang-tidy failed" && key=failed; }
		{ echo "$key"; grep -E '^[^ ]+: (warning|error): ' <<<"$log"; } >"$said.new"
		mv "$said.new" "$said"
	fi
	# A module sees headers through links: say where they are.
	tail -n +2 "$said" | while IFS=: read -r file rest; do
		echo "$(realpath --relative-to=. "$file"):$rest"
	done
}

check_tidy() {
	make -s --no-print-directory build/sources.list || return
	git ls-files -- '*.c' | grep -vxFf <(sed 's/ -- .*//' build/sources.list) | sed 's|$|:1: is not in build/sources.list|'
	tidy_version=$(clang-tidy --version)
	export -f tidy_one
	export tidy_version
	# shellcheck disable=SC2016 # for the shell that is started
	sed '/^$/d' build/sources.list | xargs -d '\n' -P "$(nproc)" -n 1 bash -c 'tidy_one "$1"' tidy | sort -u
	return "${PIPESTATUS[1]}"
}

check() {
	local name=$1 log="$work/$1.log" start=$SECONDS n status
	"check_$name" >"$log"
	status=$?
	n=$(wc -l <"$log")
	cat "$log" >&2
	if [ "$n" -eq 0 ] && [ "$status" -ne 0 ]; then
		echo "$name: ended with status $status" >&2
		n=1
	fi
	[ "$n" -eq 0 ] && passed=$((passed + 1)) || failed=$((failed + 1))
	echo "lint: $name: $n findings, $((SECONDS - start)) s"
}

# A tool that is missing must not pass for one that found nothing.
for tool in clang clang-format clang-tidy cppcheck git pyflakes3 shellcheck systemd-analyze; do
	command -v "$tool" >/dev/null || { echo "lint: $tool is missing: make deps" >&2; exit 1; }
done
for name in spdx forbidden folders deps units format python shellcheck cppcheck tidy; do
	check "$name"
done
echo "lint: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
