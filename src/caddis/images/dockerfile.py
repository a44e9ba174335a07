"""Which images a Dockerfile builds upon, and its arguments. Pure; all else about Dockerfiles is buildah's business."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping

_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)(?::?-(?P<default>[^}]*))?\}|(?P<plain>\w+))")
_MARK = "internal.caddis.argument."
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


def mark_arguments(text: str, build_args: Mapping[str, str]) -> str:
    """The same Dockerfile with a label after each ARG that is given a value, which changes with that value.

    buildah 1.28 looks for cached steps by their words alone, and leaves the value out of an ARG's: `ARG A=1` and then
    `ENV A=$A` would be found in its cache whatever --build-arg says. Behind the label, what comes before the ARG is
    still found and what comes after is not.
    """
    written: list[str] = []
    seen_from = False
    pending = ""
    for line in text.splitlines():
        written.append(line)
        if line.lstrip().startswith("#"):
            continue
        pending += line.rstrip().removesuffix("\\") + " "
        if line.rstrip().endswith("\\"):
            continue
        words, pending = pending.split(), ""
        verb = words[0].upper() if words else ""
        seen_from = seen_from or verb == "FROM"
        if seen_from and verb == "ARG":
            given = [name for name in (word.partition("=")[0] for word in words[1:]) if name in build_args]
            marks = [f"{_MARK}{name}={_fingerprint(build_args[name])}" for name in given]
            written += [f"LABEL {' '.join(marks)}"] if marks else []
    return "\n".join(written) + "\n"


def _fingerprint(value: str) -> str:
    # Not the value itself: labels are shown to everyone, and people put secrets into build arguments.
    return hashlib.sha256(value.encode()).hexdigest()[:12]


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
