# qwen-code, without a terminal, on chat completions.
here="$(dirname "$0")"
. "$here/agent.sh"
qwen="$FREEAI_ENVIRONMENT/node_modules/.bin/qwen"
export OPENAI_BASE_URL="$FREEAI_URL/v1" OPENAI_API_KEY="$FREEAI_KEY" QWEN_TELEMETRY_ENABLED=false

ask() {
  OPENAI_MODEL="$1" timeout 90 "$qwen" --auth-type openai --model "$1" --yolo --prompt "$2" </dev/null
}

writes() {
  ask "$1/task" "$(task write_file "{\"file_path\": \"$PWD/hello.txt\", \"content\": \"Hello\"}")" >&2 && grep --quiet Hello hello.txt
}

main "$qwen"
