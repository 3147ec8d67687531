"""The reference SSE server: events of a bus, over HTTP, to readers that come and go.

    app.py       routes, and the order of the checks (SSE-06)
    access.py    who may read what
    problems.py  what a refusal looks like
    types.py     the `types` parameter (SSE-05)
    feeds.py     which subscriptions a reader needs, merged into one stream (SSE-10, SSE-11)
    executions.py  makes a workflow, and tells its status
    outbox.py    the bounded queue between the subscriptions and one reader (SSE-13)
    framing.py   an event as bytes (SSE-02, SSE-03)
    openapi.py   the document, from the same table as the routes (SSE-14)
    server.py    a real port, and a fast end with open streams

It needs the extra `sse`; importing this package alone imports none of it.
"""
