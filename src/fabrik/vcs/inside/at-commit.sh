# Moves a workspace that no agent wrote to exactly one commit, inside a sandbox (changed files are put back,
# untracked ones removed, ignored ones, which setup installed, kept), and runs a command there.
# Arguments: workspace, file with the commit, below HOME (it is removed), command, exit status for a checkout
# that failed. Exit status: that of the command, which gets the environment as it was.
(
  umask 022
  unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR
  export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 LC_ALL=C
  # Not `set -e`: it has no effect on the left of `||`.
  IFS= read -r commit < "$HOME/$2" &&
    { rm -f "$HOME/$2" & } &&
    cd "$1" &&
    git -c core.hooksPath=/dev/null -c advice.detachedHead=false checkout --quiet --force --detach "$commit" &&
    git -c core.hooksPath=/dev/null clean --quiet -ffd &&
    wait && [ ! -e "$HOME/$2" ]
) || exit "$4"
exec sh -c "$3"
