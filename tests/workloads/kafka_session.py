"""A Kafka client that does what standard input says, and prints one line for each.

kafka_session.py kafka-python|confluent-kafka PORT

create TOPIC...                            makes topics with three partitions: "done"
send TOPIC PARTITION VALUE [TRACEPARENT]   sends one message: its "PARTITION:OFFSET"
receive TOPIC COUNT                        receives so many messages: "PARTITION:OFFSET ..."
"""

import sys

LIBRARY, PORT = sys.argv[1:]
BROKER = f"127.0.0.1:{PORT}"


def headers(traceparent):
    return [("traceparent", text.encode()) for text in traceparent]


class KafkaPython:
    producer = None
    consumer = None

    def create(self, *topics):
        from kafka.admin import KafkaAdminClient, NewTopic

        admin = KafkaAdminClient(bootstrap_servers=BROKER)
        admin.create_topics([NewTopic(topic, 3, 1) for topic in topics])
        admin.close()
        return "done"

    def send(self, topic, partition, value, *traceparent):
        from kafka import KafkaProducer

        self.producer = self.producer or KafkaProducer(
            bootstrap_servers=BROKER, client_id="py-producer"
        )
        sent = self.producer.send(
            topic, value.encode(), partition=int(partition), headers=headers(traceparent)
        ).get(30)
        return f"{sent.partition}:{sent.offset}"

    def receive(self, topic, count):
        from kafka import KafkaConsumer

        self.consumer = self.consumer or KafkaConsumer(
            topic,
            bootstrap_servers=BROKER,
            client_id="py-consumer",
            group_id="py-group",
            auto_offset_reset="earliest",
        )
        got = [next(self.consumer) for _ in range(int(count))]
        return " ".join(f"{message.partition}:{message.offset}" for message in got)


class Confluent:
    producer = None
    consumer = None

    def send(self, topic, partition, value, *traceparent):
        from confluent_kafka import Producer

        self.producer = self.producer or Producer(
            {"bootstrap.servers": BROKER, "client.id": "rd-producer", "linger.ms": 0}
        )
        sent = []

        def delivered(error, message):
            assert error is None, error
            sent.append(f"{message.partition()}:{message.offset()}")

        self.producer.produce(
            topic, value, partition=int(partition), headers=headers(traceparent), callback=delivered
        )
        assert self.producer.flush(30) == 0
        return sent[0]

    def receive(self, topic, count):
        from confluent_kafka import Consumer

        if self.consumer is None:
            self.consumer = Consumer(
                {
                    "bootstrap.servers": BROKER,
                    "client.id": "rd-consumer",
                    "group.id": "rd-group",
                    "auto.offset.reset": "earliest",
                }
            )
            self.consumer.subscribe([topic])
        got = []
        while len(got) < int(count):
            message = self.consumer.poll(30)
            assert message is not None and message.error() is None, message
            got.append(f"{message.partition()}:{message.offset()}")
        return " ".join(got)


client = {"kafka-python": KafkaPython, "confluent-kafka": Confluent}[LIBRARY]()
for line in sys.stdin:
    command, *arguments = line.split()
    print(getattr(client, command)(*arguments), flush=True)
