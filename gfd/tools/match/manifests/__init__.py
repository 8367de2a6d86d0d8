"""Read the Kubernetes objects of files, and describe their pods.

:mod:`.objects` reads files; :mod:`.indentation` and :mod:`.placeholders` explain files that are not YAML, or
not complete. :mod:`.pods` defines a pod of a file, which :mod:`gfd.tools.match.workloads` finds.
"""
