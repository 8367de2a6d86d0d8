"""Make the files of a release: ``tox -e release`` (RELEASING.md).

The folder dist then has the wheel, the sdist, the chart, an image archive for each target and architecture,
bills of materials, and checksums. Builders stay those of each kind: build, helm and buildah.
"""
