"""``tox -e release``: from a tagged commit to the files of a release."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from release import chart, checksums, packages, sbom
from release.images import ARCHITECTURES, TARGETS, Builder
from release.programs import ROOT, ReleaseError, check
from release.source import Source, read

PARTS = ("packages", "chart", "images")
PROGRAMS = {"chart": "helm", "images": "buildah"}
"""What a part needs besides git and Python."""
_REPOSITORY = re.compile(r"([a-z0-9.-]+(:[0-9]+)?/)?[a-z0-9._-]+(/[a-z0-9._-]+)*")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        _check(options)
        source = read(options.source, is_trial=options.trial)
        files = build(source, options)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    for path in files:
        print(f"{path.stat().st_size:>12,}  {path}")
    return 0


def build(source: Source, options: argparse.Namespace) -> list[Path]:
    """Make all files of the parts that are asked for, and publish them if that is asked for, too."""
    output, name = options.output, f"gfd-{source.version}"
    files = [sbom.write(source, output / f"{name}.cdx.json")]
    if "packages" in options.parts:
        files += packages.build(source, output)
    if "chart" in options.parts:
        packed = chart.build(
            source,
            output,
            image=options.image,
            nfd_repository=options.nfd_repository,
            is_plain_http=options.plain_http,
        )
        files.append(packed)
    builder = Builder(
        source=source.folder,
        options=tuple(options.build_option),
        base=options.base,
        time=source.commit_time,
    )
    built: dict[str, list[str]] = {}
    if "images" in options.parts:
        for architecture in options.architectures:
            for target in TARGETS:
                files += _build_image(source, builder, target, architecture, options, built)
    files.append(checksums.write(output, files))
    # Last: what is published is complete.
    for tag, names in built.items() if options.publish else ():
        builder.publish(names, f"{options.image}:{tag}", is_plain_http=options.plain_http)
    if options.publish and "chart" in options.parts:
        chart.publish(packed, options.charts, is_plain_http=options.plain_http)
    return files


def _build_image(
    source: Source,
    builder: Builder,
    target: str,
    architecture: str,
    options: argparse.Namespace,
    built: dict[str, list[str]],
) -> list[Path]:
    """Build one image; return its archive and, once for each architecture, its bill of materials."""
    tag = source.version + TARGETS[target]
    name = builder.build(target, architecture, f"localhost/gfd-release:{tag}-{architecture}")
    built.setdefault(tag, []).append(name)
    stem = f"gfd-{tag}-image-{architecture}"
    archive = options.output / f"{stem}.tar"
    files = [builder.save(name, archive, f"{options.image or 'gfd'}:{tag}")]
    # The targets have the same files.
    if not TARGETS[target]:
        files.append(sbom.write(source, options.output / f"{stem}.cdx.json", image=archive))
    return files


def _check(options: argparse.Namespace) -> None:
    for program in ("git", *(PROGRAMS[part] for part in options.parts if part in PROGRAMS)):
        check(program)
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        is_empty = not any(options.output.iterdir())
    except OSError as error:
        raise ReleaseError(f"--output {options.output}: {error.strerror}; name another folder") from error
    if not is_empty:
        raise ReleaseError(
            f"{options.output} is not empty; remove what an earlier run left there: rm -r {options.output}"
        )
    if options.publish and options.trial:
        raise ReleaseError("--publish and --trial exclude each other; tag the commit, and leave out --trial")
    for part, option in (("images", "image"), ("chart", "charts")):
        if options.publish and part in options.parts and not getattr(options, option):
            raise ReleaseError(
                f"--publish needs --{option} to know where to; pass it, or leave the part {part} out"
            )


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tox -e release --", description=__doc__, allow_abbrev=False)
    option = parser.add_argument
    option("--output", type=Path, default=ROOT / "dist", metavar="FOLDER", help="where the files go (dist)")
    option("--parts", type=_choose(PARTS), default=PARTS, help=f"some of {','.join(PARTS)} (all)")
    option(
        "--image",
        type=_read_repository,
        default="",
        help="repository of the image, such as registry.example/gfd; the chart's default",
    )
    option(
        "--charts",
        type=_read_charts,
        default="",
        help="OCI repository of charts, such as oci://registry.example/charts",
    )
    option("--publish", action="store_true", help="push images to --image and the chart to --charts")
    option(
        "--architectures",
        type=_choose(ARCHITECTURES),
        default=ARCHITECTURES,
        help="some of amd64,arm64 (all)",
    )
    option("--base", default="", help="the base image, in place of the Dockerfile's")
    option(
        "--build-option",
        action="append",
        default=[],
        help="an additional option of buildah build; may repeat",
    )
    option(
        "--nfd-repository", default="", help="where NFD's chart comes from, in place of the one in Chart.yaml"
    )
    option("--plain-http", action="store_true", help="reach the registries by HTTP without TLS")
    option("--trial", action="store_true", help="release nothing: accept changes and a missing tag")
    option("--source", type=Path, default=ROOT, metavar="FOLDER", help="the checkout (this one)")
    options = parser.parse_args(arguments)
    options.output = options.output.absolute()
    return options


def _read_repository(text: str) -> str:
    if text and not _REPOSITORY.fullmatch(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a repository, such as registry.example/gfd: small letters, and no tag, because "
            "the version is the tag"
        )
    return text


def _read_charts(text: str) -> str:
    if text and not text.startswith("oci://"):
        raise argparse.ArgumentTypeError(f"{text!r} does not begin with oci://; try oci://{text}")
    return text


def _choose(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    def read_list(text: str) -> tuple[str, ...]:
        chosen = tuple(text.split(","))
        if unknown := [each for each in chosen if each not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; choose from {', '.join(known)}")
        return chosen

    return read_list


if __name__ == "__main__":
    sys.exit(main())
