#!/usr/bin/env python3
"""Runs `echo hello` tasks through the library pymesos.

What pymesos 0.3.15 does on the wire, and what it therefore needs of a master, is written down in
control-plane/docs/mesos-clients.md. It subscribes on a connection of its own and sends every call
on a second one, which it keeps open; when the master closes that one between calls, the next call
fails and the library subscribes again.
"""

import logging
import threading
from urllib.parse import urlsplit

from pymesos import MesosSchedulerDriver, Scheduler

from harness import Run

SOON = {"refuse_seconds": 1.0}


class EchoScheduler(Scheduler):
    def __init__(self, run):
        self.run = run
        self.done = threading.Event()

    def resourceOffers(self, driver, offers):
        for offer in offers:
            tasks = self.run.tasks_for(offer)
            if tasks:
                driver.launchTasks(offer["id"], tasks, SOON)
            else:
                driver.declineOffer(offer["id"], SOON)

    def statusUpdate(self, driver, status):
        # The library acknowledges the update when this returns.
        if self.run.note(status):
            self.done.set()

    def error(self, driver, message):
        self.run.fail(f"the master said: {message}")


def drive(run):
    scheduler = EchoScheduler(run)
    driver = MesosSchedulerDriver(
        scheduler,
        {"user": run.user, "name": "insula-test-pymesos", "hostname": "localhost"},
        urlsplit(run.url).netloc,
    )
    driver.start()
    # start() asks GET /version and only logs when that fails; then it would retry for a day.
    if driver.version is None:
        run.fail(run.errors.text or "GET /version had no usable answer")

    # A wait without an end would not see the error that the library raises in this thread when its
    # own one dies.
    while not scheduler.done.wait(0.2):
        pass
    # Sends TEARDOWN, after the acknowledgement that is still to come.
    driver.stop()
    driver.join()


def main():
    run = Run("pymesos")
    # The library prints its log by itself; the run's one line says what matters of it.
    logging.getLogger("pymesos").handlers.clear()
    try:
        drive(run)
    except (Exception, KeyboardInterrupt) as error:
        run.fail(run.errors.text or repr(error))
    run.succeed()


main()
