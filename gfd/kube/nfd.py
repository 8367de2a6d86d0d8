"""NFD's NodeFeature objects: their API, names and paths."""

API_VERSION = "nfd.k8s-sigs.io/v1alpha1"
NODE_LABEL = "nfd.node.kubernetes.io/node-name"
"""The label with the name of a NodeFeature's node. NFD deletes an object without it."""
NAME_PREFIX = "nvidia-features-for-"
"""The name of gfd's object, and of gpu-feature-discovery's, is this prefix and the node's name."""

ALL_NODE_FEATURES = f"/apis/{API_VERSION}/nodefeatures"
"""The path of the NodeFeatures of all namespaces."""


def node_features_path(namespace: str) -> str:
    """Return the path of the NodeFeatures of a namespace."""
    return f"/apis/{API_VERSION}/namespaces/{namespace}/nodefeatures"


def node_feature_path(namespace: str, node_name: str) -> str:
    """Return the path of the object that gfd writes for a node."""
    return f"{node_features_path(namespace)}/{NAME_PREFIX}{node_name}"
