# aider, without a terminal, on chat completions: an edit is a whole file in the answer, which the fake echoes.
here="$(dirname "$0")"
. "$here/agent.sh"
aider="$FREEAI_ENVIRONMENT/bin/aider"
export OPENAI_API_BASE="$FREEAI_URL/v1" OPENAI_API_KEY="$FREEAI_KEY" LITELLM_LOCAL_MODEL_COST_MAP=True

ask() {
  timeout 120 "$aider" --model "openai/$1" --no-show-model-warnings --no-check-update --analytics-disable --no-git --yes-always --no-pretty \
    --map-tokens 0 --edit-format whole --message "$2" hello.txt </dev/null
}

writes() {
  touch hello.txt
  ask "$1/echo" "$(printf 'hello.txt\n```\nHello\n```\n')" >&2 && grep --quiet Hello hello.txt
}

main "$aider"
