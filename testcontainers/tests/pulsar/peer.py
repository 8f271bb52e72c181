"""Pulsar's own Python client, as another program beside ours.

peer.py URL listen TOPIC COUNT      reads COUNT messages from the beginning, prints one JSON object for each
peer.py URL publish TOPIC [batch]   publishes each line of its input; with `batch` as one batch
"""

import json
import sys

import pulsar

TIMEOUT_MS = 30_000


def listen(client, topic, count):
    reader = client.create_reader(topic, pulsar.MessageId.earliest)
    for _ in range(count):
        message = reader.read_next(TIMEOUT_MS)
        print(
            json.dumps(
                {
                    "topic": message.topic_name(),
                    "key": message.partition_key(),
                    "payload": message.data().decode("utf-8"),
                    "properties": message.properties(),
                    "publishedAt": message.publish_timestamp(),
                }
            ),
            flush=True,
        )


def publish(client, topic, batched):
    options = {"batching_enabled": False}
    if batched:
        # Long enough for all lines to be of one batch.
        options = {"batching_enabled": True, "batching_max_publish_delay_ms": 1_000}
    producer = client.create_producer(topic, **options)
    for line in sys.stdin:
        producer.send_async(line.rstrip("\n").encode("utf-8"), lambda _result, _id: None)
    producer.flush()


def main():
    url, what, topic, *rest = sys.argv[1:]
    client = pulsar.Client(url, logger=pulsar.ConsoleLogger(pulsar.LoggerLevel.Error))
    if what == "listen":
        listen(client, topic, int(rest[0]))
    else:
        publish(client, topic, bool(rest))
    client.close()


main()
