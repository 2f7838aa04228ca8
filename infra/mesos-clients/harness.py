"""What both client scripts share: arguments, the deadline, the outcome and the one line at the end."""

import argparse
import getpass
import logging
import os
import sys
import threading


class LastError(logging.Handler):
    """Keeps the cause last logged by a library that logs its errors instead of raising them."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.text = None

    def emit(self, record):
        cause = record.exc_info[1] if record.exc_info else None
        if cause:
            self.text = f"{type(cause).__name__}: {cause}"
        elif self.text is None:
            self.text = record.getMessage()


class Run:
    """One run of a client: which tasks it wants, what became of them, and how it ends."""

    def __init__(self, client):
        parser = argparse.ArgumentParser(
            description=f"Runs command tasks through {client} to TASK_FINISHED."
        )
        parser.add_argument("url", help="the master, for example http://127.0.0.1:5050")
        parser.add_argument("--tasks", type=int, default=3, metavar="N")
        parser.add_argument("--deadline", type=float, default=120.0, metavar="SECONDS")
        arguments = parser.parse_args()

        self.client = client
        self.url = arguments.url.rstrip("/")
        self.user = getpass.getuser()
        self.waiting = [f"{client}-{number}" for number in range(arguments.tasks)]
        self.unfinished = set(self.waiting)
        self.wanted = arguments.tasks
        self.errors = LastError()
        logging.basicConfig(level=logging.ERROR, handlers=[self.errors])

        watchdog = threading.Timer(arguments.deadline, self._expire, [arguments.deadline])
        watchdog.daemon = True
        watchdog.start()

    def tasks_for(self, offer):
        """The TaskInfos of waiting tasks that fit `offer`; they count as launched from here on."""
        free = {
            resource["name"]: resource["scalar"]["value"]
            for resource in offer["resources"]
            if resource["type"] == "SCALAR"
        }
        room = min(int(free.get("cpus", 0) / 0.1), int(free.get("mem", 0) / 32))
        chosen, self.waiting = self.waiting[:room], self.waiting[room:]
        return [
            {
                "name": name,
                "task_id": {"value": name},
                "agent_id": offer["agent_id"],
                "command": {"shell": True, "value": "echo hello"},
                "resources": [
                    {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                    # A number as a string, because frameworks do write it and a Mesos master
                    # accepts it.
                    {"name": "mem", "type": "SCALAR", "scalar": {"value": "32"}},
                ],
            }
            for name in chosen
        ]

    def note(self, status):
        """Takes one TaskStatus; true once every task has finished. A lost or failed task ends the run."""
        task, state = status["task_id"]["value"], status["state"]
        if state == "TASK_FINISHED":
            self.unfinished.discard(task)
        elif state not in ("TASK_STAGING", "TASK_STARTING", "TASK_RUNNING"):
            self.fail(f"{task} became {state}: {status.get('message', 'no message')}")
        return not self.unfinished

    def succeed(self):
        """Says so and ends the process, which a library's threads would otherwise keep alive."""
        print(f"{self.client}: {self.wanted} tasks reached TASK_FINISHED at {self.url}", flush=True)
        os._exit(0)

    def fail(self, reason):
        """Says why and ends the process, from whatever thread."""
        print(f"{self.client}: failed at {self.url}: {reason}", file=sys.stderr, flush=True)
        os._exit(1)

    def _expire(self, seconds):
        tasks = ", ".join(sorted(self.unfinished))
        last = f"; the library's last error: {self.errors.text}" if self.errors.text else ""
        self.fail(f"not finished within {seconds:g} s: {tasks}{last}")
