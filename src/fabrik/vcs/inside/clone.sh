# Makes a clone of one commit in an empty workspace, inside a sandbox: a branch and its history, nothing else.
# Its objects are borrowed. The files of .git are written by hand (git help gitrepository-layout): one git process.
# Arguments: workspace, commit, branch, text of .git/config, object directories.
# Exit status: 0, 3 when the workspace is not empty, else what failed.
set -eu
umask 022
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 LC_ALL=C

workspace=$1 commit=$2 branch=$3 config=$4
shift 4
cd "$workspace"
for entry in * .[!.]* ..?*; do
  if [ -e "$entry" ] || [ -L "$entry" ]; then
    echo "fabrik: the workspace is not empty: $entry" >&2
    exit 3
  fi
done

mkdir .git .git/hooks .git/info .git/objects .git/objects/info .git/objects/pack .git/refs .git/refs/heads .git/refs/tags
printf '%s\n' "$@" > .git/objects/info/alternates
printf '%s' "$config" > .git/config
printf '%s\n' "$commit" > ".git/refs/heads/$branch"
printf 'ref: refs/heads/%s\n' "$branch" > .git/HEAD
for objects; do
  if [ -s "$objects/info/fabrik-shallow" ]; then
    cp "$objects/info/fabrik-shallow" .git/shallow
    break
  fi
done
exec git --git-dir="$workspace/.git" --work-tree="$workspace" read-tree --reset -u "$commit"
