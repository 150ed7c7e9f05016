# opencode, without a terminal, by its provider for chat completions.
here="$(dirname "$0")"
. "$here/agent.sh"
opencode="$FREEAI_ENVIRONMENT/node_modules/.bin/opencode"
export OPENCODE_DISABLE_AUTOUPDATE=1 OPENCODE_DISABLE_MODELS_FETCH=1 OPENCODE_PERMISSION='{"edit": "allow", "bash": "allow"}'

ask() {
  cat >opencode.json <<JSON
{
  "provider": {
    "freeai": {
      "npm": "@ai-sdk/openai-compatible",
      "name": "FreeAI",
      "options": {"baseURL": "$FREEAI_URL/v1", "apiKey": "$FREEAI_KEY"},
      "models": {"$1": {"name": "One", "tool_call": true, "limit": {"context": 131072, "output": 8192}}, "${1%/*}/ok": {"name": "Small"}}
    }
  },
  "small_model": "freeai/${1%/*}/ok"
}
JSON
  timeout 90 "$opencode" run --model "freeai/$1" "$2" </dev/null
}

writes() {
  ask "$1/task" "$(task write "{\"filePath\": \"$PWD/hello.txt\", \"content\": \"Hello\"}")" >&2 && grep --quiet Hello hello.txt
}

version "$("$opencode" --version)"
cell text says
cell tools writes
