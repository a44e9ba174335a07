"""`fly apps releases`: what `fly releases` lists."""

from __future__ import annotations

from caddis.cli.releases.list import FLAGS, run
from caddis.cli.verb import at_most, verb

COMMAND = verb(run, usage="releases", flags=FLAGS, examples=("fly apps releases -a web",), count=at_most(0))
