"""With ZeroMQ a subscriber gets what was sent before it subscribed (PUB-05): a send only queues a message.

The forwarder, here by hand, takes it from that queue when it comes to it.
"""

import sys

import zmq


def main() -> int:
    context = zmq.Context()
    into, out = context.socket(zmq.PULL), context.socket(zmq.XPUB)
    into.bind("inproc://into")
    out.bind("inproc://out")
    publisher, newcomer = context.socket(zmq.PUSH), context.socket(zmq.SUB)
    publisher.connect("inproc://into")
    publisher.send_multipart([b"news", b"old"])
    newcomer.connect("inproc://out")
    newcomer.subscribe(b"news")
    out.recv()  # the forwarder has the subscription
    out.send_multipart(into.recv_multipart())
    seen = newcomer.recv_multipart()[1] if newcomer.poll(2000) else None
    context.destroy(0)
    print(f"expected the newcomer to get nothing; seen within 2 s: {seen!r}")
    return 0 if seen == b"old" else 1


sys.exit(main())
