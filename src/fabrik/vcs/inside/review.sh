# Makes the reviewers' checkout of one commit, or moves the one that is there to another, inside a sandbox whose
# workspace no agent writes. HEAD is the exact commit, without a branch; a replacement (git help replace) shows a
# neutral commit in its place, so that neither its own message nor the steps on the way to it are seen.
# Only the history of the base is borrowed: the neutral commits lie in .git as they come, what they hold besides is
# packed there, and the commits that they replace are there by name only, as empty files. All of .git that can be is
# written by hand, in few processes: three of them are git.
# Arguments: workspace, commit, base, text of .git/config, text of .git/objects/info/alternates as it is to stay,
# replacements as "from:to:tree:loose object in octal escapes" with blanks between, object directories to pack from.
# Exit status: 0, 3 when the workspace holds something and no .git, else what failed. Doing it again is fine.
set -eu
umask 022
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR
unset GIT_NO_REPLACE_OBJECTS GIT_REPLACE_REF_BASE GIT_SHALLOW_FILE
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 LC_ALL=C

workspace=$1 commit=$2 base=$3 config=$4 shown=$5 replaced=$6
shift 6
cd "$workspace"
moving=0
if [ -d .git ] && [ ! -L .git ]; then
  moving=1
  rm -rf .git/refs .git/packed-refs .git/logs .git/shallow .git/*.lock .git/objects/?? .git/objects/pack/tmp_*
else
  for entry in * .[!.]* ..?*; do
    if [ -e "$entry" ] || [ -L "$entry" ]; then
      echo "fabrik: the workspace is not empty: $entry" >&2
      exit 3
    fi
  done
fi

below() { object=${1#??}; directory=.git/objects/${1%"$object"}; }  # where a loose object lies
directories=
for one in $replaced; do
  to=${one#*:}
  below "${one%%:*}" && directories="$directories $directory"
  below "${to%%:*}" && directories="$directories $directory"
done
# shellcheck disable=SC2086 # hexadecimal digits
mkdir -p .git/info .git/objects/info .git/objects/pack .git/refs/heads .git/refs/replace $directories
printf '%s' "$config" > .git/config
printf '%s\n' "$commit" > .git/HEAD
# The change's own .gitattributes could call its files binary, and git would not show what is in them.
printf '%s\n' '* !diff' > .git/info/attributes
for objects; do
  if [ -s "$objects/info/fabrik-shallow" ]; then
    cp "$objects/info/fabrik-shallow" .git/shallow
    break
  fi
done
trees=
for one in $replaced; do
  from=${one%%:*} to=${one#*:} tree=${one#*:*:}
  printf '%s\n' "${to%%:*}" > ".git/refs/replace/$from"
  # git finds an abbreviated id by the names of what is there; what it reads is the replacement.
  below "$from" && : > "$directory/$object"
  below "${to%%:*}" && printf "${tree#*:}" > "$directory/$object"
  trees="$trees${tree%%:*}
"
done

printf '%s\n' "$@" > .git/objects/info/alternates
pack=$(
  git --git-dir="$workspace/.git" -c pack.compression=1 -c pack.threads=1 \
    pack-objects --quiet --revs --non-empty --window=0 "$workspace/.git/objects/pack/pack" <<END
$trees^$base^{tree}
END
)
printf '%s' "$shown" > .git/objects/info/alternates
git --git-dir="$workspace/.git" --work-tree="$workspace" read-tree --reset -u "$commit"
[ "$moving" = 1 ] || exit 0
set --
for file in .git/objects/pack/pack-*; do
  case $file in
    ".git/objects/pack/pack-$pack."*) ;;
    *) set -- "$@" "$file" ;;
  esac
done
[ $# = 0 ] || rm -f "$@"
exec git --git-dir="$workspace/.git" --work-tree="$workspace" clean --quiet -ffdx
