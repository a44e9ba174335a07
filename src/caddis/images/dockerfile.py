"""Which images a Dockerfile builds upon. Pure; everything else about Dockerfiles is buildah's business."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::?-(?P<default>[^}]*))?\}|(?P<plain>\w+))")
_FROM_FLAG = re.compile(r"(?:^|,)from=([^,\s]+)")


def list_bases(text: str, build_args: Mapping[str, str]) -> tuple[str, ...]:
    """Every image that is named after FROM, COPY --from and RUN --mount=…from, once each and in order.

    Stages of the file itself, `scratch` and names that remain empty are left out.
    """
    variables: dict[str, str] = {}
    stages: set[str] = {"scratch"}
    bases: list[str] = []
    seen_from = False
    for verb, words in _instructions(text):
        if verb == "ARG" and not seen_from:
            for word in words:
                name, _, default = word.partition("=")
                variables[name] = build_args.get(name, _unquote(default))
        elif verb == "FROM":
            seen_from = True
            plain = [word for word in words if not word.startswith("--")]
            if plain:
                bases.append(_expand(_unquote(plain[0]), variables))
                bases = [base for base in bases if base.lower() not in stages]
            if len(plain) >= 3 and plain[1].upper() == "AS":
                stages.add(plain[2].lower())
        elif verb in ("COPY", "ADD", "RUN"):
            bases += [origin for origin in _origins(words) if origin.lower() not in stages and not origin.isdigit()]
    return tuple(dict.fromkeys(base for base in bases if base and "$" not in base))


def _origins(words: list[str]) -> Iterator[str]:
    for word in words:
        if not word.startswith("--"):
            return
        flag, _, value = word.partition("=")
        if flag == "--from":
            yield _unquote(value)
        elif flag == "--mount":
            found = _FROM_FLAG.search(value)
            if found:
                yield found.group(1)


def _instructions(text: str) -> Iterator[tuple[str, list[str]]]:
    pending = ""
    for line in text.splitlines():
        if line.lstrip().startswith("#") or (not line.strip() and pending):
            continue
        if line.rstrip().endswith("\\"):
            pending += line.rstrip()[:-1] + " "
            continue
        words = (pending + line).split()
        pending = ""
        if words:
            yield words[0].upper(), words[1:]


def _expand(word: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match["braced"] or match["plain"]
        return variables.get(name) or match["default"] or ""

    return _VARIABLE.sub(value, word)


def _unquote(word: str) -> str:
    return word[1:-1] if len(word) >= 2 and word[0] == word[-1] and word[0] in "\"'" else word
