"""fly.toml: read, checked, turned into machine configs and written (facts: fly-toml.md).

    text --load--> FlyToml --validate--> findings
                      ├--to_machine_config--> a machine's config document, one for each process group
                      ├--definition--> the JSON document that a release keeps --from_definition--> FlyToml
                      └--write--> text          text --edit--> text with the user's comments kept

Pure: files are read and written by who calls, local files for [[files]] come in as bytes.
"""

from caddis.wire.fly_toml.config import FlyToml
from caddis.wire.fly_toml.definition import definition, from_definition
from caddis.wire.fly_toml.edit import edit
from caddis.wire.fly_toml.findings import Finding
from caddis.wire.fly_toml.load import load
from caddis.wire.fly_toml.machine import to_machine_config
from caddis.wire.fly_toml.strict import list_unknown_keys
from caddis.wire.fly_toml.validate import validate
from caddis.wire.fly_toml.write import write

__all__ = [
    "Finding",
    "FlyToml",
    "definition",
    "edit",
    "from_definition",
    "list_unknown_keys",
    "load",
    "to_machine_config",
    "validate",
    "write",
]
