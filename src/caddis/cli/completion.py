"""`fly completion <bash|zsh|fish>`: the script that makes a shell ask `fly __complete` (completing_shells.py)."""

from __future__ import annotations

from caddis.cli.call import Call
from caddis.cli.verb import exactly, verb
from caddis.domain.errors import Invalid

BASH = r"""# bash completion for fly (Caddis)
_fly_complete() {
    local IFS=$'\n' said
    said=($(COMP_TYPE=$COMP_TYPE COLUMNS=$COLUMNS "$1" __complete bash "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
    COMPREPLY=()
    ((${#said[@]})) || return 0
    case ${said[-1]} in
    :files) compopt -o default ;;
    :folders) compopt -o dirnames ;;
    :done)
        unset 'said[-1]'
        COMPREPLY=("${said[@]}")
        ;;
    esac
}
complete -o nosort -F _fly_complete fly flyctl
"""

ZSH = r"""#compdef fly flyctl
# zsh completion for fly (Caddis)
_fly() {
    local -a said
    said=("${(@f)$("${words[1]}" __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    case ${said[-1]} in
    :files) compset -P '*='; _files ;;
    :folders) compset -P '*='; _files -/ ;;
    :done)
        said=("${(@)said[1,-2]}")
        (( $#said )) && _describe -V fly said
        ;;
    esac
}
if [ "$funcstack[1]" = "_fly" ]; then
    _fly
elif (( $+functions[compdef] )); then
    compdef _fly fly flyctl
else
    autoload -Uz compinit && compinit && compdef _fly fly flyctl
fi
"""

FISH = r"""# fish completion for fly (Caddis)
function __fly_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l said ($words[1] __complete fish $words[2..-1] "$last" 2>/dev/null)
    set -l flag (string match -r '^--[^=]*=' -- "$last"; or echo)
    set -l rest (string replace -r '^--[^=]*=' '' -- "$last")
    switch "$said[-1]"
        case :files
            for path in (__fish_complete_path "$rest")
                echo $flag$path
            end
        case :folders
            for path in (__fish_complete_directories "$rest")
                echo $flag$path
            end
        case :done
            if test (count $said) -gt 1
                printf '%s\n' $said[1..-2]
            end
    end
end
complete -c fly -f -a '(__fly_complete)'
complete -c flyctl -f -a '(__fly_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def run(call: Call) -> None:
    """Asks nothing of the server."""
    shell = call.arguments[0]
    if shell not in SCRIPTS:
        raise Invalid(
            f"there is no completion for {shell!r}, only for {', '.join(SCRIPTS)}", hint="fly completion bash"
        )
    call.say(SCRIPTS[shell], end="")


COMMAND = verb(
    run,
    usage="completion <bash|zsh|fish>",
    long="""Print the completion script of a shell.

It completes commands, flags with their values, and the names that the server knows: apps, machines, volumes, snapshots,
regions. Those are asked for when you press Tab, for a second and a half at most.

To have it in every new shell:

  echo 'eval "$(fly completion bash)"' >> ~/.bashrc
  echo 'eval "$(fly completion zsh)"' >> ~/.zshrc
  fly completion fish > ~/.config/fish/completions/fly.fish""",
    examples=(
        'eval "$(fly completion bash)"  # in this shell',
        "fly completion fish > ~/.config/fish/completions/fly.fish",
    ),
    count=exactly(1),
)
