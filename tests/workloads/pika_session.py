"""A RabbitMQ client that does what standard input says, and prints one line for each.

pika_session.py PORT

open                                connects: "done"
declare EXCHANGE KEY QUEUE          a direct exchange, and a queue bound to it: "done"
publish EXCHANGE KEY BODY [NAME=VALUE...]
                                    publishes, with properties (message_id, correlation_id) and
                                    headers (traceparent); "-" is the default exchange: "done"
confirm                             the broker confirms what is published from here on: "done"
consume QUEUE COUNT                 receives so many messages and acks each: "BODY ..."
get QUEUE                           gets one message: "BODY"
"""

import sys

import pika

channel = None


def connect():
    global channel
    parameters = pika.ConnectionParameters("127.0.0.1", int(sys.argv[1]))
    channel = pika.BlockingConnection(parameters).channel()
    return "done"


def declare(exchange, key, queue):
    channel.exchange_declare(exchange, "direct")
    channel.queue_declare(queue)
    channel.queue_bind(queue, exchange, key)
    return "done"


def publish(exchange, key, body, *named):
    named = dict(pair.split("=", 1) for pair in named)
    headers = {"traceparent": named.pop("traceparent")} if "traceparent" in named else None
    channel.basic_publish(
        "" if exchange == "-" else exchange, key, body, pika.BasicProperties(headers=headers, **named)
    )
    return "done"


def confirm():
    channel.confirm_delivery()
    return "done"


def consume(queue, count):
    got = []
    for method, _, body in channel.consume(queue):
        channel.basic_ack(method.delivery_tag)
        got.append(body.decode())
        if len(got) == int(count):
            break
    channel.cancel()
    return " ".join(got)


def get(queue):
    _, _, body = channel.basic_get(queue, auto_ack=True)
    return body.decode()


commands = {
    "open": connect,
    "declare": declare,
    "publish": publish,
    "confirm": confirm,
    "consume": consume,
    "get": get,
}
for line in sys.stdin:
    command, *arguments = line.split()
    print(commands[command](*arguments), flush=True)
