"""A TRADE: fetching OCI images, unpacking them, building them from Dockerfiles, keeping the cache small.

Colour: blocking. Knows kernel, domain and telemetry. Out of scope: which machine uses an image and how it runs there
(machines/), and serving images to other computers: we write no registry.

On disk, below DATA/images, shared by every agent of one computer:

    store/blobs/sha256/   manifests, configs and layers by their hash, as skopeo wrote them
    names/                one small file per reference: which image it meant, and how its source looked then
    rootfs/<hash>/        an image unpacked, whole or not there at all; never written to
    uses/<agent>/<hash>   which agent has need of which image; its time is when it last asked
    work/                 half-done things, each locked by who does it; what nobody locks is swept
    build/                buildah's own storage: layers of earlier builds
    locks/                files that are only locked, never read
"""
