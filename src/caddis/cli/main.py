"""`fly` and `flyctl`: find the verb, run it, and show what went wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from caddis.domain.errors import Problem

EXIT_USAGE = 1
EXIT_BUG = 3
EXIT_CANCELLED = 127  # facts: cli-volumes 0.1
ASK = "__complete"  # what the scripts of `fly completion` call


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status."""
    from caddis.cli.nouns import LazyGroup
    from caddis.cli.tree import ROOT

    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] == [ASK]:
            from caddis.cli.completing_shells import answer

            print(answer(words[1:], os.environ), end="", flush=True)
            return 0
        outcome = LazyGroup(ROOT).main(args=words, prog_name="fly", standalone_mode=False)
        sys.stdout.flush()
        return outcome if isinstance(outcome, int) else 0
    except (KeyboardInterrupt, click.Abort, EOFError):
        return EXIT_CANCELLED
    except click.ClickException as misuse:
        return _show_misuse(misuse)
    except Problem as problem:
        _show(problem.message, problem.hint)
        _show_traceback(words)
        return problem.exit_code
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as bug:  # noqa: BLE001  # the top of the program: what is not a Problem is a bug
        _show(f"this is a bug in fly: {type(bug).__name__}: {bug}", "Run it again with --debug for the traceback.")
        _show_traceback(words)
        return EXIT_BUG


def _show_misuse(misuse: click.ClickException) -> int:
    if isinstance(misuse, click.UsageError) and misuse.ctx is not None:
        from caddis.cli.usage import usage

        print(usage(misuse.ctx))
        sys.stdout.flush()
    _show(misuse.format_message(), None)
    return EXIT_USAGE


def _show(message: str, hint: str | None) -> None:
    from caddis.cli.terminal import paint

    print(f"{paint('Error:', 'red', sys.stderr)} {message}", file=sys.stderr)
    if hint:
        print(f"\n{hint}", file=sys.stderr)


def _show_traceback(words: Sequence[str]) -> None:
    if "--debug" in words:
        import traceback

        traceback.print_exc()
