"""Outgoing webhooks: what has happened is sent to those whom it concerns, signed, until they have taken it.

Who it concerns is told by the event: its institution, and the persons and shops that its payload names in
``parties``; the operator may have everything. The way of an event:

* ``queueing``: the worker reads the outbox and writes a delivery for each endpoint that wants the topic.
* ``delivering``: the worker posts what is due and records each attempt; ``schedule`` says when to try again.
* ``endpoints`` and ``log``: what owners register, and what they see of it.

A receiver answers 2xx within 15 seconds, drops repetitions by ``webhook-id``, and checks the signature over the
exact bytes of the body. Source of form and signature: Standard Webhooks 1.0.0,
https://github.com/standard-webhooks/standard-webhooks.
"""
