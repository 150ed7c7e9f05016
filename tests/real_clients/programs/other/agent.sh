# What the programs of agents have in common. Each defines `ask MODEL PROMPT`, which prints what the agent says, in a folder of its own,
# and `writes PROVIDER`; `task` is a prompt by which the fake's model calls one of the agent's tools, as agents' models do.

task() { # TOOL ARGUMENTS
  echo "Do it. CALL $1 $(printf '%s' "$2" | base64 --wrap=0)"
}

cell() { # NAME CHECK: a function of a provider, which fails where the agent did
  local name="$1" check="$2" provider ok=true words= said
  for provider in ${FREEAI_PROVIDERS//,/ }; do
    rm -rf "$HOME/work" && mkdir "$HOME/work" && cd "$HOME/work" && git init --quiet . || exit 1
    if ! said="$("$check" "$provider" 2>&1)"; then
      ok=false
      words="$provider: $(printf '%s' "$said" | tail -c 200 | tr -c '[:alnum:] .,:/_-' ' ')"
      break
    fi
  done
  echo "{\"cell\": \"$name\", \"ok\": $ok, \"words\": \"$words\"}"
}

says() { # PROVIDER
  ask "$1/ok" "Say something." | tee /dev/stderr | grep --quiet 'quiet river\|reader while\|small lamps\|answer to'
}

main() { # AGENT: its cells; or one prompt alone, in the folder that is there, where FREEAI_PROMPT has one
  if [ -n "$FREEAI_PROMPT" ]; then
    cd "$HOME/work" && ask "$FREEAI_MODEL" "$FREEAI_PROMPT"
    exit
  fi
  echo "{\"version\": \"$("$1" --version | grep --only-matching --max-count=1 '[0-9][0-9.]*[0-9]' | head -1)\"}"
  cell text says
  cell tools writes
}
