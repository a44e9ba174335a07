#!/bin/sh
# PostgreSQL on a volume. The first start makes the database; every later one finds it.
set -eu

volume=/data
socket=/run/postgresql

# A database on the machine's own root would be gone at the next start, and nobody would notice until then.
if [ "${ALLOW_EPHEMERAL:-}" != 1 ] && ! mountpoint -q "$volume"; then
    echo "no volume is mounted at $volume: refusing to keep a database there." >&2
    echo "fly volumes create pg_data --size 1, and in fly.toml: [mounts] source=\"pg_data\" destination=\"$volume\"" >&2
    exit 1
fi

as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups -- "$@"; }

install -d -o postgres -g postgres -m 2775 "$socket"

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    if [ -z "${POSTGRES_PASSWORD:-}" ]; then
        echo "the first start needs POSTGRES_PASSWORD, for instance under [env] in fly.toml" >&2
        exit 1
    fi
    # Under another name first: a first start that is cut short leaves nothing that looks like a database.
    rm -rf "$PGDATA.new"
    install -d -o postgres -g postgres -m 0700 "$PGDATA.new"
    umask 077
    printf '%s\n' "$POSTGRES_PASSWORD" > "$socket/password"
    chown postgres:postgres "$socket/password"
    as_postgres initdb --pgdata="$PGDATA.new" --username=postgres --pwfile="$socket/password" --data-checksums \
        --encoding=UTF8 --locale=C.UTF-8 --auth-local=peer --auth-host=scram-sha-256
    rm "$socket/password"
    echo "host all all all scram-sha-256" >> "$PGDATA.new/pg_hba.conf"
    sync "$PGDATA.new/pg_hba.conf"
    mv "$PGDATA.new" "$PGDATA"
    sync "$(dirname "$PGDATA")"
    umask 022
fi
unset POSTGRES_PASSWORD

# An image made anew may number its users otherwise than the one that made the database.
if [ "$(stat -c %U "$PGDATA")" != postgres ]; then
    chown -R postgres:postgres "$PGDATA"
fi

# An unclean end leaves the number of a process of the last machine, which may be somebody else's in this one.
rm -f "$PGDATA/postmaster.pid"

exec setpriv --reuid=postgres --regid=postgres --init-groups -- \
    postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories="$socket" -c jit=off "$@"
