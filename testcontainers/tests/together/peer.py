"""Clients of Redis and Pulsar that others wrote, as another program beside ours.

peer.py redis PORT CHANNEL...             prints "ready", then each message on these (patterns) as one JSON object
peer.py pulsar URL TOPIC TEXT COUNT       reads from the beginning; prints the first COUNT messages that contain TEXT.
                                          Delivery is at least once: what comes again is not counted again
"""

import json
import sys

TIMEOUT_MS = 30_000


def show(**fields):
    print(json.dumps(fields), flush=True)


def listen(port, patterns):
    import redis

    listener = redis.Redis(host="127.0.0.1", port=int(port), decode_responses=True).pubsub()
    listener.psubscribe(*patterns)
    for _ in patterns:
        assert listener.get_message(timeout=10)["type"] == "psubscribe"
    print("ready", flush=True)
    for message in listener.listen():
        show(pattern=message["pattern"], channel=message["channel"], data=message["data"])


def find(url, topic, text, count):
    import pulsar

    client = pulsar.Client(url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
    reader = client.create_reader(topic, pulsar.MessageId.earliest)
    found = set()
    while len(found) < int(count):
        message = reader.read_next(TIMEOUT_MS)
        payload = message.data().decode("utf-8")
        if text in payload and payload not in found:
            found.add(payload)
            show(topic=message.topic_name(), key=message.partition_key(), properties=message.properties(), data=payload)
    client.close()


def main():
    what, where, *rest = sys.argv[1:]
    if what == "redis":
        listen(where, rest)
    else:
        find(where, *rest)


main()
