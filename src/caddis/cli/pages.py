"""What help says beyond single verbs: about nouns, and about what concerns all commands."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Topic:
    """A page of `fly help`. Indented lines are shown as they are."""

    short: str
    text: str


NOUNS = {
    "fly apps": """An app is a name: its machines, volumes, secrets and releases are found under it. Names are unique
in an installation.""",
    "fly volumes": """A volume is a disk of fixed size that one machine at a time can have. It stays when machines are
stopped, replaced or destroyed. A destroyed volume can be brought back for 24 hours. One volume on one host is one
failure away from being down: make two, in two zones, and have the app copy its data between them.""",
    "fly volumes snapshots": """A snapshot is a volume as it was at one instant. They are taken daily and on demand, and
kept off the host where the installation has a store. `fly volumes create --snapshot-id` makes a volume of one.""",
    "fly machine": """A machine runs an image: its root file system is made anew at every start, its volume stays.
Machines of a deploy are changed by deploys; those that were made by hand are left alone.""",
    "fly config": """An app's configuration is its fly.toml. Each release keeps the one that it was made from.""",
    "fly platform": """What this installation offers. Regions are where it has hosts.""",
    "fly regions": """Where an app's machines are. `fly scale count` changes that.""",
    "fly image": """The images that an app's machines run. `fly deploy --image` changes them.""",
    "fly auth": """A token says who you are. `caddis up` writes one for the user who starts it; `caddis env` prints it.
There is no sign-in on the web.""",
}

TOPICS = {
    "environment": Topic(
        "The environment variables that fly reads",
        """A flag on the command line goes before its variable, and a variable before the settings file.

  FLY_APP                the app, where -a is not given; goes before fly.toml
  FLY_REGION             the region, where -r is not given
  FLY_ORG                the organization, where -o is not given; also FLY_ORGANIZATION
  FLY_ACCESS_TOKEN       the token; also FLY_API_TOKEN
  FLY_FLAPS_BASE_URL     the server, such as http://127.0.0.1:4280; also FLY_API_BASE_URL
  FLY_JSON               1 or true: answer in JSON where the command has --json
  NO_COLOR               set: no colours
  XDG_CONFIG_HOME, HOME  where the settings file is

The settings file is ~/.config/caddis/config.toml, with a url and a token. `caddis up` writes it for the user who starts
it, and `caddis env` prints the same as export lines:

  eval $(caddis env)

~/.fly is never read nor written: it belongs to Fly's own flyctl.""",
    ),
    "exit-codes": Topic(
        "What fly's exit status means",
        """  0    done; also when a question was answered with no
  1    refused or failed: one sentence on standard error, and often what to type next
  3    a bug in fly: run it again with --debug for the traceback
  126  a deadline passed before it happened
  127  Ctrl-C, or the end of input at a question; nothing is printed

What was asked for goes to standard output, and what is going on to standard error, so that output can be piped.""",
    ),
    "output": Topic(
        "Tables, JSON, and how to use fly in scripts",
        """Tables have a header, columns separated by │, and a blank line at their end. With --json (-j) the same is
printed as JSON, indented by four; an empty list is [].

  fly machine list -a web --json | jq -r '.[].id'
  fly apps list --quiet

Where standard input or output is no terminal nobody is asked: what a question would have told must stand on the command
line, and --yes (-y) takes the place of a yes. Colours and progress are for terminals; elsewhere there are plain lines.

Flags are spelled as Go's: --ha=false, -a=web, -aweb and -yj all work, before and behind arguments; -- ends
flags.""",
    ),
}
