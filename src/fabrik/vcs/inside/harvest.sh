# Collects what a session left in its workspace, inside the sandbox, as a git bundle on stdout.
#
# The workspace's .git is the agent's and may be anything. It is not used as a git directory: an own one, with an
# own configuration, borrows its objects and takes over the ids of its branches. Its hooks, configuration, filters,
# lock files, info/exclude and flags in its index (assume-unchanged, skip-worktree) have no effect. When it cannot
# be used at all, the files of the workspace are compared with the base instead.
#
# Arguments: base commit, workspace, message, name, email, largest file in bytes, "trust" or "salvage" (do not look
# at .git), object directories. Exit status: 0, or 4 when nothing was harvested. stdout is a whole bundle or empty.
# The last line on stderr is the report: see harvest.py.
set -u
umask 022
unset GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_NAMESPACE GIT_CONFIG_COUNT
unset GIT_LITERAL_PATHSPECS GIT_CONFIG_PARAMETERS GIT_EXTERNAL_DIFF
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_ATTR_NOSYSTEM=1 GIT_TERMINAL_PROMPT=0 LC_ALL=C
export GIT_OPTIONAL_LOCKS=0 GIT_NO_REPLACE_OBJECTS=1

base=$1 workspace=$2 message=$3 name=$4 email=$5 largest=$6 mode=$7
shift 7
many=500                 # branches; with more of them only HEAD is taken
head=$base headref='' leftover=0 skipped=0 partial=0 state=missing
agent='' common='' aside=.fabrik-nested-git
newline='
'

say() { printf 'fabrik-note: %s\n' "$*" >&2; }
fail() {
  say "$*"
  exit 4
}

# An own git directory in a new directory that nobody made before. Making it and looking at the workspace's .git
# are waited for together.
number=$$
place() {
  scratch=${TMPDIR:-/tmp}/fabrik-harvest.$number
  mkdir "$scratch" "$scratch/git" "$scratch/git/info" "$scratch/git/objects" "$scratch/git/objects/info" \
    "$scratch/git/objects/pack" "$scratch/git/refs" 2> /dev/null
}
scratch=${TMPDIR:-/tmp}/fabrik-harvest.$number
place &
placing=$!

