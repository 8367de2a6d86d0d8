"""Random JSON for hypothesis: anything, and what looks a little like an object of Kubernetes."""

from __future__ import annotations

from hypothesis import strategies as st

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("1"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    (
        *("metadata", "name", "uid", "resourceVersion", "labels", "annotations", "managedFields", "manager"),
        *(
            "operation",
            "subresource",
            "fieldsV1",
            "f:metadata",
            "f:labels",
            "ownerReferences",
            "kind",
            "spec",
        ),
        *("features", "items", "continue", "remainingItemCount", "status", "userInfo", "extra", "message"),
        *("reason", "code", "details", "causes", "field", "retryAfterSeconds", "type", "object", "resources"),
    )
)
KNOWN = st.recursive(
    ANYTHING,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=8),
    max_leaves=25,
)
"""JSON with field names of Kubernetes."""
