"""Help with a pod that fits no node: the nearest labels, and the smallest changes after which it fits.

:mod:`.suggestions` finds labels and resources like those that no node has. :mod:`.search` finds fixes: it
combines the :mod:`.steps` that :mod:`.mismatch_steps` lists against each mismatch, judges the changed pod
again, and lets :mod:`.substitution` say what the pod gets instead. :mod:`.advice` prints both.
"""
