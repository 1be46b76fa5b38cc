// A Kafka client that does what standard input says, and prints one line for each.
//
// kafka_session.js PORT
//
// send TOPIC PARTITION VALUE [TRACEPARENT]   sends one message: its "PARTITION:OFFSET"
// batch TOPIC PARTITION VALUE...             sends messages at once, compressed: the first's
// receive TOPIC COUNT                        receives so many messages: "PARTITION:OFFSET ..."

const { Kafka, CompressionTypes, logLevel } = require("kafkajs");

const kafka = (clientId) =>
  new Kafka({ clientId, brokers: [`127.0.0.1:${process.argv[2]}`], logLevel: logLevel.NOTHING });

let producer;
const send = async (topic, messages, compression) => {
  if (!producer) {
    producer = kafka("js-producer").producer();
    await producer.connect();
  }
  const [sent] = await producer.send({ topic, messages, compression });
  return `${sent.partition}:${sent.baseOffset}`;
};

let running = false;
const received = [];
let wanted = null;
const give = () => {
  if (wanted && received.length >= wanted.count) {
    wanted.resolve(received.splice(0, wanted.count).join(" "));
    wanted = null;
  }
};

const commands = {
  send: (topic, partition, value, traceparent) =>
    send(topic, [
      { value, partition: Number(partition), headers: traceparent ? { traceparent } : undefined },
    ]),
  batch: (topic, partition, ...values) =>
    send(
      topic,
      values.map((value) => ({ value, partition: Number(partition) })),
      CompressionTypes.GZIP,
    ),
  receive: async (topic, count) => {
    const answer = new Promise((resolve) => {
      wanted = { count: Number(count), resolve };
    });
    if (!running) {
      running = true;
      const consumer = kafka("js-consumer").consumer({ groupId: `${topic}-group` });
      await consumer.connect();
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      await consumer.run({
        eachMessage: async ({ partition, message }) => {
          received.push(`${partition}:${message.offset}`);
          give();
        },
      });
    }
    give();
    return answer;
  },
};

let queue = Promise.resolve();
require("readline")
  .createInterface({ input: process.stdin })
  .on("line", (line) => {
    const [command, ...rest] = line.split(" ");
    queue = queue.then(() => commands[command](...rest)).then((answer) => console.log(answer));
  })
  .on("close", () => process.exit());
