"""Read the hardware in a separate process.

A driver call can hang, crash, leak memory or keep a device open. So a child process reads: its parent waits
with a deadline, kills it if needed, and never loads the driver's library.

A command forks its own child. The service starts a small fork server (:mod:`gfd.worker.fork_server_main`),
because forking is safe only in a process with a single thread. The fork server has imported everything that a
read needs, so that a read is cheap. Each read is a new child; between reads only the fork server is there.

multiprocessing's fork server does not fit: it adds a third process (the resource tracker), leaves children
behind when the service is killed, and cannot report a child that is stuck in the kernel.
"""

from __future__ import annotations
