"""Which images a Dockerfile builds upon, and its arguments. Pure; all else about Dockerfiles is buildah's business."""

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


def write_arguments(text: str, build_args: Mapping[str, str]) -> str:
    """The same Dockerfile with the given values as its arguments' defaults.

    buildah 1.28 looks for cached steps by their words alone: `ARG A=1` and then `ENV A=$A` would be found in its cache
    whatever --build-arg says. With the value in the words, what comes before the ARG is still found and what comes
    after is not.
    """
    written: list[str] = []
    lines = iter(text.splitlines())
    is_continued = False
    for line in lines:
        words = line.split()
        if words and words[0].upper() == "ARG" and not is_continued:
            while words[-1].endswith("\\"):
                words = [*" ".join(words)[:-1].split(), *next(lines, "").split()]
            line = " ".join(["ARG", *(_with_value(word, build_args) for word in words[1:])])
        is_continued = line.rstrip().endswith("\\") and not line.lstrip().startswith("#")
        written.append(line)
    return "\n".join(written) + "\n"


def _with_value(word: str, build_args: Mapping[str, str]) -> str:
    name = word.partition("=")[0]
    if name not in build_args:
        return word
    value = re.sub(r'([\\"$])', r"\\\1", build_args[name]).replace("\n", " ")
    return f'{name}="{value}"'


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
