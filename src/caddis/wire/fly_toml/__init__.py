"""fly.toml: read, checked, turned into machine configs and written (facts: fly-toml.md).

    text --load.load--> FlyToml --validate.validate--> findings; strict.list_unknown_keys--> keys nobody reads
                           ├--machine.to_machine_config--> the config document of one process group's machines
                           ├--definition.definition--> the document that a release keeps --definition.from_definition-->
                           └--write.write--> text          text --edit.edit--> text with the user's comments kept

Pure: files are read and written by who calls, local files for [[files]] come in as bytes. Nothing is imported here,
because verbs that only look for `app` need no more than parse.py, and the command line must start quickly.
"""
