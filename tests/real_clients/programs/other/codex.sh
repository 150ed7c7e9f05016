# Codex, without a terminal: it speaks the Responses API, and edits files by commands of its own.
here="$(dirname "$0")"
. "$here/agent.sh"
codex="$FREEAI_ENVIRONMENT/node_modules/.bin/codex"

mkdir -p "$HOME/.codex"
cat >"$HOME/.codex/config.toml" <<TOML
model_provider = "freeai"
web_search = "disabled"
[model_providers.freeai]
name = "FreeAI"
base_url = "$FREEAI_URL/v1"
env_key = "FREEAI_KEY"
wire_api = "responses"
TOML

ask() {
  timeout 90 "$codex" exec --skip-git-repo-check --dangerously-bypass-approvals-and-sandbox --model "$1" "$2" </dev/null
}

writes() {
  ask "$1/task" "$(task exec_command '{"cmd": "echo Hello > hello.txt"}')" >&2 && grep --quiet Hello hello.txt
}

main "$codex"
