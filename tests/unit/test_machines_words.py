"""What a machine runs, as whom, with what environment and within which bounds: pure decisions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from caddis.domain.errors import Invalid
from caddis.domain.image import ImageConfig
from caddis.domain.machine import Guest, Init, Machine, MachineConfig, MachineState
from caddis.kernel import seccomp
from caddis.machines.accounts import Account, find_account
from caddis.machines.arguments import process_arguments
from caddis.machines.environment import process_environment
from caddis.machines.files import hosts_text, resolver_text
from caddis.machines.lookup import candidates
from caddis.machines.plan import Bind, LaunchPlan
from caddis.machines.spec import Surroundings, exec_spec, runtime_spec

IMAGE = ImageConfig(digest="sha256:1", entrypoint=("/entry",), cmd=("serve", "-v"))
NOW = datetime(2026, 11, 24, tzinfo=UTC)
PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001:App:/home/app:/bin/sh\nbroken\n"
ROOT = Account()
GROUP = "root:x:0:\napp:x:1001:\nmedia:x:44:root,app\nbroken\n"


@pytest.mark.parametrize(
    ("init", "argv"),
    [
        (Init(), ("/entry", "serve", "-v")),
        (Init(cmd=("migrate",)), ("/entry", "migrate")),
        (Init(entrypoint=("/other",)), ("/other",)),
        (Init(entrypoint=("/other",), cmd=("x",)), ("/other", "x")),
        (Init(exec=("/only", "this"), cmd=("x",)), ("/only", "this")),
        (Init(entrypoint=(), cmd=("sh",)), ("sh",)),
    ],
)
def test_what_runs_follows_dockers_rules(init: Init, argv: tuple[str, ...]) -> None:
    assert process_arguments(IMAGE, init) == argv


def test_nothing_to_run_is_refused_plainly() -> None:
    with pytest.raises(Invalid, match="nothing to run") as refused:
        process_arguments(ImageConfig(digest="sha256:1"), Init())
    assert refused.value.field == "config.init"
    assert "Dockerfile" in (refused.value.hint or "")


def machine(env: dict[str, str]) -> Machine:
    config = MachineConfig(image="web:1", env=env, guest=Guest(memory_mb=512), metadata={"fly_process_group": "worker"})
    return Machine(
        id="0123456789abcd",
        app="web",
        name="quiet-river",
        region="lhr",
        state=MachineState.STARTING,
        instance_id="01H",
        config=config,
        raw_config={},
        created_at=NOW,
        updated_at=NOW,
        address="fdaa::a",
    )


def test_flys_variables_win_over_secrets_those_over_the_configs_and_those_over_the_images() -> None:
    image = ImageConfig(digest="sha256:1", env={"PATH": "/image", "A": "image", "B": "image", "C": "image"})
    config = machine({"B": "config", "C": "config", "FLY_REGION": "mars", "PRIMARY_REGION": "ams"})
    env = process_environment(config, image, {"C": "secret", "FLY_REGION": "venus"})
    assert env == {
        "PATH": "/image",
        "A": "image",
        "B": "config",
        "C": "secret",
        "PRIMARY_REGION": "ams",
        "FLY_APP_NAME": "web",
        "FLY_MACHINE_ID": "0123456789abcd",
        "FLY_ALLOC_ID": "0123456789abcd",
        "FLY_REGION": "lhr",
        "FLY_PUBLIC_IP": "fdaa::a",
        "FLY_PRIVATE_IP": "fdaa::a",
        "FLY_IMAGE_REF": "web:1",
        "FLY_MACHINE_VERSION": "01H",
        "FLY_PROCESS_GROUP": "worker",
        "FLY_VM_MEMORY_MB": "512",
    }


def test_an_image_without_a_path_gets_the_usual_one() -> None:
    env = process_environment(machine({}), ImageConfig(digest="sha256:1"), {})
    assert env["PATH"].startswith("/usr/local/sbin:")
    assert env["PRIMARY_REGION"] == "lhr"


@pytest.mark.parametrize(
    ("user", "account"),
    [
        ("", Account(0, 0, (), "/root")),
        ("app", Account(1000, 1001, (44,), "/home/app")),
        ("1000", Account(1000, 1001, (44,), "/home/app")),
        ("4711", Account(4711, 0, (), "/")),
        ("app:media", Account(1000, 44, (), "/home/app")),
        ("4711:4712", Account(4711, 4712, (), "/")),
    ],
)
def test_a_user_is_looked_up_in_the_image(user: str, account: Account) -> None:
    expected = account if user else Account(0, 0, (44,), "/root")
    assert find_account(user, PASSWD, GROUP) == expected


@pytest.mark.parametrize(
    ("user", "says"),
    [("bob", "no user 'bob'"), ("app:staff", "no group 'staff'"), ("-1", "no user"), ("99999999999", "no user")],
)
def test_a_missing_user_is_refused_plainly(user: str, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        find_account(user, PASSWD, GROUP)


def test_an_image_without_passwd_still_runs_as_root_or_by_number() -> None:
    assert find_account("", "", "") == Account()
    assert find_account("7:8", "", "") == Account(7, 8)


def plan(**changes: object) -> LaunchPlan:
    known: dict[str, object] = {
        "name": "m1",
        "launch": 1,
        "root": "/run/roots/m1",
        "argv": ("serve",),
        "env": {"PATH": "/bin::rel"},
        "hostname": "m1",
        "netns": "/run/netns/x",
        "workdir": "/srv",
    }
    return LaunchPlan(**{**known, **changes})  # type: ignore[arg-type]


def test_a_program_is_looked_for_as_execvp_does() -> None:
    assert candidates(plan()) == ("/bin/serve", "/srv/serve", "/srv/rel/serve")
    assert candidates(plan(argv=("./run",))) == ("/srv/./run",)
    assert candidates(plan(argv=("/opt/run",))) == ("/opt/run",)


def spec_of(wanted: LaunchPlan, account: Account = ROOT) -> dict:  # type: ignore[type-arg]
    host = Surroundings(
        init="/usr/bin/tini-static",
        cgroup="caddis-i-a/m1",
        pids_limit=100,
        architecture="x86_64",
        devices={"/dev/loop7": (7, 7)},
    )
    return runtime_spec(wanted, account, host)


def test_a_shared_cpu_weighs_a_sixteenth_and_both_end_at_their_number_of_cpus() -> None:
    shared = spec_of(plan(cpus=2))["linux"]["resources"]
    assert shared["cpu"] == {"shares": 128, "period": 100_000, "quota": 200_000}
    performance = spec_of(plan(cpus=2, shared_cpu=False))["linux"]["resources"]
    assert performance["cpu"] == {"shares": 2048, "period": 100_000, "quota": 200_000}


def test_memory_has_a_limit_and_no_swap_beyond_it() -> None:
    resources = spec_of(plan(memory_mb=256))["linux"]["resources"]
    assert resources["memory"] == {"limit": 256 << 20, "swap": 256 << 20}
    assert resources["pids"] == {"limit": 100}
    assert resources["devices"] == [{"allow": False, "access": "rwm"}]


def test_a_process_gains_no_privileges_and_keeps_dockers_capabilities() -> None:
    process = spec_of(plan())["process"]
    assert process["noNewPrivileges"] is True
    assert "CAP_SYS_ADMIN" not in process["capabilities"]["bounding"]
    assert len(process["capabilities"]["effective"]) == 14
    assert process["args"] == ["/.caddis/init", "--", "serve"]


def test_who_is_not_root_has_no_capabilities() -> None:
    process = spec_of(plan(), Account(1000, 1000, (44,), "/home/app"))["process"]
    assert process["capabilities"]["effective"] == []
    assert process["user"] == {"uid": 1000, "gid": 1000, "additionalGids": [44]}
    assert "HOME=/home/app" in process["env"]


def test_a_home_of_the_configs_wins() -> None:
    assert "HOME=/x" in spec_of(plan(env={"HOME": "/x"}))["process"]["env"]


def test_every_namespace_is_its_own_but_the_network_which_is_given() -> None:
    namespaces = spec_of(plan())["linux"]["namespaces"]
    assert {entry["type"] for entry in namespaces} == {"pid", "ipc", "uts", "mount", "cgroup", "network"}
    assert {"type": "network", "path": "/run/netns/x"} in namespaces


def test_a_volume_is_bound_and_a_raw_one_is_a_device() -> None:
    spec = spec_of(
        plan(
            binds=(
                Bind(source="/run/volumes/v", destination="/data"),
                Bind(source="/dev/loop7", destination="/dev/data", is_device=True),
            )
        )
    )
    assert spec["mounts"][-1] == {
        "destination": "/data",
        "type": "bind",
        "source": "/run/volumes/v",
        "options": ["bind", "private", "nodev", "nosuid", "rw"],
    }
    assert spec["linux"]["devices"] == [
        {"path": "/dev/data", "type": "b", "major": 7, "minor": 7, "uid": 0, "gid": 0, "fileMode": 0o600}
    ]
    assert {"allow": True, "type": "b", "major": 7, "minor": 7, "access": "rw"} in spec["linux"]["resources"]["devices"]


def test_another_program_runs_as_the_main_one_does() -> None:
    main = spec_of(plan(tty=True))["process"]
    other = exec_spec(main, ["id"], {"PATH": "/sbin", "NEW": "1"})
    assert other["args"] == ["id"]
    assert other["terminal"] is False
    assert [line for line in other["env"] if line.startswith(("PATH", "NEW"))] == ["PATH=/sbin", "NEW=1"]
    assert other["user"] == main["user"]


@pytest.mark.parametrize(
    "call",
    [
        "mount",
        "umount2",
        "fsopen",
        "open_tree",
        "move_mount",
        "unshare",
        "setns",
        "bpf",
        "perf_event_open",
        "keyctl",
        "add_key",
        "userfaultfd",
        "io_uring_setup",
        "init_module",
        "kexec_load",
        "reboot",
        "swapon",
        "open_by_handle_at",
        "pivot_root",
        "clock_settime",
        "iopl",
    ],
)
def test_the_kernels_own_machinery_is_out_of_reach(call: str) -> None:
    assert call not in seccomp.ALLOWED


def test_new_namespaces_and_the_hypervisors_socket_are_refused() -> None:
    rules = {rule["names"][0]: rule for rule in seccomp.profile("x86_64")["syscalls"] if len(rule["names"]) == 1}
    assert rules["clone"]["args"][0]["value"] & 0x10000000  # CLONE_NEWUSER
    assert rules["clone3"]["errnoRet"] == 38
    assert rules["socket"]["args"][0] == {"index": 0, "value": 40, "op": "SCMP_CMP_NE"}


def test_hosts_names_the_machine_by_the_addresses_that_it_has() -> None:
    assert hosts_text("m1", "fdaa::a", "198.18.0.10").splitlines()[2:] == ["198.18.0.10\tm1", "fdaa::a\tm1"]
    assert hosts_text("m1", "", "198.18.0.10").splitlines()[2:] == ["198.18.0.10\tm1"]


def test_a_resolver_on_the_hosts_loopback_is_left_out() -> None:
    text = "nameserver 127.0.0.53\nnameserver ::1\nsearch example.org\nnameserver 9.9.9.9\nnameserver\n"
    assert resolver_text(text) == "search example.org\nnameserver 9.9.9.9\nnameserver\n"
