"""skopeo's command lines, and what its complaints mean. The complaints are skopeo 1.9.3's own words."""

from __future__ import annotations

import pytest

from caddis.kernel import skopeo
from caddis.kernel.command import Failed, command
from caddis.kernel.skopeo import Complaint

_SAID = [
    (
        'initializing source docker-archive:/x: opening file "/x": open /x: no such file or directory',
        Complaint.CORRUPT,  # it was there a moment ago: we look before we call
    ),
    ("loading tar component manifest.json: unexpected EOF", Complaint.CORRUPT),
    ("loading tar component manifest.json: archive/tar: invalid tar header", Complaint.CORRUPT),
    (
        "writing blob: happened during read: Digest did not match, expected sha256:5e, got sha256:ef",
        Complaint.CORRUPT,
    ),
    ("loading tar component manifest.json: file does not exist", Complaint.NOT_AN_IMAGE),
    ("open /var/tmp/oci3137699385/index.json: no such file or directory", Complaint.NOT_AN_IMAGE),
    ('initializing source oci:/s:nope: no descriptor found for reference "nope"', Complaint.ABSENT),
    ("reading manifest 99 in docker.io/library/debian: manifest unknown", Complaint.ABSENT),
    ("requested access to the resource is denied", Complaint.UNAUTHORIZED),
    (
        'pinging container registry r.example: Get "https://r.example/v2/": dial tcp: lookup r.example: no such host',
        Complaint.UNREACHABLE,
    ),
    ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", Complaint.UNREACHABLE),
    ('no image found in manifest list for architecture amd64, variant "", OS linux', Complaint.OTHER_PLATFORM),
    ("writing blob: write /x: no space left on device", Complaint.NO_SPACE),
    ("something nobody has seen yet", Complaint.OTHER),
]


@pytest.mark.parametrize(("said", "meant"), _SAID)
def test_every_complaint_that_we_know_has_a_meaning(said: str, meant: Complaint) -> None:
    line = f'time="2026-11-24T04:42:15Z" level=fatal msg="{said}"'
    assert skopeo.read_complaint(Failed(command("skopeo"), 1, line)) is meant


def test_a_registry_that_keeps_us_waiting_did_not_answer() -> None:
    failed = Failed(command("skopeo"), -9, "", overdue=True)
    assert skopeo.read_complaint(failed) is Complaint.UNREACHABLE


def test_a_copy_keeps_layers_as_they_are_and_temporary_files_where_it_is_told() -> None:
    copying = skopeo.copy("docker://debian:12", "oci:/w:image", scratch="/w", pass_fds=(7,))
    assert str(copying) == "skopeo copy --quiet --dest-oci-accept-uncompressed-layers docker://debian:12 oci:/w:image"
    assert copying.env["TMPDIR"] == "/w"
    assert copying.pass_fds == (7,)


def test_a_look_asks_for_the_manifest_only() -> None:
    assert str(skopeo.look("docker://debian:12")) == "skopeo inspect --raw docker://debian:12"


def test_only_what_leads_to_registries_is_handed_on_from_the_environment() -> None:
    environment = {"HTTPS_PROXY": "http://p:3128", "no_proxy": "", "FLY_ACCESS_TOKEN": "secret"}
    assert skopeo.network_settings(environment) == {"HTTPS_PROXY": "http://p:3128"}