# Where the workspace's .git is; 1 when it is of no use.
locate() {
  if [ -d .git ]; then
    agent=$workspace/.git
  elif [ -f .git ]; then
    state=damaged
    line=$(head -c 4096 .git | tr -d '\0')
    case $line in
      'gitdir: /'*) agent=${line#gitdir: } ;;
      'gitdir: '*) agent=$workspace/${line#gitdir: } ;;
      *) return 1 ;;
    esac
  elif [ -e .git ] || [ -L .git ]; then
    state=damaged
  fi
  [ -n "$agent" ] && [ -d "$agent" ] || return 1
  state=damaged
  case $agent in *"$newline"*) return 1 ;; esac
  common=$agent
  if [ -f "$agent/commondir" ]; then
    IFS= read -r line < "$agent/commondir"
    case $line in /*) common=$line ;; *) common=$agent/$line ;; esac
  fi
  [ -f "$agent/HEAD" ] && [ -d "$common/objects" ] || return 1
  # Pipes would block a reader for ever; links lead elsewhere; a ref has one short line.
  odd=$(cd "$common" && find "$agent/HEAD" refs packed-refs objects \
    ! -type d ! -type f -print -o -type f -path 'refs/*' -size +8 -print -o -name HEAD -size +8 -print \
    -o -name packed-refs -size +2048 -print 2> /dev/null)
  [ -z "$odd" ]
}

[ -r "$workspace" ] && [ -w "$workspace" ] && [ -x "$workspace" ] || chmod u+rwx "$workspace" 2> /dev/null || :
there=0 usable=0
if cd "$workspace"; then
  there=1
  if [ "$mode" != salvage ] && locate; then usable=1; fi
fi
if ! wait "$placing"; then
  until number=$((number + 1)) && place; do
    [ "$number" -lt $(($$ + 100)) ] || fail "no directory can be made in ${TMPDIR:-/tmp}"
  done
fi
clean() {
  if [ -s "$scratch/moved" ]; then
    while IFS= read -r place; do
      mv "$place/$aside" "$place/.git"
    done < "$scratch/moved"
  fi
  rm -rf "$scratch" & # nobody waits for it; where it is cut off, the sandbox takes the rest along
}
trap clean EXIT
trap 'exit 4' HUP INT TERM
export GIT_DIR="$scratch/git" GIT_WORK_TREE="$workspace"
[ "$there" = 1 ] || fail "the workspace is gone"
version=0 extensions='' signature='# v2 git bundle'
if [ ${#base} -eq 64 ]; then
  version=1 extensions="[extensions]${newline}objectformat=sha256" signature="# v3 git bundle${newline}@object-format=sha256"
fi
printf '%s\n' '[core]' "repositoryformatversion=$version" 'bare=false' 'filemode=true' 'hooksPath=/dev/null' \
  'fsmonitor=false' 'untrackedCache=false' 'excludesFile=/dev/null' 'attributesFile=/dev/null' \
  'logAllRefUpdates=false' 'commitGraph=false' 'multiPackIndex=false' 'splitIndex=false' 'bigFileThreshold=32m' 'safecrlf=false' \
  '[gc]' 'auto=0' '[maintenance]' 'auto=false' '[submodule]' 'recurse=false' '[diff]' 'ignoreSubmodules=dirty' '[pack]' 'compression=1' \
  '[advice]' 'addEmbeddedRepo=false' "$extensions" > "$GIT_DIR/config"
# What interpreters, test runners and package managers leave behind is no work, unless the project tracks it.
printf '%s\n' "$aside" '__pycache__/' '*.py[co]' '.pytest_cache/' '.mypy_cache/' '.ruff_cache/' 'node_modules/' \
  '.venv/' '.DS_Store' > "$GIT_DIR/info/exclude"
printf '%s\n' "$@" > "$GIT_DIR/objects/info/alternates"
: > "$scratch/refs"
: > "$scratch/moved"
for objects; do
  if [ -s "$objects/info/fabrik-shallow" ]; then
    cp "$objects/info/fabrik-shallow" "$GIT_DIR/shallow"
    break
  fi
done

# --- What the workspace's .git says -----------------------------------------------------------------------------

is_id() {
  case $1 in '' | *[!0-9a-f]*) return 1 ;; esac
  [ ${#1} -eq ${#base} ]
}

# A branch of the agent: an id and a name that git would accept.
take() {
  is_id "$1" || return 0
  case $2 in
    *[[:space:][:cntrl:]~^:?*\\[]* | *..* | *@\{* | */.* | *. | *.lock | *.lock/* | *//* | */) return 0 ;;
  esac
  if [ "$2" = "$headref" ]; then head=$1; fi
  if [ "$1" != "$base" ]; then
    printf '%s %s\n' "$1" "$2" >> "$scratch/refs"
    count=$((count + 1))
  fi
}

loose() {
  for file in "$1"/*; do
    if [ -d "$file" ]; then
      loose "$file" "$2/${file##*/}"
    elif [ -f "$file" ]; then
      id=''
      IFS= read -r id < "$file"
      take "$id" "$2/${file##*/}"
    fi
  done
}

read_agent() {
  count=0 line=''
  IFS= read -r line < "$agent/HEAD"
  case $line in
    'ref: refs/heads/'*) headref=${line#ref: } ;;
    *) is_id "$line" && head=$line || return 1 ;;
  esac
  loose "$common/refs/heads" refs/heads
  if [ -f "$common/refs/stash" ]; then
    id=''
    IFS= read -r id < "$common/refs/stash"
    take "$id" refs/stash
  fi
  if [ -f "$common/packed-refs" ]; then
    while read -r id ref; do
      case $ref in
        refs/heads/* | refs/stash) [ -f "$common/$ref" ] || take "$id" "$ref" ;;
      esac
    done < "$common/packed-refs"
  fi
  if [ "$count" -gt "$many" ]; then
    say "$count branches: only HEAD was taken"
    : > "$scratch/refs"
  fi
  printf '%s\n' "$common/objects" >> "$GIT_DIR/objects/info/alternates"
  state=healthy
}

# --- What is not committed --------------------------------------------------------------------------------------

# The files that differ from HEAD, as lines of `XY path`; strange paths are in quotes.
look() {
  git status --porcelain --no-renames --untracked-files=all --ignore-submodules=dirty \
    > "$scratch/status" 2> "$scratch/errors"
}

# The same with NUL after each, and no quotes.
look_exactly() {
  git status --porcelain -z --no-renames --untracked-files=all --ignore-submodules=dirty \
    > "$scratch/exactly" 2> "$scratch/errors"
}

# Reads what `look` found: the first lines are all there is to read in most cases, and cost no process.
glance() {
  lines=0 nested=0 plain=1
  while IFS= read -r line; do
    lines=$((lines + 1))
    case $line in
      */ | */\") nested=1 ;;
    esac
    case $line in
      *\") plain=0 ;;
    esac
    [ "$lines" -le 100 ] || {
      plain=0 nested=1 # too many to read here: let `look_exactly` see
      break
    }
    done < "$scratch/status"
}

