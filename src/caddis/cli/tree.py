"""Every noun and verb that `fly` knows, and the module that holds each verb."""

from __future__ import annotations

from caddis.cli.nouns import Leaf, Noun

_CLI = "caddis.cli."


def _leaf(path: str, short: str, *aliases: str) -> Leaf:
    """`path` is the module below caddis.cli; the verb's name is its last part."""
    return Leaf(path.rpartition(".")[2].replace("_", "-"), _CLI + path, short, aliases)


VOLUMES = Noun(
    "volumes",
    "Manage Fly Volumes",
    (
        _leaf("volumes.create", "Create a new volume for an app"),
        _leaf("volumes.list", "List all the volumes for an app", "ls"),
        _leaf("volumes.show", "Show the details of a volume"),
        _leaf("volumes.extend", "Extend a volume to a larger size"),
        _leaf("volumes.fork", "Fork a volume: an independent copy"),
        _leaf("volumes.update", "Update a volume's snapshot settings"),
        _leaf("volumes.export", "Export a volume's files as a tar or an ext4 image"),
        Leaf("import", _CLI + "volumes.import_", "Create a volume with the files of an export, tar, image or folder"),
        _leaf("volumes.destroy", "Destroy one or more volumes (can be undone for 24 hours)", "delete", "rm"),
        _leaf("volumes.restore", "Bring back a volume that was destroyed less than 24 hours ago", "undestroy"),
        Noun(
            "snapshots",
            "Manage volume snapshots",
            (
                _leaf("volumes.snapshots.list", "List snapshots of a volume"),
                _leaf("volumes.snapshots.create", "Snapshot a volume"),
                _leaf("volumes.snapshots.ls", "List files in a snapshot (with a volume's id: its snapshots)"),
                _leaf("volumes.snapshots.cat", "Print a file of a snapshot"),
                _leaf("volumes.snapshots.get", "Save a file or folder of a snapshot here"),
            ),
            ("snapshot", "snaps"),
        ),
    ),
    ("volume", "vol", "v"),
)

MACHINE = Noun(
    "machine",
    "Manage Fly Machines",
    (
        _leaf("machine.list", "List Fly Machines", "ls"),
        _leaf("machine.run", "Run a machine"),
        _leaf("machine.create", "Create, but don't start, a machine"),
        _leaf("machine.status", "Show the current status of a machine"),
        _leaf("machine.update", "Update a machine"),
        _leaf("machine.clone", "Clone a machine"),
        _leaf("machine.start", "Start one or more machines"),
        _leaf("machine.stop", "Stop one or more machines"),
        _leaf("machine.suspend", "Suspend one or more machines"),
        _leaf("machine.restart", "Restart one or more machines"),
        _leaf("machine.kill", "Kill (SIGKILL) a machine"),
        _leaf("machine.destroy", "Destroy one or more machines", "remove", "rm"),
        _leaf("machine.cordon", "Keep traffic from one or more machines"),
        _leaf("machine.uncordon", "Let traffic to one or more machines again"),
        _leaf("machine.wait", "Wait for a machine to reach a state"),
        _leaf("machine.exec", "Execute a command on a machine"),
        _leaf("machine.place", "Simulate machine placements"),
        Noun(
            "leases",
            "Manage machine leases",
            (
                _leaf("machine.leases.view", "View machine leases"),
                _leaf("machine.leases.clear", "Clear machine leases"),
            ),
            ("lease",),
        ),
    ),
    ("machines", "m"),
)

APPS = Noun(
    "apps",
    "Manage apps",
    (
        _leaf("apps.create", "Create a new app"),
        _leaf("apps.list", "List apps", "ls"),
        _leaf("apps.destroy", "Permanently destroy one or more apps", "delete", "remove", "rm"),
        _leaf("apps.restart", "Restart an app: its machines, one after the other"),
        _leaf("apps.open", "Open an app in the browser, or print its address"),
        _leaf("apps.suspend", "Stop an app's machines until it is resumed"),
        _leaf("apps.resume", "Start the machines of an app that was suspended"),
        _leaf("apps.move", "Move an app to another organization (refused)"),
        _leaf("apps.releases", "List an app's releases"),
    ),
    ("app", "a"),
)

SECRETS = Noun(
    "secrets",
    "Manage an app's secrets",
    (
        _leaf("secrets.list", "List an app's secrets, without their values", "ls"),
        _leaf("secrets.set", "Set secrets, and restart machines with them"),
        _leaf("secrets.unset", "Unset secrets, and restart machines without them"),
        Leaf("import", _CLI + "secrets.import_", "Set the secrets of NAME=VALUE lines from stdin"),
        _leaf("secrets.deploy", "Restart machines with the secrets that are staged"),
    ),
    ("secret",),
)

