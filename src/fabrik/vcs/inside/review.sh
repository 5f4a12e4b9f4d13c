# Makes the reviewers' checkout of one commit, or moves the one that is there to another, inside a sandbox whose
# workspace no agent writes. HEAD is the exact commit, without a branch; a replacement (git help replace) shows a
# neutral commit in its place, so that neither its own message nor the steps on the way to it are seen.
# Only the history of the base is borrowed: what else the replacements need is packed into .git, and the commits
# that they replace are there by name only, as empty files. The files of .git are written by hand: three git processes at the most.
# Arguments: workspace, commit, base, text of .git/config, text of .git/objects/info/alternates as it is to stay,
# replacements as "from:to" with blanks between, object directories to pack from.
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

mkdir -p .git/info .git/objects/info .git/objects/pack .git/refs/heads .git/refs/replace
printf '%s' "$config" > .git/config
printf '%s\n' "$commit" > .git/HEAD
# The change's own .gitattributes could call its files binary, and git would not show what is in them.
printf '%s\n' '* !diff' > .git/info/attributes
for pair in $replaced; do printf '%s\n' "${pair#*:}" > ".git/refs/replace/${pair%:*}"; done
for objects; do
  if [ -s "$objects/info/fabrik-shallow" ]; then
    cp "$objects/info/fabrik-shallow" .git/shallow
    break
  fi
done

printf '%s\n' "$@" > .git/objects/info/alternates
# "--shallow": the walk does not go on to the commit's parents.
pack=$(
  {
    for pair in $replaced; do printf '%s %s\n' --shallow "${pair#*:}"; done
    for pair in $replaced; do printf '%s\n' "${pair#*:}"; done
    printf '^%s^{tree}\n' "$base"
  } | git --git-dir="$workspace/.git" -c pack.compression=1 -c pack.threads=1 \
    pack-objects --quiet --revs --non-empty --window=0 "$workspace/.git/objects/pack/pack"
)
printf '%s' "$shown" > .git/objects/info/alternates
# git finds an abbreviated id by the names of what is there; what it reads is the replacement.
for pair in $replaced; do
  rest=${pair#??}
  mkdir -p ".git/objects/${pair%"$rest"}"
  : > ".git/objects/${pair%"$rest"}/${rest%:*}"
done

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
