"""The templates as Python, made by :mod:`gfd.labels.compiler`; do not edit.

``pytest --update-golden tests/labels/test_compiler.py`` makes it anew.
"""


def _node(node, inventory, say):
    if not (node.timestamp is None):
        yield "_node.j2", 5, f"nvidia.com/gfd.timestamp={say(node.timestamp)}"
    if node.vgpu:
        yield "_node.j2", 10, f"nvidia.com/vgpu.present={say(str(node.vgpu.is_present).lower())}"
        if not (node.vgpu.driver_version is None):
            yield "_node.j2", 14, f"nvidia.com/vgpu.host-driver-version={say(node.vgpu.driver_version)}"
            yield "_node.j2", 16, f"nvidia.com/vgpu.host-driver-branch={say(node.vgpu.driver_branch)}"
    if node.gpu:
        yield "_node.j2", 22, f"nvidia.com/cuda.driver-version.full={say(node.driver.full)}"
        yield "_node.j2", 24, f"nvidia.com/cuda.driver-version.major={say(node.driver.major)}"
        yield "_node.j2", 26, f"nvidia.com/cuda.driver-version.minor={say(node.driver.minor)}"
        yield "_node.j2", 28, f"nvidia.com/cuda.driver-version.revision={say(node.driver.revision)}"
        if node.cuda:
            yield "_node.j2", 32, f"nvidia.com/cuda.runtime-version.full={say(node.cuda.major)}.{say(node.cuda.minor)}"
            yield "_node.j2", 34, f"nvidia.com/cuda.runtime-version.major={say(node.cuda.major)}"
            yield "_node.j2", 36, f"nvidia.com/cuda.runtime-version.minor={say(node.cuda.minor)}"
        yield "_node.j2", 40, f"nvidia.com/cuda.driver.major={say(node.driver.major)}"
        yield "_node.j2", 42, f"nvidia.com/cuda.driver.minor={say(node.driver.minor)}"
        yield "_node.j2", 44, f"nvidia.com/cuda.driver.rev={say(node.driver.revision)}"
        if node.cuda:
            yield "_node.j2", 48, f"nvidia.com/cuda.runtime.major={say(node.cuda.major)}"
            yield "_node.j2", 50, f"nvidia.com/cuda.runtime.minor={say(node.cuda.minor)}"
        yield "_node.j2", 53, f"nvidia.com/gpu.machine={say(node.machine)}"
        yield "_node.j2", 55, f"nvidia.com/gpu.mode={say(node.mode)}"
        if node.clique:
            yield "_node.j2", 59, f"nvidia.com/gpu.clique={say(node.clique)}"
        yield "_node.j2", 62, f"nvidia.com/mig.capable={say(str(node.is_mig_capable).lower())}"
        yield "_node.j2", 65, f"nvidia.com/mps.capable={say(str(node.is_mps_capable).lower())}"
        for model in node.models:
            yield "_node.j2", 69, f"nvidia.com/gpu.count.{say(model.product)}={say(model.count)}"


def _resources(node, inventory, say):
    for resource in node.resources:
        key = str('nvidia.com/') + str(resource.name)
        yield "_resources.j2", 6, f"{say(key)}.count={say(resource.count)}"
        yield "_resources.j2", 9, f"{say(key)}.product={say(resource.product)}"
        yield "_resources.j2", 12, f"{say(key)}.replicas={say(resource.replicas)}"
        yield "_resources.j2", 14, f"{say(key)}.sharing-strategy={say(resource.sharing_strategy)}"
        if not (resource.memory_mib is None):
            yield "_resources.j2", 18, f"{say(key)}.memory={say(resource.memory_mib)}"
        if resource.family:
            yield "_resources.j2", 23, f"{say(key)}.family={say(resource.family)}"
            yield "_resources.j2", 25, f"{say(key)}.compute.major={say(resource.compute_major)}"
            yield "_resources.j2", 27, f"{say(key)}.compute.minor={say(resource.compute_minor)}"
        if not (resource.gi_slices is None):
            yield "_resources.j2", 32, f"{say(key)}.slices.gi={say(resource.gi_slices)}"
            yield "_resources.j2", 34, f"{say(key)}.slices.ci={say(resource.ci_slices)}"
            yield "_resources.j2", 36, f"{say(key)}.multiprocessors={say(resource.multiprocessors)}"
            yield "_resources.j2", 38, f"{say(key)}.engines.copy={say(resource.engines.copy)}"
            yield "_resources.j2", 40, f"{say(key)}.engines.decoder={say(resource.engines.decoder)}"
            yield "_resources.j2", 42, f"{say(key)}.engines.encoder={say(resource.engines.encoder)}"
            yield "_resources.j2", 44, f"{say(key)}.engines.jpeg={say(resource.engines.jpeg)}"
            yield "_resources.j2", 46, f"{say(key)}.engines.ofa={say(resource.engines.ofa)}"


def mixed(node, inventory, say):
    yield from _node(node, inventory, say)
    if node.gpu:
        yield "mixed.j2", 6, f"nvidia.com/mig.strategy=mixed"
    yield from _resources(node, inventory, say)


def none(node, inventory, say):
    yield from _node(node, inventory, say)
    yield from _resources(node, inventory, say)


def single(node, inventory, say):
    yield from _node(node, inventory, say)
    if node.gpu:
        yield "single.j2", 6, f"nvidia.com/mig.strategy=single"
    yield from _resources(node, inventory, say)


TEMPLATES = {
    "mixed.j2": mixed,
    "none.j2": none,
    "single.j2": single,
}
