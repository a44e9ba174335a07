"""HOUSE section 6: the numbers that keep the tail short."""

from __future__ import annotations

import ast

from house_rules import SOURCE, check, classes, functions, lines, public_definitions, sources

FILE, FUNCTION, TABLE, CLASS, VERB_FILE = 400, 50, 80, 250, 120
PARAMETERS, POSITIONAL = (
    6,
    4,
)  # docs/decisions/0010: HOUSE says two by position; subjects such as (app, machine) are two already
BROAD_EXCEPT_ROOMS = ("journal", "api", "agent", "cli")
BAD_NAMES = ("utils", "util", "helpers", "helper", "manager", "common_utils", "misc")


def test_no_file_has_more_than_400_lines() -> None:
    counted = {source.place: source.text.count("\n") for source in sources()}
    check("file length", {place: f"{count} lines" for place, count in counted.items() if count > FILE})


def test_no_function_has_more_than_50_lines_and_no_match_table_more_than_80() -> None:
    broken = {}
    for place, node in functions():
        most = TABLE if any(isinstance(inside, ast.Match) for inside in ast.walk(node)) else FUNCTION
        if lines(node) > most:
            broken[place] = f"{lines(node)} lines"
    check("function length", broken)


def test_no_class_has_more_than_250_lines() -> None:
    check("class length", {place: f"{lines(node)} lines" for place, node in classes() if lines(node) > CLASS})


def test_a_verb_of_the_command_line_fits_in_120_lines() -> None:
    counted = {
        source.place: source.text.count("\n")
        for source in sources()
        if source.path.parent.parent.name == "cli" and source.path.parent.name not in ("deploy", "launch")
    }
    check("verb length", {place: f"{count} lines" for place, count in counted.items() if count > VERB_FILE})


def test_no_function_takes_more_than_6_parameters_or_more_than_4_by_position() -> None:
    broken = {}
    for place, node in functions():
        by_position = [
            argument.arg
            for argument in (*node.args.posonlyargs, *node.args.args)
            if argument.arg not in ("self", "cls")
        ]
        named = node.args.kwonlyargs
        if len(by_position) + len(named) > PARAMETERS:
            broken[place] = f"{len(by_position) + len(named)} parameters"
        elif len(by_position) > POSITIONAL:
            broken[place] = f"{len(by_position)} parameters by position"
    check("parameters", broken)


def test_no_file_is_called_utils_helpers_or_manager() -> None:
    check("names", {source.place: "name" for source in sources() if source.path.stem in BAD_NAMES})


def test_nothing_is_called_process_data_or_manager() -> None:
    broken = {place: "name" for place, node in functions() if node.name == "process_data"}
    broken |= {place: "name" for place, node in classes() if node.name.endswith("Manager")}
    check("names of things", broken)


def test_a_broad_except_stands_only_at_the_top_of_a_thread_or_a_request_and_says_so() -> None:
    broken = {}
    for source in sources():
        written = source.text.splitlines()
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.ExceptHandler) or not _is_broad(node) or isinstance(node.body[-1], ast.Raise):
                continue  # one that gives things back and raises on hides nothing
            _, _, why = written[node.lineno - 1].partition("noqa: BLE001")
            if len(why) < 10 or source.path.relative_to(SOURCE).parts[0] not in BROAD_EXCEPT_ROOMS:
                broken[f"{source.place}:{node.lineno}"] = (
                    "broad except without its reason, or in a room that has no threads"
                )
    check("broad except", broken)


def test_only_kernel_command_may_start_programs() -> None:
    broken = {}
    for source in sources():
        if source.place.endswith("kernel/command.py"):
            continue
        for name in (
            "import subprocess",
            "from subprocess",
            "os.system(",
            "os.popen(",
            "os.posix_spawn",
            "os.fork(",
            "import pty",
        ):
            if name in source.text:
                broken[source.place] = name
        if "create_subprocess_" in source.text or "preexec_fn" in source.text:
            broken[source.place] = "starts programs by another door"
    check("one door", broken)


def test_every_public_function_and_class_has_a_docstring() -> None:
    broken = {place: "no docstring" for place, node in public_definitions() if ast.get_docstring(node) is None}
    check("docstrings", broken)


def _is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(
        name is None or (isinstance(name, ast.Name) and name.id in ("Exception", "BaseException")) for name in names
    )
