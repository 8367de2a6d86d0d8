"""Place the pods of one run one after the other, and count how many copies of each fit.

:mod:`.run` places them, with the counts that are certain from :mod:`.bounds` and :mod:`.domains`;
:mod:`.companions` finds pods that decide about the nodes of others. :mod:`.outcome` is the result, and
:mod:`.counts` says it in words.
"""
