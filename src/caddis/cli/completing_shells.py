"""Between the shells and completing.py: how each tells the line, and how each wants its candidates.

The last line of an answer says what else: `:files` and `:folders` leave it to the shell, `:done` means: that is all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from caddis.cli.completing import Candidate, Place, Source, place

_BREAKS = ("=", ":")  # where bash cuts words, though they are one
_USEFUL = 20  # columns beside the names; help that is cut shorter tells nothing
_AT_ONCE = ("37", "42")  # COMP_TYPE of bash's menu-complete and insert-completions: nothing is listed


def answer(words: Sequence[str], environment: Mapping[str, str]) -> str:
    """`words` are the shell, then what stands behind the program's name; the last one is being typed."""
    from caddis.cli.tree import ROOT

    shell, *line = words or ("",)
    cut = ""
    if shell == "bash":
        line, cut = join_bash_words(line)
    here = place(ROOT, line[:-1], line[-1] if line else "")
    if here.source in (Source.FILES, Source.FOLDERS):
        return f":{here.source}\n"
    candidates = here.fitting(here.fixed or _names(here, environment))
    match shell:
        case "bash":
            lines = bash_lines([Candidate(one.value[len(cut) :], one.help) for one in candidates], environment)
        case "zsh":
            lines = [f"{_zsh(one.value)}:{one.help}" if one.help else _zsh(one.value) for one in candidates]
        case _:
            lines = [f"{one.value}\t{one.help}" for one in candidates]
    return "".join(f"{' '.join(line.split(chr(10)))}\n" for line in [*lines, ":done"])


def _names(here: Place, environment: Mapping[str, str]) -> list[Candidate]:
    if here.source is None:
        return []
    from caddis.cli.completing_names import names_in_time

    return names_in_time(here, environment)


def _zsh(value: str) -> str:
    return value.replace("\\", "\\\\").replace(":", "\\:")


def join_bash_words(cut: Sequence[str]) -> tuple[list[str], str]:
    """Whole words, and how much of the last one bash does not regard as such: it completes what is behind a break."""
    words: list[str] = []
    joining = False
    before = ""
    for piece in cut:
        is_break = piece != "" and set(piece) <= set(_BREAKS)
        if words and (joining or (is_break and words[-1] != "")):
            before = words[-1] + piece if is_break else words[-1]
            words[-1] += _unquoted(piece)
        else:
            words.append(_unquoted(piece))
            before = ""
        joining = is_break
    return words, before


def _unquoted(piece: str) -> str:
    return piece.replace("\\", "").strip("'\"")


def bash_lines(candidates: Sequence[Candidate], environment: Mapping[str, str]) -> list[str]:
    """Bash shows what it would insert, so help goes beside only where there are several, and it inserts none whole."""
    if len(candidates) < 2 or environment.get("COMP_TYPE") in _AT_ONCE:
        return [one.value for one in candidates]
    columns = environment.get("COLUMNS", "")
    room = int(columns) if columns.isdigit() else 80
    width = max(len(one.value) for one in candidates)
    if room - width < _USEFUL:
        return [one.value for one in candidates]
    beside = [f"{one.value.ljust(width)}  ({one.help})" if one.help else one.value for one in candidates]
    return [line if len(line) <= room - 2 else f"{line[: room - 4]}…)" for line in beside]
