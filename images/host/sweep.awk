# SPDX-License-Identifier: GPL-3.0-or-later
#
# Reads what "readelf -d" prints for every ELF file of a tree, after a first
# input of shared libraries' names to keep (one a line, "name*" for a prefix).
# Prints the shared libraries in the library folder that nothing needs:
#
#	awk -v libdir=DIR -f sweep.awk KEEP READELF-OUTPUT
#
# With -v check=1 prints "FILE needs NAME" for each library that is not there.

FNR == NR {
	if (sub(/\*$/, "")) prefixes[$0] = 1
	else keep[$0] = 1
	next
}

/^File: / {
	file = substr($0, 7)
	name = file
	sub(/.*\//, "", name)
	files[file] = name
	by_name[name] = file
	next
}

/\(NEEDED\)/ {
	match($0, /\[.*\]/)
	needed[file] = needed[file] " " substr($0, RSTART + 1, RLENGTH - 2)
}

/\(SONAME\)/ {
	match($0, /\[.*\]/)
	soname = substr($0, RSTART + 1, RLENGTH - 2)
	if (!(soname in by_name)) by_name[soname] = file
	sonames[file] = soname
}

function is_kept(name, prefix) {
	if (name in keep) return 1
	for (prefix in prefixes)
		if (index(name, prefix) == 1) return 1
	return 0
}

function visit(path, words, count, i) {
	if (path in seen) return
	seen[path] = 1
	count = split(needed[path], words, " ")
	for (i = 1; i <= count; i++) {
		if (words[i] in by_name) visit(by_name[words[i]])
		else missing[path " needs " words[i]] = 1
	}
}

END {
	for (path in files) {
		folder = path
		sub(/\/[^\/]*$/, "", folder)
		in_libdir[path] = folder == libdir && files[path] ~ /\.so/
		if (!in_libdir[path] || is_kept(files[path]) || is_kept(sonames[path])) visit(path)
	}
	if (check) {
		for (line in missing) print line
		exit
	}
	for (path in files)
		if (in_libdir[path] && !(path in seen)) print path
}