own_index() {
  if [ "$GIT_INDEX_FILE" != "$scratch/index" ]; then
    cp "$GIT_INDEX_FILE" "$scratch/index" || return 1
    GIT_INDEX_FILE=$scratch/index
  fi
}

# A regular file; and not split in two, as git would look for the other half in the wrong place.
usable_index() {
  [ -f "$agent/index" ] && [ ! -L "$agent/index" ] || return 1
  for half in "$agent"/sharedindex.*; do [ ! -e "$half" ] || return 1; done
}

fresh_index() {
  rm -f "$scratch/index"
  GIT_INDEX_FILE=$scratch/index
  git read-tree --reset "$head" 2> "$scratch/errors"
}

# Flags in the index that hide changes are dropped. A file that a sparse checkout left out stays left out.
unhide() {
  own_index || return 1
  git ls-files -z > "$scratch/paths" &&
    git update-index -z --no-assume-unchanged --stdin < "$scratch/paths" &&
    git ls-files -t -z > "$scratch/tags" || return 1
  xargs -0 sh -c 'for entry; do
    case $entry in "S "*) [ -e "./${entry#S }" ] && printf "%s\0" "${entry#S }";; esac
  done; :' fabrik < "$scratch/tags" > "$scratch/paths"
  git update-index -z --no-skip-worktree --stdin < "$scratch/paths"
}

# A repository inside the workspace, which git would take as a bare reference and lose its files.
uncover() {
  case $1 in *"$newline"*) return 1 ;; esac
  if mv "./$1/.git" "./$1/$aside" 2> /dev/null; then
    printf '%s\n' "./$1" >> "$scratch/moved"
    say "the files of the repository inside ${1%/} were taken without its history"
  fi
}

# Such repositories that the agent already added or committed. Those of the project itself, and those that
# .gitmodules names, are submodules and stay.
uncover_links() {
  own_index || return 1
  git ls-files -s | grep '^160000 ' > "$scratch/links"
  while IFS= read -r link; do
    place=${link#*	}
    [ -e "./$place/.git" ] || continue
    [ -n "$(git ls-tree "$base" -- "$place")" ] && continue
    [ -f .gitmodules ] && grep -Fq "path = $place" .gitmodules && continue
    uncover "$place" && git update-index --force-remove -- "$place"
  done < "$scratch/links"
}

uncover_untracked() {
  glance
  [ "$nested" = 1 ] && look_exactly || return 1
  xargs -0 sh -c 'for entry; do case $entry in "?? "*/) printf "%s\n" "${entry#???}";; esac; done' fabrik \
    < "$scratch/exactly" > "$scratch/nested"
  [ -s "$scratch/nested" ] || return 1
  found=1
  while IFS= read -r place; do
    uncover "${place%/}" && found=0
  done < "$scratch/nested"
  return "$found"
}

# Files that are too large stay out, and the report says so.
leave_out_large() {
  printf '.\0' > "$scratch/wanted"
  if [ "$plain" = 1 ]; then
    set --
    while IFS= read -r line; do set -- "$@" "./${line#???}"; done < "$scratch/status"
    find "$@" -prune -type f -size +"$largest"c -print0 > "$scratch/large" 2> /dev/null
  else
    look_exactly
    xargs -0 sh -c 'for entry; do printf "./%s\0" "${entry#???}"; done' fabrik < "$scratch/exactly" |
      xargs -0 sh -c 'exec find "$@" -prune -type f -size +'"$largest"'c -print0' fabrik \
        > "$scratch/large" 2> /dev/null
  fi
  [ -s "$scratch/large" ] || return 0
  xargs -0 sh -c 'for path; do printf ":(exclude,literal,top)%s\0" "${path#./}"; done' fabrik \
    < "$scratch/large" >> "$scratch/wanted"
  skipped=$(tr -cd '\0' < "$scratch/large" | wc -c)
  skipped=$((skipped))
  say "$skipped files with more than $largest bytes each were left out:" \
    "$(tr '\n\0' '? ' < "$scratch/large" | head -c 1000)"
}

add() {
  git add --all --ignore-errors --pathspec-from-file="$scratch/wanted" --pathspec-file-nul \
    > /dev/null 2> "$scratch/errors"
}

full() {
  if [ -s "$scratch/errors" ] && grep -q -e 'No space left' -e 'quota exceeded' "$scratch/errors"; then
    fail "no space is left for what the session wrote"
  fi
}

# Leaves the commit to take in $head.
snapshot() {
  printf '%s\n' "$head" > "$GIT_DIR/HEAD"
  export GIT_INDEX_FILE="$scratch/index"
  if [ "$state" = healthy ] && usable_index; then
    GIT_INDEX_FILE=$agent/index
  else
    fresh_index || return 1
  fi
  # Beside the status: flags that hide changes (a small letter, S), and repositories taken as a reference.
  look &
  flags=$newline$(git ls-files -s -v 2> /dev/null)
  if ! wait "$!"; then
    if [ "$GIT_INDEX_FILE" = "$scratch/index" ]; then return 1; fi
    fresh_index && look || return 1
  else
    case $flags in
      *"$newline"[a-z]' '* | *"$newline"S' '* | *"$newline"[A-Z]' 160000 '*)
        unhide || fresh_index || return 1
        uncover_links
        look || return 1
        ;;
    esac
  fi
  if [ -s "$scratch/errors" ] && grep -q 'Permission denied' "$scratch/errors"; then
    chmod -R u+rwX . 2> /dev/null
    look || return 1
  fi
  [ -s "$scratch/status" ] || return 0
  rounds=0
  while [ "$rounds" -lt 20 ] && uncover_untracked; do
    look || return 1
    rounds=$((rounds + 1))
  done
  # The agent's index may be written, as long as nobody seems to hold it: what is added is committed next.
  if [ -e "$agent/index.lock" ] || [ -L "$agent/index.lock" ]; then own_index || return 1; fi
  leave_out_large
  if ! add; then
    full
    own_index || return 1
    chmod -R u+rwX . 2> /dev/null
    printf '%s\n' '* !working-tree-encoding !eol !text !ident' > "$GIT_DIR/info/attributes"
    if ! add; then
      full
      partial=1
      say "some files could not be read: $(tail -n 3 "$scratch/errors" | tr '\n' ' ')"
    fi
  fi
  # Writes the tree, compares it with HEAD's and makes the commit, all in one. 1: there is nothing to commit.
  GIT_AUTHOR_NAME=$name GIT_AUTHOR_EMAIL=$email GIT_COMMITTER_NAME=$name GIT_COMMITTER_EMAIL=$email \
    git commit --quiet --no-verify --no-status --cleanup=whitespace --allow-empty-message -m "$message" \
    > /dev/null 2> "$scratch/errors"
  case $? in
    0)
      IFS= read -r head < "$GIT_DIR/HEAD"
      leftover=1
      ;;
    1) ;;
    *)
      full
      return 1
      ;;
  esac
}

