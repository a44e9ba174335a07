#!/bin/sh
# The wiki's pages are a git repository: made once, on the volume.
test -d /data/repository/.git || git init /data/repository
exec gunicorn --bind "[::]:$PORT" --access-logfile - otterwiki.server:app
