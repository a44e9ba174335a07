"""`fly sftp …`: files of running machines."""