# --- The bundle -------------------------------------------------------------------------------------------------

pack() {
  if [ "$head" = "$base" ] && [ ! -s "$scratch/refs" ]; then return 0; fi
  {
    printf '^%s\n%s\n' "$base" "$head"
    while read -r id ref; do printf '%s\n' "$id"; done < "$scratch/refs"
  } > "$scratch/ids"
  {
    printf '%s\n-%s\n%s HEAD\n' "$signature" "$base" "$head"
    while read -r id ref; do printf '%s %s\n' "$id" "$ref"; done < "$scratch/refs"
    printf '\n'
  } > "$scratch/header"
  git pack-objects --revs --thin --stdout --delta-base-offset -q < "$scratch/ids" \
    > "$scratch/pack" 2> "$scratch/errors" && return 0
  full
  return 1
}

restart() {
  head=$1 leftover=0 skipped=0 partial=0
  : > "$scratch/refs"
  rm -f "$scratch/index" "$scratch/header" "$scratch/pack"
}

if [ "$usable" = 0 ] || ! read_agent; then restart "$base"; fi
seen=$head
if ! { snapshot && pack; }; then
  # Perhaps only a branch is broken: HEAD alone. Else the files alone.
  restart "$seen"
  if [ "$state" != healthy ] || ! { snapshot && pack; }; then
    restart "$base"
    state=damaged
    printf '%s\n' "$@" > "$GIT_DIR/objects/info/alternates"
    { snapshot && pack; } || fail "git failed: $(tail -n 3 "$scratch/errors" | tr '\n' ' ')"
  else
    say "the other branches are damaged: only HEAD was taken"
  fi
fi
new=0
if [ -s "$scratch/header" ]; then
  new=1
  cat "$scratch/header" "$scratch/pack" || fail "the bundle could not be written"
fi
printf 'fabrik-harvest: head=%s leftover=%s git=%s new=%s skipped=%s partial=%s\n' \
  "$head" "$leftover" "$state" "$new" "$skipped" "$partial" >&2
