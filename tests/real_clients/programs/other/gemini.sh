# gemini-cli, without a terminal: it speaks Google's API, and writes files by its own tools.
here="$(dirname "$0")"
. "$here/agent.sh"
gemini="$FREEAI_ENVIRONMENT/node_modules/.bin/gemini"
export GOOGLE_GEMINI_BASE_URL="$FREEAI_URL" GEMINI_API_KEY="$FREEAI_KEY" GEMINI_CLI_TRUST_WORKSPACE=true

mkdir -p "$HOME/.gemini"
cat >"$HOME/.gemini/settings.json" <<JSON
{"security": {"auth": {"selectedType": "gemini-api-key"}}, "general": {"disableAutoUpdate": true}, "privacy": {"usageStatisticsEnabled": false}}
JSON

ask() {
  timeout 90 "$gemini" --model "$1" --yolo --prompt "$2" </dev/null
}

writes() {
  ask "$1/task" "$(task write_file "{\"file_path\": \"$PWD/hello.txt\", \"content\": \"Hello\"}")" >&2 && grep --quiet Hello hello.txt
}

main "$gemini"