TOKENS = Noun(
    "tokens",
    "Manage API tokens",
    (
        Noun(
            "create",
            "Create API tokens",
            (
                _leaf("tokens.create.deploy", "Create a token that deploys one app"),
                _leaf("tokens.create.org", "Create a token for the whole organization"),
                _leaf("tokens.create.readonly", "Create a token that reads the whole organization"),
            ),
        ),
        _leaf("tokens.create.deploy", "Create a token that deploys one app"),
        _leaf("tokens.list", "List the tokens of an app or of the organization", "ls"),
        _leaf("tokens.revoke", "Revoke tokens: they end at once"),
    ),
    ("token",),
)

_SFTP = Noun(
    "sftp",
    "Get or put files of a running machine",
    (
        _leaf("sftp.get", "Get a file or folder of a machine"),
        _leaf("sftp.put", "Put a file into a machine"),
        _leaf("sftp.find", "List the files of a machine"),
    ),
)

ROOT = Noun(
    "fly",
    "fly runs apps, Machines and volumes on servers of your own (Caddis).",
    (
        _leaf("launch.launch", "Create and configure a new app from source code or an image"),
        _leaf("deploy.deploy", "Deploy an app"),
        APPS,
        SECRETS,
        VOLUMES,
        MACHINE,
        _leaf("status", "Show the status of an app"),
        Noun("checks", "Manage health checks", (_leaf("checks.list", "List health checks"),)),
        _leaf("logs", "View app logs"),
        Noun("ssh", "Get into a running machine", (_leaf("ssh.console", "Open a shell or run a command"), _SFTP)),
        _SFTP,
        _leaf("console", "Open a shell in a new machine that lasts as long as you stay"),
        _leaf("proxy", "Connect a local port to a port of a running machine"),
        Noun(
            "releases",
            "List an app's releases, and roll back to an earlier one",
            (
                _leaf("releases.list", "List an app's releases", "ls"),
                _leaf("releases.rollback", "Bring back an earlier release, if need be with its data"),
            ),
            ("release",),
            default="list",
        ),
        Noun(
            "scale",
            "Scale app resources",
            (
                _leaf("scale.count", "Change an app's machine count to the given value"),
                _leaf("scale.memory", "Set the memory of an app's machines"),
                _leaf("scale.show", "Show current resources"),
                _leaf("scale.vm", "Change the size of an app's machines"),
            ),
        ),
        Noun(
            "config",
            "Manage an app's configuration",
            (
                _leaf("config.show", "Show an app's configuration", "display"),
                _leaf("config.validate", "Validate an app's config file"),
            ),
        ),
        Noun(
            "platform",
            "Platform information",
            (
                _leaf("platform.regions", "List the regions of this installation"),
                _leaf("platform.vm_sizes", "List the sizes of machines"),
                _leaf("platform.status", "Show whether this installation's server and hosts answer"),
            ),
        ),
        Noun(
            "orgs",
            "Manage organizations",
            (
                _leaf("orgs.list", "List organizations", "ls"),
                _leaf("orgs.show", "Show an organization, and its apps"),
                _leaf("orgs.create", "Create an organization (not possible here)"),
                _leaf("orgs.delete", "Delete an organization (not possible here)"),
            ),
        ),
        TOKENS,
        Noun(
            "auth",
            "Manage authentication",
            (
                _leaf("auth.login", "Sign in (not needed: a token says who you are)", "signup"),
                _leaf("auth.whoami", "Show who the token speaks for"),
                _leaf("auth.token", "Show the current access token"),
            ),
        ),
        _leaf("apps.open", "Open an app in the browser, or print its address"),
        Leaf(
            "destroy",
            _CLI + "apps.destroy",
            "Permanently destroy one or more apps",
            hidden=True,
            instead="fly apps destroy",
        ),
        Noun(
            "image",
            "Manage app images",
            (
                _leaf("image.show", "Show which image each machine runs"),
                _leaf("image.update", "Update an app's image (refused: deploys do that)"),
            ),
            ("img",),
        ),
        Noun(
            "regions",
            "The regions of an app's machines",
            (
                _leaf("regions.list", "List the regions of an app's machines"),
                *(
                    Leaf(name, f"{_CLI}regions.{name}", "No longer supported", hidden=True)
                    for name in ("add", "remove", "set", "backup")
                ),
            ),
            hidden=True,
        ),
        _leaf("help", "Help about any command, and pages about what concerns them all"),
        _leaf("completion", "Print the completion script of a shell"),
        _leaf("version", "Show version information"),
    ),
)
