# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What the live image and the host's initrd are both made with: the unpacked
# packages, kernel modules with their dependencies, programs with their
# libraries, a cpio archive. Sourced after lib.sh, never run.

LIBDIR=/usr/lib/x86_64-linux-gnu

# tools_tree CACHE
#
# Makes sure that the packages of live/packages are unpacked in the cache.
# /inputs in it says what they are. Sets TOOLS (the tree), TOOLS_KEY and KERNEL_VERSION.
tools_tree() {
	local cache dir list
	mkdir -p "$1"
	cache=$(realpath "$1")
	list="$IMAGES/live/packages"
	TOOLS_KEY=$({
		list_versions "$list"
		hash_files "$list" "$IMAGES/lib.sh" "$IMAGES/record-debs.sh"
		declare -f tools_tree
	} | key_of_stdin)
	TOOLS="$cache/tools-$TOOLS_KEY"
	exec 8>"$cache/tools.lock"
	flock 8
	if [ ! -d "$TOOLS" ]; then
		local -a packages
		mapfile -t packages < <(list_words "$list")
		say "unpacking the packages of the live image"
		safe_rm_tree "$TOOLS.new"
		# The shell of mmdebstrap expands this.
		# shellcheck disable=SC2016
		bootstrap extract "$TOOLS.new" "${packages[@]}" -- \
			--setup-hook='for d in bin sbin lib lib64; do mkdir -p "$1/usr/$d"; ln -s "usr/$d" "$1/$d"; done'
		rm -rf "$TOOLS.new"/usr/share/{man,locale,info}
		find "$TOOLS.new/usr/share/doc" -type f ! -name copyright -delete
		for dir in "$TOOLS.new"/lib/modules/*; do
			depmod -b "$TOOLS.new" "${dir##*/}"
		done
		mv "$TOOLS.new" "$TOOLS"
		prune_cache "$cache" tools "$TOOLS_KEY"
	fi
	flock -u 8
	local -a versions
	versions=("$TOOLS"/lib/modules/*)
	[ ${#versions[@]} -eq 1 ] || die "more than one kernel in the packages of the live image"
	KERNEL_VERSION=${versions[0]##*/}
}

# module_paths LIST
#
# Paths below lib/modules/VERSION, sorted, of the modules named in LIST and of those they depend on. A line is a module's name, or a
# folder below kernel/ ending in a slash: every module in it; "!" before a
# folder or name leaves it out again (unless something needs it).
module_paths() {
	local from="$TOOLS/lib/modules/$KERNEL_VERSION"
	list_words "$1" | awk -v dep="$from/modules.dep" -v builtin="$from/modules.builtin" '
		function stem(path) {
			sub(/.*\//, "", path); sub(/\.ko$/, "", path); gsub(/-/, "_", path)
			return path
		}
		function take(path,    i, n, words) {
			if (path in taken) return
			taken[path] = 1
			print path
			n = split(needs[path], words, " ")
			for (i = 1; i <= n; i++) take(words[i])
		}
		BEGIN {
			while ((getline line < dep) > 0) {
				split(line, part, ":")
				needs[part[1]] = part[2]
				path_of[stem(part[1])] = part[1]
			}
			while ((getline line < builtin) > 0) is_builtin[stem(line)] = 1
		}
		{
			out = sub(/^!/, "")
			if ($0 ~ /\/$/) {
				for (path in needs)
					if (index(path, "kernel/" $0) == 1) { if (out) delete wanted[path]; else wanted[path] = 1 }
				next
			}
			name = stem($0)
			if (name in path_of) { if (out) delete wanted[path_of[name]]; else wanted[path_of[name]] = 1 }
			else if (!(name in is_builtin) && !out) { print "no such kernel module: " $0 > "/dev/stderr"; bad = 1 }
		}
		END {
			for (path in wanted) take(path)
			exit bad
		}' | LC_ALL=C sort
}

# copy_modules ROOT LIST
#
# Copies the modules of module_paths from the tools' tree into ROOT and indexes them there.
copy_modules() {
	local root=$1 list=$2 from="$TOOLS/lib/modules/$KERNEL_VERSION" to paths
	to="$root/lib/modules/$KERNEL_VERSION"
	paths=$(mktemp)
	mkdir -p "$to"
	module_paths "$list" >"$paths"
	tar -C "$from" -cf - -T "$paths" | tar -C "$to" -xf -
	cp "$from"/modules.{builtin,builtin.modinfo,order} "$to/"
	depmod -b "$root" "$KERNEL_VERSION"
	# busybox reads the texts only; the others would be for kmod.
	rm -f "$paths"
}

# disk_drivers LIST: as module_paths, what of it disks hang on, their buses included. Nobody installs to a loop device or a CD.
disk_drivers() {
	module_paths "$1" | grep -E '^kernel/drivers/(ata/|block/|message/|mmc/|nvme/|pci/controller/vmd|scsi/|usb/host/|usb/storage/|virtio/)' |
		grep -vE '/(loop|sr_mod)\.ko$'
}

# libraries_of FILE: paths of the shared libraries FILE needs, found in the
# tools' tree first and on this machine second.
libraries_of() {
	local dirs="$TOOLS$LIBDIR:$TOOLS/usr/lib:$LIBDIR:/lib/x86_64-linux-gnu:/usr/lib" out
	# What is preloaded into whoever builds is none of them.
	out=$(env -u LD_PRELOAD "$TOOLS$LIBDIR/ld-linux-x86-64.so.2" --inhibit-cache --library-path "$dirs" --list "$1" 2>&1) || {
		case $out in
		*"statically linked"* | *"not a dynamic executable"*) return 0 ;;
		esac
		die "$1: $out"
	}
	if grep -q 'not found' <<<"$out"; then die "$1: $(grep 'not found' <<<"$out")"; fi
	awk '$2 == "=>" && $1 !~ /ld-linux/ { print $3 }' <<<"$out"
}

