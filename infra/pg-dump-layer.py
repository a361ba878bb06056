#!/usr/bin/env python3
"""Builds the layer that brings pg_dump and pg_restore: a zip that Lambda unpacks into /opt.

    python3 pg-dump-layer.py fetch --major 17 --arch arm64 --to packages
    python3 pg-dump-layer.py build --from packages --arch arm64 --roots global-bundle.pem --zip pg-dump.zip

`fetch` needs an Amazon Linux 2023 (CloudShell is one): it downloads PostgreSQL's client, and all that it
needs, for the functions' own architecture, which need not be that of this machine, and unpacks it. `build`
needs nothing but Python: it takes both programs, follows the libraries that they name, and leaves out
those that every `provided.al2023` has. It ends with a sentence and 1 when one is nowhere to be found, when
something was built for another machine, or when the layer would be larger than Lambda takes.
"""

import argparse
import pathlib
import struct
import subprocess
import sys
import zipfile

PROGRAMS = ["pg_dump", "pg_restore"]
# e_machine of an ELF header, and what packages call it.
MACHINES = {"x86_64": (62, "x86_64"), "arm64": (183, "aarch64")}
# glibc is the runtime's own: beside another one than its loader, nothing starts at all.
OF_THE_RUNTIME = {
    "libc.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libpthread.so.0", "libresolv.so.2",
    "libutil.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
}
# A function and its layers, unpacked; the function takes some of it.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAYER_BYTES_MAX = 200 * 1024 * 1024
# So that the same packages are the same zip.
WRITTEN = (2020, 1, 1, 0, 0, 0)
PT_LOAD, PT_DYNAMIC = 1, 2
DT_NULL, DT_NEEDED, DT_STRTAB = 0, 1, 5


class Wrong(Exception):
    """Why there is no layer."""


def elf(path):
    """The machine that a file was built for, and the libraries that it names; None if it is no ELF."""
    data = path.read_bytes()
    if data[:6] != b"\x7fELF\x02\x01":
        return None
    machine, = struct.unpack_from("<H", data, 18)
    headers, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    # Of each: kind, where it lies in the file, its address, and how long it is in the file.
    segments = []
    for n in range(count):
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", data, headers + n * size)
        segments.append((kind, offset, address, length))
    entries = []
    for kind, offset, _, length in segments:
        if kind == PT_DYNAMIC:
            for at in range(offset, offset + length, 16):
                tag, value = struct.unpack_from("<QQ", data, at)
                if tag == DT_NULL:
                    break
                entries.append((tag, value))
    strings = next((value for tag, value in entries if tag == DT_STRTAB), 0)
    for kind, offset, address, length in segments:
        if kind == PT_LOAD and address <= strings < address + length:
            strings = strings - address + offset
            break
    named = (strings + value for tag, value in entries if tag == DT_NEEDED)
    return machine, [data[at:data.index(b"\0", at)].decode() for at in named]


def found(folders, name, machine):
    """The file of this name that was built for this machine; the first one, by its path."""
    others = set()
    for folder in folders:
        for path in sorted(folder.rglob(name)):
            is_of = elf(path) if path.is_file() else None
            if is_of and is_of[0] == machine:
                return path
            if is_of:
                others.add(str(path))
    where = " or ".join(map(str, folders))
    if others:
        raise Wrong(f"{name} was built for another machine: {', '.join(sorted(others))}")
    raise Wrong(f"{name} is nowhere below {where}")


def collected(folders, machine):
    """What the layer holds: each name in it, and the file that it is."""
    layer, open_ = {}, []
    for name in PROGRAMS:
        layer[f"bin/{name}"] = found(folders, name, machine)
        open_.append(layer[f"bin/{name}"])
    while open_:
        user = open_.pop()
        for name in elf(user)[1]:
            if name in OF_THE_RUNTIME or f"lib/{name}" in layer:
                continue
            try:
                layer[f"lib/{name}"] = found(folders, name, machine)
            except Wrong as why:
                raise Wrong(f"{user.name} needs a library: {why}") from why
            open_.append(layer[f"lib/{name}"])
    if not any(name.startswith("lib/libpq") for name in layer):
        raise Wrong("pg_dump names no libpq, so it is not the one of PostgreSQL's packages")
    return layer


def build(order):
    folders = [pathlib.Path(folder) for folder in order.folders]
    machine, _ = MACHINES[order.arch]
    layer = collected(folders, machine)
    if order.roots:
        roots = pathlib.Path(order.roots)
        if b"-----BEGIN CERTIFICATE-----" not in roots.read_bytes():
            raise Wrong(f"{roots} holds no certificate")
        layer["etc/pg-roots.pem"] = roots
    size = sum(path.stat().st_size for path in layer.values())
    if size > LAYER_BYTES_MAX:
        raise Wrong(f"it would have {size} bytes, and {LAYER_BYTES_MAX} is the most")
    with zipfile.ZipFile(order.zip, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(layer.items()):
            entry = zipfile.ZipInfo(name, WRITTEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            # Every user may read it, and run it: a function is nobody's own.
            entry.external_attr = (0o100644 if name.startswith("etc/") else 0o100755) << 16
            archive.writestr(entry, path.read_bytes())
    print(f"{order.zip}: {len(layer)} files, {size} bytes unpacked: {', '.join(sorted(layer))}")
    if not order.roots:
        print("without --roots, pg_dump believes no server: only a plan with tls = false can use it")


def fetch(order):
    folder = pathlib.Path(order.to)
    folder.mkdir(parents=True, exist_ok=False)
    _, arch = MACHINES[order.arch]
    subprocess.run(
        ["dnf", "download", "--resolve", "--alldeps", f"--forcearch={arch}", f"--destdir={folder}",
         f"postgresql{order.major}"],
        check=True,
    )
    for package in sorted(folder.glob("*.rpm")):
        unpacked = subprocess.run(["rpm2cpio", package], check=True, stdout=subprocess.PIPE)
        subprocess.run(["cpio", "-idm", "--quiet"], cwd=folder, input=unpacked.stdout, check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    orders = parser.add_subparsers(required=True)
    fetching = orders.add_parser("fetch")
    fetching.add_argument("--major", required=True, type=int)
    fetching.add_argument("--arch", choices=MACHINES, default="arm64")
    fetching.add_argument("--to", required=True)
    fetching.set_defaults(run=fetch)
    building = orders.add_parser("build")
    building.add_argument("--from", dest="folders", action="append", required=True)
    building.add_argument("--arch", choices=MACHINES, default="arm64")
    building.add_argument("--roots")
    building.add_argument("--zip", required=True)
    building.set_defaults(run=build)
    order = parser.parse_args()
    try:
        order.run(order)
    except (Wrong, OSError, subprocess.CalledProcessError) as why:
        print(f"no layer: {why}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
