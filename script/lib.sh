# What script/test and script/demo share: flex_sync installed, a cluster and a Flex simulator, all in a temporary directory
# and none of them outliving the script. To be sourced by bash, from the root of the repository, after script/bootstrap.
# shellcheck shell=bash disable=SC2034

: "${PG_CONFIG:=pg_config}"
pg_bindir=$("$PG_CONFIG" --bindir)
pg_version=$("$PG_CONFIG" --version)
# Where PGXS keeps pg_regress and its kin.
pg_test=$(dirname "$("$PG_CONFIG" --pgxs)")/../test

# PGXS takes its own compiler unless it is named on the command line.
make_flags=(PG_CONFIG="$PG_CONFIG" ${CXX:+"CXX=$CXX"})

# Nothing of the user's own may point the tests at another server.
for variable in "${!PG@}"; do
    [[ $variable == PG_CONFIG || $variable == PG_TEST_* ]] || unset "$variable"
done

# The server refuses to run as root.
if ((EUID == 0)); then
    server_user=$(id -u postgres >/dev/null 2>&1 && echo postgres || echo nobody)
else
    server_user=$(id -un)
fi

as_server_user() {
    if ((EUID == 0)); then
        setpriv --reuid "$server_user" --regid "$(id -g "$server_user")" --init-groups env HOME="$work" "$@"
    else
        "$@"
    fi
}

# Sets $work. Its path is short: a socket's has room for some hundred bytes.
make_work_directory() {
    work=$(mktemp -d /tmp/flex_sync.XXXXXX)
    mkdir "$work/tmp" "$work/socket"
    chown -R "$server_user" "$work"
}

# Installs the extension into a copy of PostgreSQL in $work, whose programs find all else relative to themselves: no other
# cluster of this machine sees it, and nobody need be root. $pg_bindir is the copy's from then on.
install_privately() {
    local folder
    mkdir -p "$work$pg_bindir"
    cp "$pg_bindir"/* "$work$pg_bindir"
    for folder in "$("$PG_CONFIG" --pkglibdir)" "$("$PG_CONFIG" --sharedir)"; do
        mkdir -p "$work$folder"
        cp --recursive --symbolic-link "$folder/." "$work$folder"
    done
    find "$work" -name 'flex_sync*' -type l -delete
    make "${make_flags[@]}" DESTDIR="$work" install
    pg_bindir=$work$pg_bindir
}

# Waits until the command succeeds, for some ten seconds.
wait_until() {
    local try
    for ((try = 0; try < 200; ++try)); do
        "$@" && return
        sleep 0.05
    done
    return 1
}

# Sets $sim_port and $sim_pid. Takes options of the simulator.
start_simulator() {
    test/flexsim/flexsim --port-file "$work/sim_port" "$@" >"$work/sim.log" 2>&1 </dev/null &
    sim_pid=$!
    wait_until test -s "$work/sim_port" || {
        cat "$work/sim.log" >&2
        return 1
    }
    sim_port=$(<"$work/sim_port")
}

# Starts a cluster with a superuser "postgres" that anybody who gets at the socket may be. Takes lines of postgresql.conf.
# In a subshell: the server's user may not see the directory that we are in.
start_cluster() (
    cd "$work" || exit
    as_server_user "$pg_bindir/initdb" --pgdata "$work/data" --username postgres --auth trust --encoding UTF8 \
        --no-locale --no-sync >"$work/initdb.log" 2>&1 || {
        tail -20 "$work/initdb.log" >&2
        return 1
    }
    {
        echo "unix_socket_directories = '$work/socket'"
        echo "listen_addresses = ''"
        echo "fsync = off"
        printf '%s\n' "$@"
    } >>"$work/data/postgresql.conf"
    as_server_user "$pg_bindir/pg_ctl" --pgdata "$work/data" --log "$work/server.log" --wait --silent start \
        >/dev/null </dev/null || {
        tail -20 "$work/server.log" >&2
        return 1
    }
)

# Not of what has ended and only waits for its parent to notice.
is_group_gone() {
    ! { cat /proc/[0-9]*/stat 2>/dev/null || :; } |
        awk -v group="$1" '{ sub(/.*\) /, "") } $1 != "Z" && $3 == group { found = 1 } END { exit !found }'
}
is_stopped() { ! kill -0 "$1" 2>/dev/null; }

# Ends the process groups named, and every server whose data directory is in $work; removes $work.
stop_everything() {
    local group file pid
    set +e
    for group in "$@"; do
        is_group_gone "$group" && continue
        kill -TERM -- "-$group" 2>/dev/null
        wait_until is_group_gone "$group" || kill -KILL -- "-$group" 2>/dev/null
    done
    while IFS= read -r file; do
        pid=$(head -1 "$file")
        kill -QUIT "$pid" 2>/dev/null && wait_until is_stopped "$pid"
    done < <(find "$work" -name postmaster.pid 2>/dev/null)
    if [[ -n ${sim_pid:-} ]]; then
        kill "$sim_pid" 2>/dev/null && wait "$sim_pid" 2>/dev/null
    fi
    rm -rf "$work"
}
