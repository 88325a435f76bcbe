#!/bin/bash
# fetch.sh DIR SERIES...
#
# Puts the newest Debian cloud kernel of each series (5.10, 6.1, 6.12, 6.18, 7,
# or 6.1-arm64 and so on) into DIR/SERIES: vmlinuz, release, and the modules in
# the order of modules/order, unpacked. What is there already stays as it is;
# remove its folder for a newer one. Nothing is installed, and apt's own state is
# left alone. Needs apt-get, dpkg, flock, strings and xz.
set -euo pipefail

wanted=(veth dummy sch_netem nf_conntrack nf_tables nft_chain_nat nft_nat nft_masq nft_ct inet_diag tcp_diag)
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

fail() {
	echo "fetch.sh: $*" >&2
	exit 1
}

suite_of() {
	case $1 in
	5.10) echo debian-security bullseye-security ;;
	6.1 | 6.12) echo debian-security bookworm-security ;;
	*) echo debian trixie-backports ;;
	esac
}

# apt_for SUITE TOOL ARGS...: an apt tool with a state of its own for the suite
# and $arch
apt_for() {
	local state=$dir/apt/$1-$arch tool=$2
	shift 2
	"$tool" -qq -o Dir::Etc::sourcelist="$state/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$state/lists" -o Dir::Cache="$state/cache" -o Acquire::Languages=none \
		-o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o APT::Sandbox::User=root \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false "$@"
}

# update REPOSITORY SUITE: from the mirror that this machine uses, if any
update() {
	local state=$dir/apt/$2-$arch uri
	uri=$(apt-get indextargets --format '$(REPO_URI)' | grep -E "/$1/?\$" | head -n 1 || true)
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	echo "deb [signed-by=$keyring] ${uri:-http://deb.debian.org/$1} $2 main" >"$state/sources.list"
	apt_for "$2" apt-get -o APT::Update::Error-Mode=any update || fail "cannot update $2"
}

# packages SUITE SERIES: of the newest kernel. Later ones are split in three.
packages() {
	local image version
	image=$(apt_for "$1" apt-cache pkgnames linux-image- |
		grep -E "^linux-image-${2//./\\.}(\.[0-9]+)*(-[0-9]+|\+deb[0-9.]+)-cloud-$arch$" | sort -V | tail -n 1 || true)
	[ -n "$image" ] || fail "no kernel $2 in $1"
	version=${image#linux-image-}
	if apt_for "$1" apt-cache pkgnames "linux-binary-$version" | grep -qx "linux-binary-$version"; then
		echo "linux-binary-$version" "linux-modules-$version" "linux-base-$version"
	else
		echo "$image"
	fi
}

# add_module NAME: to $new/modules, what it depends on first
add_module() {
	local name=${1//-/_} file dep
	[ -z "${added[$name]:-}" ] || return 0
	added[$name]=1
	file=$(find "$tree/kernel" -regex ".*/${name//_/[_-]}\.ko\(\.xz\)?" | head -n 1)
	if [ -z "$file" ]; then
		tr - _ <"$tree/modules.builtin" | grep -q "/$name\.ko\$" || echo "$series: no module $name" >&2
		return 0
	fi
	case $file in
	*.xz) xz -dc "$file" ;;
	*) cat "$file" ;;
	esac >"$new/modules/$name.ko"
	for dep in $(strings -a "$new/modules/$name.ko" | sed -n 's/^depends=//p' | tr , ' '); do
		add_module "$dep"
	done
	echo "$name.ko" >>"$new/modules/order"
}

[ $# -ge 2 ] || fail "usage: fetch.sh DIR SERIES..."
for tool in apt-get dpkg flock strings xz; do
	command -v "$tool" >/dev/null || fail "$tool is not installed"
done
mkdir -p "$1"
dir=$(realpath "$1")
shift
exec 9>"$dir/lock"
flock 9
new=$dir/new # of the one that holds the lock
trap 'rm -rf "$new"' EXIT

for series; do
	[ ! -e "$dir/$series/release" ] || continue
	version=${series%-arm64} arch=amd64
	[ "$version" = "$series" ] || arch=arm64
	read -r repository suite < <(suite_of "$version")
	update "$repository" "$suite"
	names=$(packages "$suite" "$version")
	rm -rf "$new"
	mkdir -p "$new"/{debs,root,modules}
	# shellcheck disable=SC2086 # several names
	(cd "$new/debs" && apt_for "$suite" apt-get download $names) || fail "cannot download $names"
	for deb in "$new"/debs/*.deb; do
		dpkg -x "$deb" "$new/root"
	done
	find "$new/root" -name 'vmlinuz*' -type f -exec cp {} "$new/vmlinuz" \; -quit
	tree=$(dirname "$(find "$new/root" -name modules.builtin -print -quit)")
	basename "$tree" >"$new/release"
	: >"$new/modules/order"
	unset added
	declare -A added=()
	for module in "${wanted[@]}"; do
		add_module "$module"
	done
	rm -rf "$new/root" "$new/debs"
	rm -rf "${dir:?}/$series"
	mv "$new" "$dir/$series"
	echo "$series: Linux $(cat "$dir/$series/release")" >&2
done
