#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Looks at the sources; says every finding; fails if there is one.
set -uo pipefail
cd "$(dirname "$0")/.."
mapfile -t sources < <(git ls-files '*.c' '*.h')
mapfile -t scripts < <(git ls-files | xargs -r file --mime-type 2>/dev/null | sed -n 's/: *text\/x-shellscript$//p')
status=0

finding() {
	echo "lint: $1" >&2
	status=1
}

echo "lint: SPDX lines"
while read -r file; do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-3.0-or-later' || finding "$file: has no SPDX line"
done < <(git ls-files '*.c' '*.h' '*.S' '*.py' '*.sh' '*.mk' '*.awk' Makefile)

echo "lint: forbidden calls"
if grep -nE '(^|[^_a-zA-Z0-9>.])(system|popen|strcpy|strcat|sprintf|vsprintf|gets|atoi|atol|sleep|usleep|alloca)[ ]*\(' \
	"${sources[@]}" | grep -vE ':[0-9]+:[[:space:]]*(/?\*|//)'; then
	finding "a call that this project forbids (see CONTRIBUTING.md)"
fi
if grep -nE '(^|[^_a-zA-Z0-9])v?fork[ ]*\(' "${sources[@]}" | grep -vE '^lib/cmd/|^tests/|:[0-9]+:[[:space:]]*(/?\*|//)'; then
	finding "processes are started by lib/cmd only"
fi

echo "lint: clang-format"
clang-format --dry-run -Werror "${sources[@]}" >build/clang-format.log 2>&1 ||
	finding "$(grep -c 'error:' build/clang-format.log) places differ from clang-format (build/clang-format.log)"

echo "lint: shellcheck"
[ "${#scripts[@]}" -eq 0 ] || shellcheck "${scripts[@]}" || finding "shellcheck"

echo "lint: cppcheck"
cppcheck -q --error-exitcode=1 --std=c11 --enable=warning,portability --inline-suppr \
	--suppressions-list=tests/cppcheck.suppress -j "$(nproc)" "${sources[@]}" || finding "cppcheck"

echo "lint: clang-tidy"
make --no-print-directory build/sources.list || finding "build/sources.list"
sed '/^$/d' build/sources.list | xargs -d '\n' -P "$(nproc)" -I{} bash -c 'clang-tidy --quiet {}' >build/clang-tidy.log 2>/dev/null
if grep -E 'warning:|error:' build/clang-tidy.log; then
	finding "clang-tidy"
fi
exit "$status"
