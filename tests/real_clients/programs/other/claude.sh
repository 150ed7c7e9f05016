# Claude Code, without a terminal: it speaks the Messages API, and writes files by its own tools.
here="$(dirname "$0")"
. "$here/agent.sh"
claude="$FREEAI_ENVIRONMENT/node_modules/.bin/claude"
export ANTHROPIC_BASE_URL="$FREEAI_URL" ANTHROPIC_AUTH_TOKEN="$FREEAI_KEY" CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1 DISABLE_AUTOUPDATER=1

ask() {
  ANTHROPIC_DEFAULT_HAIKU_MODEL="${1%/*}/ok" timeout 90 "$claude" --print --model "$1" --allowedTools Write,Edit -- "$2" </dev/null
}

writes() {
  ask "$1/task" "$(task Write "{\"file_path\": \"$PWD/hello.txt\", \"content\": \"Hello\"}")" >&2 && grep --quiet Hello hello.txt
}

main "$claude"
