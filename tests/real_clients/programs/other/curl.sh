# curl on chat completions: each cell is a request, and what stands in its answer.
cell() { # NAME BEHAVIOUR PATTERN STATUS BODY-MEMBERS
  local name="$1" behaviour="$2" pattern="$3" status="$4" members="$5" provider answer code ok=true words=
  for provider in ${FREEAI_PROVIDERS//,/ }; do
    answer="$(curl --silent --show-error --max-time 60 --write-out '\n%{http_code}' "$FREEAI_URL/v1/chat/completions" \
      -H "Authorization: Bearer $FREEAI_KEY" -H 'Content-Type: application/json' \
      -d "{\"model\": \"$provider/$behaviour\", $members}" 2>&1)"
    code="${answer##*$'\n'}"
    if [ "$code" != "$status" ] || ! grep --quiet "$pattern" <<<"$answer"; then
      ok=false
      words="$provider: status $code"
    fi
  done
  echo "{\"cell\": \"$name\", \"ok\": $ok, \"words\": \"$words\"}"
}

hello='"messages": [{"role": "user", "content": "Hello"}]'
schema='{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": false}'
tools="\"tools\": [{\"type\": \"function\", \"function\": {\"name\": \"get_weather\", \"parameters\": $schema}}]"
pixel=iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==

echo "{\"version\": \"$(curl --version | sed -n '1s/^curl \([^ ]*\).*/\1/p')\"}"
cell text ok '"finish_reason":"stop"' 200 "$hello"
cell stream ok '"usage":{"prompt_tokens":[1-9]' 200 "$hello, \"stream\": true, \"stream_options\": {\"include_usage\": true}"
cell tools parallel_tools 'Oslo' 200 "$hello, $tools"
cell "streamed tools" parallel_tools '"finish_reason":"tool_calls"' 200 "$hello, $tools, \"stream\": true"
cell structured echo 'Rome' 200 "\"messages\": [{\"role\": \"user\", \"content\": \"{\\\"city\\\": \\\"Rome\\\"}\"}],
  \"response_format\": {\"type\": \"json_schema\", \"json_schema\": {\"name\": \"city\", \"schema\": $schema, \"strict\": true}}"
cell image ok '"finish_reason":"stop"' 200 "\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"What?\"},
  {\"type\": \"image_url\", \"image_url\": {\"url\": \"data:image/png;base64,$pixel\"}}]}]"
cell errors ok '"param":"temperature"' 400 "$hello, \"temperature\": 9"
