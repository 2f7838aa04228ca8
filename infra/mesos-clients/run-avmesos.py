#!/usr/bin/env python3
"""Runs `echo hello` tasks through the library avmesos.

What avmesos 0.4.2 does on the wire, and what it therefore needs of a master, is written down in
control-plane/docs/mesos-clients.md. Two of its habits shape this script:

- It hands an event on only when the next bytes arrive, because it takes the length of the next
  record to end the line. So a run lasts as long as the master's next heartbeats, unless something
  else is said on the stream; declining with a short filter makes new offers say something.
- It acknowledges each update by itself, before its callback runs.
"""

from avmesos.client import MesosClient

from harness import Run

SOON = {"filters": {"refuse_seconds": 1.0}}


def main():
    run = Run("avmesos")
    client = MesosClient(
        mesos_urls=[run.url],
        frameworkName="insula-test-avmesos",
        frameworkUser=run.user,
        # A refused connection is an answer; the library would otherwise ask again after 10 s.
        max_reconnect=1,
    )

    def on_offers(offers):
        for offer in offers:
            tasks = run.tasks_for(offer.get_offer())
            if tasks:
                # Adds `slave_id` beside the `agent_id` of each task.
                offer.accept(tasks, SOON)
            else:
                offer.decline(SOON)

    def on_update(update):
        if run.note(update["status"]):
            client.get_driver().tearDown()
            run.succeed()

    client.on(MesosClient.OFFERS, on_offers)
    client.on(MesosClient.UPDATE, on_update)
    client.on(MesosClient.ERROR, lambda message: run.fail(f"the master said: {message}"))
    client.register()
    run.fail(run.errors.text or "the master ended the event stream")


main()
