"""What each shell reads, and how it is answered: click's own, but for words that a shell takes apart."""

from __future__ import annotations

from collections.abc import Mapping

from click.shell_completion import BashComplete, CompletionItem, FishComplete, ShellComplete, ZshComplete

_BASH = """\
%(complete_func)s() {
    local IFS=$'\\n' line=${COMP_LINE:0:COMP_POINT} taken= breaks= mark type value
    # bash takes words apart at these, and replaces the last piece alone: the rest of the word is not said again.
    for mark in = : @; do
        [[ $COMP_WORDBREAKS == *$mark* ]] && breaks+=$mark
    done
    local word=${line##*[[:space:]]}
    [[ -n $breaks ]] && taken=${word%%"${word##*[$breaks]}"}
    [[ $line == *[[:space:]] ]] && line+='""'
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("${value#"$taken"}") ;;
        esac
    done < <(env COMP_WORDS="$line" COMP_CWORD=-1 %(complete_var)s=bash_complete "$1")
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Joined(ShellComplete):
    """Answers for ``--format=j`` with the whole word, as it stands on the line."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """What may stand for ``incomplete``."""
        found = super().get_completions(args, incomplete)
        option, mark, _ = incomplete.partition("=")
        if not (mark and option.startswith("-")):
            return found
        return [
            CompletionItem(f"{option}={one.value}" if one.type == "plain" else one.value, one.type) for one in found
        ]


class _Bash(_Joined, BashComplete):
    """Reads the line, not bash's words: those are cut at the colons of a destination."""

    source_template = _BASH

    def source(self) -> str:
        """What bash reads, without starting one to see how old it is."""
        return ShellComplete.source(self)


class _Zsh(_Joined, ZshComplete):
    """As click has it."""


class _Fish(_Joined, FishComplete):
    """As click has it, but for values with a comma."""

    source_template = FishComplete.source_template.replace('split "," $completion', 'split -m 1 "," $completion')


KINDS: Mapping[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}
