# opencode, without a terminal, on chat completions: it writes files by its own tools.
here="$(dirname "$0")"
. "$here/agent.sh"
opencode="$FREEAI_ENVIRONMENT/node_modules/.bin/opencode"
export OPENCODE_DISABLE_AUTOUPDATE=1 OPENCODE_DISABLE_MODELS_FETCH=1 OPENCODE_DISABLE_DEFAULT_PLUGINS=1

mkdir -p "$HOME/.config/opencode"
models() { # a row for each provider's
  for provider in ${FREEAI_PROVIDERS//,/ }; do
    printf '"%s/ok": {"name": "ok"}, "%s/task": {"name": "task"}, ' "$provider" "$provider"
  done
}
cat >"$HOME/.config/opencode/opencode.json" <<JSON
{
  "provider": {
    "freeai": {
      "npm": "@ai-sdk/openai-compatible",
      "name": "FreeAI",
      "options": {"baseURL": "$FREEAI_URL/v1", "apiKey": "{env:FREEAI_KEY}"},
      "models": {$(models | sed 's/, $//')}
    }
  },
  "permission": "allow"
}
JSON

ask() {
  timeout 90 "$opencode" run --model "freeai/$1" "$2" </dev/null
}

writes() {
  ask "$1/task" "$(task write "{\"filePath\": \"$PWD/hello.txt\", \"content\": \"Hello\"}")" >&2 && grep --quiet Hello hello.txt
}

main "$opencode"