# copy_libraries FILE ROOT [BASE]: copies the libraries FILE needs to ROOT,
# but for those that are in BASE already.
copy_libraries() {
	local libs lib name
	libs=$(libraries_of "$1")
	for lib in $libs; do
		name=${lib##*/}
		if [ -e "$2$LIBDIR/$name" ] || [ -e "${3:-$2}$LIBDIR/$name" ]; then continue; fi
		mkdir -p "$2$LIBDIR"
		case $name in
		libicudata.so.*) icudata_stub "$name" "$2$LIBDIR/$name" ;;
		*) cp -L "$lib" "$2$LIBDIR/$name" ;;
		esac
	done
}

icudata_stub() {
	local version=${1##*.so.}
	gcc -Os -shared -nostdlib -fPIC -Wl,-soname,"$1" -DENTRY="icudt${version}_dat" \
		-o "$2" "$IMAGES/live/icudata-stub.c"
}

# skeleton ROOT: folders, busybox and its names.
skeleton() {
	local root=$1 name
	mkdir -p "$root"/{dev,etc,proc,root,run,sys,tmp,usr/bin,usr/sbin,usr/lib64,usr/lib}
	mkdir -p "$root$LIBDIR"
	for name in bin sbin lib lib64; do ln -s "usr/$name" "$root/$name"; done
	mknod -m 600 "$root/dev/console" c 5 1
	mknod -m 666 "$root/dev/null" c 1 3
	chmod 700 "$root/root"
	chmod 1777 "$root/tmp"
	cp "$TOOLS/bin/busybox" "$root/usr/bin/busybox"
	for name in $("$TOOLS/bin/busybox" --list); do
		[ "$name" = busybox ] || ln -s busybox "$root/usr/bin/$name"
	done
	# The kernel asks for this path when it wants a module.
	ln -s ../bin/busybox "$root/usr/sbin/modprobe"
	cp -L "$TOOLS$LIBDIR/ld-linux-x86-64.so.2" "$root/usr/lib64/"
}

# copy_programs ROOT LIST: each line a program's path in the packages and,
# optionally, in the image; with the libraries it needs.
copy_programs() {
	local root=$1 from to
	while read -r from to; do
		to=${to:-$from}
		[ -e "$TOOLS$from" ] || die "$2: $from is in no package of live/packages"
		mkdir -p "$root$(dirname "$to")"
		rm -f "$root/usr/bin/${to##*/}" # busybox's, if it has the same name
		cp -L "$TOOLS$from" "$root$to"
		copy_libraries "$TOOLS$from" "$root"
	done < <(list_words "$2")
}

# paperwork FROM TO: the licences in FROM, a tree of packages, for whoever
# passes images on.
paperwork() {
	local path
	rm -rf "$2"
	mkdir -p "$2"
	for path in "$1"/usr/share/doc/*/copyright; do
		install -D -m 644 "$path" "$2/$(basename "$(dirname "$path")")/copyright"
	done
	[ ! -d "$1/usr/share/common-licenses" ] || cp -rL "$1/usr/share/common-licenses" "$2/"
}

# pack_cpio ROOT OUT LEVEL: an initramfs of ROOT, zstd, padded so that another
# may follow. The same files make the same bytes, whenever that is.
pack_cpio() {
	find "$1" -exec touch -h -d '@1' {} +
	(cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z |
		cpio --null --create --quiet --format=newc --owner=0:0 --reproducible) |
		zstd -q -T0 "-$3" -c >"$2"
	truncate -s %4 "$2"
}
