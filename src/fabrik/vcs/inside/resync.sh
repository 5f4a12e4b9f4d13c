# Lays a new .git at a commit under the files of a workspace, inside a sandbox. The files stay as they are.
# Arguments: workspace, commit, branch, text of .git/config, object directories.
# Exit status: 0, else what failed.
set -eu
umask 022
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 LC_ALL=C

workspace=$1 commit=$2 branch=$3 config=$4
shift 4
chmod u+rwx "$workspace" 2> /dev/null || :
cd "$workspace"
if [ -d .git ] && [ ! -L .git ]; then
  chmod -R u+rwX .git 2> /dev/null || :
fi
rm -rf .git
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
exec git --git-dir="$workspace/.git" --work-tree="$workspace" read-tree --reset "$commit"
